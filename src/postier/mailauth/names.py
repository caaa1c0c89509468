"""Domain names as the checks need them: one canonical spelling, parents, and subdomain tests.

Not here: `mime.address.parse_domain`, which is stricter (host names only) and raises. Sources: RFC 1035 §2.3.4,
RFC 5890 §2.3, RFC 8616 §4. Invariant: what `canonical` returns may be put in a question.
"""

import re
from functools import lru_cache

from postier.mime.a_labels import a_labels

MAX_NAME_LENGTH = 253  # RFC 1035 §2.3.4, presentation form without the final dot
MAX_LABELS = 127
MAX_TEXT = (
    1_024  # characters of a name as somebody wrote it; longer ones can't be names, and are not remembered
)

# RFC 1035 §2.3.4: labels of 1 to 63 octets; RFC 2181 §11 allows any octet, controls are refused here; a space
# can come from the %_ of SPF
_NAME = re.compile(r"[ -\-/-~]{1,63}(?:\.[ -\-/-~]{1,63})*", re.ASCII)


def canonical(text: str) -> str | None:
    """The name in lower case A-labels without the final dot; None when it cannot be one.

    Refused: empty labels, labels over 63, names over 253, control characters, bad U-labels.
    """
    return _canonical(text) if len(text) <= MAX_TEXT else None


@lru_cache(maxsize=8192)
def _canonical(text: str) -> str | None:
    name = text.removesuffix(".")
    if not name.isascii():
        try:
            name = a_labels(name)  # RFC 8616 §4
        except UnicodeError:
            return None
    name = name.lower()
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        return None
    return name


def host_name(text: str) -> str | None:
    """The same for names that are hosts or key places: letters, digits, hyphen and underscore only."""
    return _host_name(text) if len(text) <= MAX_TEXT else None


@lru_cache(maxsize=8192)
def _host_name(text: str) -> str | None:
    name = _canonical(text)
    return name if name is not None and _HOST.fullmatch(name) else None


def is_within(name: str, parent: str) -> bool:
    """Whether canonical `name` is `parent` or below it."""
    return name == parent or (name.endswith(parent) and name[-len(parent) - 1 : -len(parent)] == ".")


def parent_of(name: str) -> str:
    """The name without its leftmost label; "" above a top-level name."""
    return name.partition(".")[2]


def printable(text: str, limit: int = 200) -> str:
    """Foreign text made safe for a reason, a log line or a header: printable ASCII, bounded."""
    clean = text.encode("ascii", "replace").decode("ascii")
    clean = _UNSAFE.sub("?", clean)
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."


_UNSAFE = re.compile(r"[^ -~]")
_HOST = re.compile(r"[0-9a-z_](?:[0-9a-z_-]*[0-9a-z_])?(?:\.[0-9a-z_](?:[0-9a-z_-]*[0-9a-z_])?)*")
