"""PARTIAL: a stretch of a result, counted from its beginning or from its end.

Not here: what is counted. Source: RFC 9394 §3.1, §3.3, §4; RFC 5267 §4.4. Invariant: places are not 0, and both of one sign.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from postier.imap.sets import MAX_NUMBER
from postier.imap.tokens import Cursor

Numbers = TypeVar("Numbers", bound=Sequence[int])


class Partial(msgspec.Struct, frozen=True):
    """A stretch as the client wrote it: places from 1 on, or from -1 backwards."""

    first: int
    last: int

    def span(self, count: int) -> slice:
        """Where the stretch lies among `count` members; it may be empty."""
        low, high = sorted((abs(self.first), abs(self.last)))  # RFC 9394 §4: 500:400 is 400:500
        if self.first > 0:
            return slice(low - 1, high)
        return slice(max(count - high, 0), max(count - low + 1, 0))


def partial_range(cursor: Cursor) -> Partial:
    """RFC 9394 §4 partial-range."""
    first = _place(cursor)
    cursor.expect(b":")
    last = _place(cursor)
    if (first < 0) != (last < 0):
        raise cursor.error("expected places counted from one end")
    return Partial(first, last)


def _place(cursor: Cursor) -> int:
    is_from_end = cursor.take(b"-")
    place = cursor.nz_number()
    if place > MAX_NUMBER:
        raise cursor.error("number is over 32 bits")
    return -place if is_from_end else place
