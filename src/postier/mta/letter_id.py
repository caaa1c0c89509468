"""The one name of a letter from connect to mailbox or remote reply: queue id, trace id, the id of its Received field.

As a number it is microseconds since 1970 and ten random bits, so ids sort by time and fit 63 bits until the year 2262;
as text it is thirteen base-32 digits without look-alikes. Two workers may draw the same in one microsecond: the rows that bear it
(verdict, queue, the first event of a story) take it once, and who comes second draws anew.
"""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TypeVar

import structlog

from postier.store.transaction import ConflictError

T = TypeVar("T")

RANDOM_BITS = 10
TEXT_LENGTH = 13
MAX_DRAWS = 8  # of an id for one letter; time goes on between them

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's alphabet: no i, l, o, u
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}


def new_letter_id(now_us: int, random_bits: Callable[[int], int]) -> int:
    """A new id; `random_bits(n)` gives n random bits."""
    return now_us << RANDOM_BITS | random_bits(RANDOM_BITS)


async def under_new_id(
    keep: Callable[[int], Awaitable[T]], now_us: Callable[[], int], random_bits: Callable[[int], int]
) -> T:
    """Keep a letter under a new id, and under another if that is taken. Raises ConflictError after MAX_DRAWS."""
    for draws_left in range(MAX_DRAWS - 1, -1, -1):
        letter_id = new_letter_id(now_us(), random_bits)
        try:
            return await keep(letter_id)
        except ConflictError:
            structlog.get_logger().warning("letter-id-taken", letter=letter_id_text(letter_id))
            if not draws_left:
                raise
    raise AssertionError


@lru_cache(maxsize=1024)  # asked for again and again while its letter is taken
def letter_id_text(letter_id: int) -> str:
    """The text form."""
    pairs = _PAIRS  # half as many steps as digits: every letter and every connection has an id
    return (
        _DIGITS[letter_id >> 60]
        + pairs[letter_id >> 50 & 1023]
        + pairs[letter_id >> 40 & 1023]
        + pairs[letter_id >> 30 & 1023]
        + pairs[letter_id >> 20 & 1023]
        + pairs[letter_id >> 10 & 1023]
        + pairs[letter_id & 1023]
    )


def parse_letter_id(text: str) -> int | None:
    """The number of a text form (any case), or None if it is none."""
    if len(text) != TEXT_LENGTH:
        return None
    number = 0
    for digit in text.lower():
        value = _VALUES.get(digit)
        if value is None:
            return None
        number = number << 5 | value
    return number
