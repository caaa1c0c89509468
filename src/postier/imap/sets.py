"""Sequence sets and UID sets as ranges; never expanded, whatever their size.

Not here: which messages exist (`view`). Source: RFC 9051 §4.1.1, §9 sequence-set. Invariants: `Ranges` are
ascending, disjoint, not adjacent, inclusive at both ends, every number at least 1.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import compress, pairwise

import msgspec

MAX_NUMBER = 2**32 - 1  # RFC 9051 §9 nz-number
STAR = (
    2**40
)  # `*`: above every number that ten digits can write, so that `min` and `max` treat it as the largest

SET_PATTERN = re.compile(
    rb"\$|(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?(?:,(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?)*"
)

Range = tuple[int, int]
Ranges = tuple[Range, ...]


class SequenceSet(msgspec.Struct, frozen=True):
    """A set as the client wrote it: pairs low to high where `STAR` stands for `*`; or `$`, the saved search result."""

    pairs: tuple[Range, ...]
    is_saved_result: bool = False

    def resolve(self, largest: int) -> Ranges:
        """The ranges when `*` means `largest`; with `largest` 0 (an empty mailbox) `*` names nothing.

        `n:*` includes `largest` even when n is above it (RFC 9051 §9 seq-range).
        """
        found = []
        for low, high in self.pairs:
            if high == STAR:
                if largest:
                    found.append((min(low, largest), largest if low == STAR else max(low, largest)))
                elif low != STAR:
                    found.append((low, low))
            else:
                found.append((low, high))
        return coalesce(found)

    @property
    def has_star(self) -> bool:
        """Whether `*` occurs."""
        return any(high == STAR for _, high in self.pairs)


SAVED_RESULT = SequenceSet((), is_saved_result=True)  # RFC 9051 §6.4.4.1


def parse_set(text: bytes) -> SequenceSet:
    """Read a sequence set that matches `SET_PATTERN`; raises ValueError for a number over 32 bits."""
    if text == b"$":
        return SAVED_RESULT
    pairs = []
    for part in text.split(b","):
        left, colon, right = part.partition(b":")
        low = STAR if left == b"*" else int(left)
        high = low if not colon else STAR if right == b"*" else int(right)
        if low > high:
            low, high = high, low
        if MAX_NUMBER < high != STAR or MAX_NUMBER < low != STAR:
            raise ValueError("number is over 32 bits")
        pairs.append((low, high))
    return SequenceSet(tuple(pairs))


def coalesce(pairs: Iterable[Range]) -> Ranges:
    """Sorted, with overlapping and adjacent ranges merged."""
    merged: list[Range] = []
    for low, high in sorted(pairs):
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


def index_ranges(ranges: Ranges, uids: Sequence[int]) -> list[tuple[int, int]]:
    """The half-open index ranges of the ascending `uids` that fall into `ranges`, none adjacent.

    Two bisections a range.
    """
    found: list[tuple[int, int]] = []
    start = 0  # of the slice that is growing
    stop = 0
    count = len(uids)
    for low, high in ranges:
        first = bisect_left(uids, low, stop)
        if first == count:
            break
        last = bisect_right(uids, high, first) if high != low else first + (uids[first] == low)
        if first != last:
            if first != stop:
                if start != stop:
                    found.append((start, stop))
                start = first
            stop = last
    if start != stop:
        found.append((start, stop))
    return found


def intersect(ranges: Ranges, uids: "array[int]") -> "array[int]":
    """The members of the ascending `uids` that fall into `ranges`."""
    found = array("I")
    for start, stop in index_ranges(ranges, uids):
        found += uids[start:stop]
    return found


def ranges_of(numbers: Sequence[int]) -> Ranges:
    """Ascending distinct numbers as ranges."""
    if not numbers:
        return ()
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return ((numbers[0], numbers[-1]),)
    return runs_of(numbers)


def runs_of(numbers: Sequence[int]) -> Ranges:
    """Numbers in their own order as runs that rise by one; not `Ranges`, unless the numbers ascend."""
    ends = [right - left != 1 for left, right in pairwise(numbers)]
    highs = [*compress(numbers, ends), numbers[-1]]
    lows = [numbers[0], *compress(numbers[1:], ends)]
    return tuple(zip(lows, highs, strict=True))


def ranges_text(ranges: Iterable[Range]) -> bytes:
    """Ranges as set text; a range of one is one number."""
    return ",".join([str(low) if low == high else f"{low}:{high}" for low, high in ranges]).encode("ascii")


def set_text(numbers: Sequence[int]) -> bytes:
    """The shortest text of ascending distinct numbers."""
    return ranges_text(ranges_of(numbers))


def uid_set_text(uids: Sequence[int]) -> bytes:
    """The text of UIDs in their own order, for APPENDUID and COPYUID; only ascending runs are shortened."""
    if all(left < right for left, right in pairwise(uids)):
        return set_text(uids)
    return b",".join([b"%d" % uid for uid in uids])


def ordered_set_text(numbers: Sequence[int]) -> bytes:
    """The shortest text of distinct numbers in their own order; ranges ascend (RFC 5267 §3.2)."""
    return ranges_text(runs_of(numbers)) if numbers else b""


def contains(ranges: Ranges, number: int) -> bool:
    """Whether `number` falls into `ranges`."""
    place = bisect_right(ranges, (number, STAR))
    return place > 0 and ranges[place - 1][1] >= number


def overlap(left: Ranges, right: Ranges) -> Ranges:
    """The ranges common to both."""
    found = []
    places = iter(right)
    current = next(places, None)
    for low, high in left:
        while current is not None and current[1] < low:
            current = next(places, None)
        while current is not None and current[0] <= high:
            found.append((max(low, current[0]), min(high, current[1])))
            if current[1] > high:
                break
            current = next(places, None)
    return tuple(found)
