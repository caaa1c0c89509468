r"""Words of a text, and the pieces of a pattern that must be words or parts of words.

Not here: where words are kept (`block`). Invariants: a word is a longest run of letters and digits (`\w`), so a text contains a pattern only if
its words contain the pattern's pieces, and if the pattern is one piece, exactly then. Texts and patterns are case-folded.
"""

import re

import msgspec

MAX_PIECES = 16  # of a pattern; the others narrow nothing

_WORD = re.compile(r"\w+")


class Piece(msgspec.Struct, frozen=True):
    """A part of a word as it stands in a dictionary, whose words lie between line ends."""

    needle: bytes


class Pattern(msgspec.Struct, frozen=True):
    """What is searched. `is_exact`: a text whose words contain the one piece contains the pattern."""

    pieces: tuple[Piece, ...]
    is_exact: bool


def words_of(text: str) -> set[str]:
    """The different words of a text."""
    return set(_WORD.findall(text))


def pattern_of(text: str) -> Pattern | None:
    """The pieces of a pattern; None if it has no letter or digit."""
    found = [*_WORD.finditer(text)]
    if not found:
        return None
    pieces = []
    for one in found[:MAX_PIECES]:
        # what stands beside a piece is no letter, so in the text the word begins or ends there too
        start = "\n" if one.start() > 0 else ""
        end = "\n" if one.end() < len(text) else ""
        pieces.append(Piece(encoded(f"{start}{one[0]}{end}")))
    return Pattern(tuple(dict.fromkeys(pieces)), len(found) == 1 and found[0].span() == (0, len(text)))


def encoded(text: str) -> bytes:
    """Octets in the order of which words are kept; any text has some."""
    return text.encode("utf-8", "surrogatepass")
