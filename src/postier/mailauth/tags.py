"""The tag=value lists of DKIM-Signature, ARC fields and key records.

Not here: the tolerant lists of DMARC (`dmarc.record`). Source: RFC 6376 §3.2 with eid5070. Invariants: a list
with a duplicate tag, a nameless tag or a broken name is refused whole; values keep inner white space.
"""

import re

MAX_TAGS = 64  # RFC 6376 defines 13; a longer list is an attack

# RFC 6376 §3.2: tag-name = ALPHA *ALNUMPUNC
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FWS = " \t\r\n"
# names that need no look at their letters
_KNOWN = frozenset(
    ("v", "a", "b", "bh", "c", "d", "h", "i", "l", "q", "s", "t", "x", "z", "cv", "k", "n", "p")
)


class TagError(ValueError):
    """The list is not well formed; the text says where."""


def parse_tags(text: str) -> dict[str, str]:
    """The tags in order; raises TagError. An empty last tag (final semicolon) is allowed."""
    pieces = text.split(";")
    if len(pieces) > MAX_TAGS + 1:
        raise TagError(f"more than {MAX_TAGS} tags")
    if not pieces[-1].strip(_FWS):
        pieces.pop()
    parts = [piece.partition("=") for piece in pieces]
    names = [name.strip(_FWS) for name, _, _ in parts]
    tags = dict(zip(names, [value.strip(_FWS) for _, _, value in parts], strict=True))
    if len(tags) < len(names) or not _KNOWN.issuperset(names) or ("", "") in [part[1:] for part in parts]:
        _check(parts, names)
    return tags


def _check(parts: list[tuple[str, str, str]], names: list[str]) -> None:
    """Every name in order, on its own; raises TagError."""
    seen = set()
    for (before, equals, value), name in zip(parts, names, strict=True):
        if not equals or not _NAME.fullmatch(name):
            raise TagError(f"{(before + equals + value).strip(_FWS)[:40]!r} is not tag=value")
        if name in seen:  # RFC 6376 §3.2: duplicate names make the whole list invalid
            raise TagError(f"tag {name}= occurs twice")
        seen.add(name)


def unfolded(value: str) -> str:
    """A value without any folding white space, as base64 and hyphenated-word tags are read."""
    return "".join(value.split())


def words(value: str) -> list[str]:
    """A colon-separated value as lower-case words (h=, s=, t= of a key; h=, q= of a signature)."""
    return [word.strip(_FWS).lower() for word in value.split(":")]
