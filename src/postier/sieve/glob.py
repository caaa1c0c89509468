r"""Wildcard patterns: `*` any run of characters, `?` one, `\` takes the meaning from the next.

Not here: comparators (both sides come folded). Source: RFC 5228 §2.7.1; RFC 5229 §3.2 (each wildcard takes as little as
possible). Invariants: no backtracking: each piece between stars is looked for once, leftmost; `cost` is how many times
the length of a value a match may take.
"""

import re

import msgspec

_WILD_COST = (
    4  # times the length of the value, for a piece with "?", and once more for each of its characters
)


class _Piece(msgspec.Struct, frozen=True):
    """What stands between two stars: `length` characters, `wild` the places of "?" in it."""

    literal: str
    length: int
    wild: tuple[int, ...]
    pattern: re.Pattern[str] | None

    def is_at(self, value: str, start: int) -> bool:
        if self.pattern is None:
            return value.startswith(self.literal, start)
        return self.pattern.match(value, start) is not None

    def find(self, value: str, start: int, end: int) -> int:
        if self.pattern is None:
            return value.find(self.literal, start, end)
        found = self.pattern.search(value, start, end)
        return found.start() if found else -1


class Glob:
    """A compiled pattern."""

    __slots__ = ("_first", "_last", "_middle", "cost")

    def __init__(self, pattern: str) -> None:
        pieces = _pieces(pattern)
        self._first = pieces[0]
        self._middle = tuple(pieces[1:-1])
        self._last = pieces[-1] if len(pieces) > 1 else None
        self.cost = max((_WILD_COST + each.length for each in pieces if each.pattern), default=1)

    def match(self, value: str) -> list[tuple[int, int]] | None:
        """What each wildcard stands for, as ranges of the value; None when the whole value does not match."""
        first, last, end = self._first, self._last, len(value)
        if not first.is_at(value, 0):
            return None
        if last is None:
            return [(at, at + 1) for at in first.wild] if first.length == end else None
        tail = end - last.length
        if tail < first.length or not last.is_at(value, tail):
            return None
        found = [(at, at + 1) for at in first.wild]
        position = first.length
        for piece in self._middle:
            start = piece.find(value, position, tail)
            if start < 0:
                return None
            found.append((position, start))
            found.extend([(start + at, start + at + 1) for at in piece.wild])
            position = start + piece.length
        found.append((position, tail))
        found.extend([(tail + at, tail + at + 1) for at in last.wild])
        return found


def _pieces(pattern: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    characters: list[str] = []
    wild: list[int] = []
    is_escaped = False
    for character in pattern:
        if is_escaped or character not in "*?\\":
            characters.append(character)
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif character == "?":
            wild.append(len(characters))
            characters.append("?")
        else:
            pieces.append(_piece(characters, wild))
            characters, wild = [], []
    if is_escaped:
        characters.append("\\")
    pieces.append(_piece(characters, wild))
    return pieces


def _piece(characters: list[str], wild: list[int]) -> _Piece:
    literal = "".join(characters)
    compiled = None
    if wild:
        places = set(wild)
        compiled = re.compile(
            "".join(["." if at in places else re.escape(each) for at, each in enumerate(characters)]),
            re.DOTALL,
        )
    return _Piece(literal, len(characters), tuple(wild), compiled)
