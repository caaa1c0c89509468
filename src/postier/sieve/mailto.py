"""mailto URIs, as notifications and their checks use them.

Not here: the commands (`ext.enotify`). Source: RFC 6068; RFC 5436 §2.1, §2.7. Invariants: fields that a URI must not set
are left out, addresses are checked and counted; any text gives a URI in its pieces or None.
"""

import re
from urllib.parse import quote, unquote_to_bytes

import msgspec

from postier.sieve.addresses import outbound_address, split_list

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):((?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}")
MAX_RECIPIENTS = 10  # of one notification
MAX_URI_CHARACTERS = 4_096

# RFC 5436 §2.7: fields that a URI must not set, or that have their own meaning
_IGNORED = frozenset(
    [
        "from",
        "auto-submitted",
        "received",
        "message-id",
        "date",
        "return-path",
        "sender",
        "resent-from",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "dkim-signature",
        "to",
        "cc",
        "bcc",
        "subject",
        "body",
        "references",
        "in-reply-to",
    ]
)


class Mailto(msgspec.Struct, frozen=True):
    """What a mailto URI asks for."""

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    subject: str | None = None
    body: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


def scheme_of(uri: str) -> str | None:
    """The scheme of a URI in lower case, or None when it is no URI (RFC 3986 §3.1)."""
    match = _URI.fullmatch(uri) if len(uri) <= MAX_URI_CHARACTERS else None
    return None if match is None else match[1].lower()


def parse_mailto(uri: str) -> Mailto | None:
    """A mailto URI, or None when it is none or names nobody (RFC 6068 §2, RFC 5436 §2.1)."""
    if scheme_of(uri) != "mailto" or "#" in uri:
        return None
    people, _, query = uri.partition(":")[2].partition("?")
    # RFC 6068 §2 wants commas between addresses as they are, but many write them as %2C
    to = [each for each in split_list(_decoded(people)) if each.strip()]
    cc: list[str] = []
    subject = body = None
    fields: list[tuple[str, str]] = []
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        if not equals:
            return None
        key, text = _decoded(name).lower(), _decoded(value)
        match key:
            case "to" | "cc":
                (to if key == "to" else cc).extend([each for each in split_list(text) if each.strip()])
            case "subject":
                subject = " ".join(text.split())
            case "body":
                body = text
            case _ if not _FIELD_NAME.fullmatch(key):
                return None
            case _ if key not in _IGNORED:
                fields.append((key, " ".join(text.split())))
    addresses = [[outbound_address(each) for each in listed] for listed in (to, cc)]
    if None in addresses[0] or None in addresses[1]:
        return None
    seen: set[str] = set()
    found = [tuple([each for each in listed if each and _is_new(each, seen)]) for listed in addresses]
    if (not found[0] and not found[1]) or len(found[0]) + len(found[1]) > MAX_RECIPIENTS:
        return None
    return Mailto(found[0], found[1], subject, body, tuple(fields))


def _is_new(address: str, seen: set[str]) -> bool:
    """RFC 5436 §2.7: nobody is notified twice; the first place that names someone counts."""
    key = address.lower()
    is_new = key not in seen
    seen.add(key)
    return is_new


def without_people(uri: str, known: set[str]) -> str | None:
    """A checked mailto URI without these people, in lower case; None when nobody is left."""
    mailto = parse_mailto(uri)
    assert mailto is not None
    to = [each for each in mailto.to if each.lower() not in known]
    cc = [each for each in mailto.cc if each.lower() not in known]
    if len(to) + len(cc) == len(mailto.to) + len(mailto.cc):
        return uri
    if not to and not cc:
        return None
    _, _, query = uri.partition("?")
    kept = [
        pair for pair in query.split("&") if _decoded(pair.partition("=")[0]).lower() not in ("", "to", "cc")
    ]
    pairs = [f"cc={','.join([quote(each, safe='@') for each in cc])}"] if cc else []
    return f"mailto:{','.join([quote(each, safe='@') for each in to])}?{'&'.join(pairs + kept)}".removesuffix(
        "?"
    )


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "replace")
