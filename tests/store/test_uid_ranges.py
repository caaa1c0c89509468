"""Ranges against sets of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from postier.store.uid_ranges import (
    count_of,
    entries_in,
    merged,
    newest,
    parse_ranges,
    ranges_of,
    ranges_text,
    without,
)

uids = st.sets(st.integers(1, 60)).map(sorted)


@given(st.lists(uids, max_size=4))
def test_merged_is_the_union(sets: list[list[int]]) -> None:
    assert merged(*map(ranges_of, sets)) == ranges_of(sorted({uid for each in sets for uid in each}))


@given(uids, uids)
def test_without_is_the_difference(some: list[int], others: list[int]) -> None:
    left = sorted({*some} - {*others})
    assert without(ranges_of(some), ranges_of(others)) == ranges_of(left)
    assert count_of(ranges_of(left)) == len(left)


@given(uids, st.integers(0, 70))
def test_newest_is_the_end(some: list[int], count: int) -> None:
    assert newest(ranges_of(some), count) == ranges_of(some[-count:] if count else [])


@given(uids)
def test_text_and_back(some: list[int]) -> None:
    assert parse_ranges(ranges_text(ranges_of(some))) == ranges_of(some)


def test_sql_names_integers_only() -> None:
    assert entries_in([]) == ("", "entry e", "e.uid = -1", ())
    assert entries_in([(1, 3)])[3] == (1, 3)
    assert entries_in([(1, 3), (7, 7)])[0] == "WITH wanted (first_uid, last_uid) AS (VALUES (1,3),(7,7))"
