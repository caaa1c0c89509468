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
    try:
        tags = {
            name.strip(_FWS): value.strip(_FWS) for name, value in [piece.split("=", 1) for piece in pieces]
        }
    except ValueError:  # a piece without "="
        return _one_by_one(pieces)
    return tags if len(tags) == len(pieces) and tags.keys() <= _KNOWN else _one_by_one(pieces)


def _one_by_one(pieces: list[str]) -> dict[str, str]:
    """The tags with a look at every name; raises TagError."""
    tags: dict[str, str] = {}
    for piece in pieces:
        before, equals, value = piece.partition("=")
        name = before.strip(_FWS)
        if not equals or not _NAME.fullmatch(name):
            raise TagError(f"{piece.strip(_FWS)[:40]!r} is not tag=value")
        if name in tags:  # RFC 6376 §3.2: duplicate names make the whole list invalid
            raise TagError(f"tag {name}= occurs twice")
        tags[name] = value.strip(_FWS)
    return tags


def unfolded(value: str) -> str:
    """A value without any folding white space, as base64 and hyphenated-word tags are read."""
    return "".join(value.split())


def words(value: str) -> list[str]:
    """A colon-separated value as lower-case words (h=, s=, t= of a key; h=, q= of a signature)."""
    return [word.strip(_FWS).lower() for word in value.split(":")]
