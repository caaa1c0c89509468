"""Sets of UIDs as ranges: the compact text of the change log and the SQL that selects them.

Invariant: ranges are sorted, do not touch each other, and `first <= last`.
"""

from collections.abc import Iterable, Sequence

UidRange = tuple[int, int]


def ranges_of(uids: Iterable[int]) -> list[UidRange]:
    """Ranges of ascending UIDs."""
    ranges: list[UidRange] = []
    first = last = -1
    for uid in uids:
        if uid == last + 1 and first >= 0:
            last = uid
            continue
        if first >= 0:
            ranges.append((first, last))
        first = last = uid
    if first >= 0:
        ranges.append((first, last))
    return ranges


def ranges_text(ranges: Iterable[UidRange]) -> str:
    """`1:3,7`; the empty text for no UIDs."""
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in ranges)


def parse_ranges(text: str) -> list[UidRange]:
    """The inverse of `ranges_text`."""
    ranges: list[UidRange] = []
    for part in text.split(",") if text else ():
        first, _, last = part.partition(":")
        ranges.append((int(first), int(last or first)))
    return ranges


def count_of(ranges: Iterable[UidRange]) -> int:
    """How many UIDs the ranges hold."""
    return sum(last - first + 1 for first, last in ranges)


def newest(ranges: Sequence[UidRange], count: int) -> list[UidRange]:
    """The highest `count` of the UIDs, or all if there are no more."""
    kept: list[UidRange] = []
    for first, last in reversed(ranges):
        if count <= 0:
            break
        kept.append((max(first, last - count + 1), last))
        count -= last - first + 1
    return kept[::-1]


def merged(*sets: Iterable[UidRange]) -> list[UidRange]:
    """The union of sets."""
    union: list[UidRange] = []
    for first, last in sorted(one for each in sets for one in each):
        if union and first <= union[-1][1] + 1:
            if last > union[-1][1]:
                union[-1] = (union[-1][0], last)
        else:
            union.append((first, last))
    return union


def without(ranges: Sequence[UidRange], removed: Sequence[UidRange]) -> list[UidRange]:
    """The UIDs of `ranges` that are not in `removed`."""
    left: list[UidRange] = []
    at = 0
    for first, last in ranges:
        while at < len(removed) and removed[at][1] < first:
            at += 1
        start, look = first, at
        while look < len(removed) and removed[look][0] <= last:
            if removed[look][0] > start:
                left.append((start, removed[look][0] - 1))
            start = removed[look][1] + 1
            look += 1
        if start <= last:
            left.append((start, last))
    return left


def entries_in(ranges: Sequence[UidRange]) -> tuple[str, str, str, tuple[int, ...]]:
    """SQL that selects the entries of one mailbox whose UID is in `ranges`; no entry comes twice.

    Returns (what stands before SELECT, what stands after FROM, condition on `e.uid`, the condition's parameters). Use as
    `f"{cte} SELECT ... FROM {source} WHERE e.account_id = ? AND e.mailbox_id = ? AND {condition}"`. What is written into
    the SQL itself is integers, so nothing can be injected.
    """
    if not ranges:
        return "", "entry e", "e.uid = -1", ()
    if len(ranges) == 1:
        return "", "entry e", "e.uid BETWEEN ? AND ?", ranges[0]
    values = ",".join(f"({int(first)},{int(last)})" for first, last in ranges)
    # CROSS JOIN fixes SQLite's order: ranges outside, one range of the key inside each. PostgreSQL chooses the same; as
    # `uid IN (SELECT ...)` it compared every entry with every range.
    return (
        f"WITH wanted (first_uid, last_uid) AS (VALUES {values})",
        "wanted CROSS JOIN entry e",
        "e.uid BETWEEN wanted.first_uid AND wanted.last_uid",
        (),
    )
