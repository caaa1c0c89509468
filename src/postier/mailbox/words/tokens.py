r"""Words of a text, and the pieces of a pattern that must be words or parts of words.

Not here: where words are kept (`block`), how a text is folded (`mime.collation`). Invariants: a word is a longest run of
letters, digits and their marks in the folded text, so a text contains a pattern only if its words contain the pattern's
pieces, and if the pattern is one piece, exactly then. Linear time; ASCII costs 40 ns a word.
"""

import re

import msgspec

from postier.mime.collation import search_fold

MAX_PIECES = 16  # of a pattern; the others narrow nothing

# `\w`, and the marks that letters decomposed by Unicode have (Latin, Greek, Cyrillic; Kana)
_WORD = re.compile(r"[\w\u0300-\u036f\u3099\u309a]+")
# ASCII folded, and a space for all of it that is in no word; octets of other characters stay
_FOLDED = bytes(
    octet if octet >= 0x80 else ord(chr(octet).lower()) if _WORD.match(chr(octet)) else 0x20
    for octet in range(256)
)
_MIN_FOREIGN = 1.25  # octets a character from which on a text is read by characters: measured


class Piece(msgspec.Struct, frozen=True):
    """A part of a word as it stands in a dictionary, whose words lie between line ends."""

    needle: bytes


class Pattern(msgspec.Struct, frozen=True):
    """What is searched. `is_exact`: a text whose words contain the one piece contains the pattern."""

    pieces: tuple[Piece, ...]
    is_exact: bool


def words_of(text: str) -> set[bytes]:
    """The different words of a text, folded and encoded; the text need not be folded."""
    octets = encoded(text)
    if len(octets) == len(text):
        return words_of_ascii(octets)
    if len(octets) > len(text) * _MIN_FOREIGN:
        return _by_characters(text)
    # What is ASCII and no letter folds to itself, alone, and parts words: between it each stretch can be read by itself.
    stretches = words_of_ascii(octets)
    foreign = [stretch for stretch in stretches if not stretch.isascii()]
    stretches.difference_update(foreign)
    stretches |= _by_characters(b" ".join(foreign).decode("utf-8", "surrogatepass"))
    return stretches


def words_of_ascii(octets: bytes) -> set[bytes]:
    """The same for a text that is ASCII."""
    return set(octets.translate(_FOLDED).split())


def _by_characters(text: str) -> set[bytes]:
    return set(encoded("\n".join(set(_WORD.findall(search_fold(text))))).split(b"\n")) - {b""}


def pattern_of(text: str) -> Pattern | None:
    """The pieces of a (folded) pattern; None if it has no letter or digit."""
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
