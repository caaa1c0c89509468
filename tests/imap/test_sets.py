"""Sequence sets: against plain Python sets."""

from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap import sets
from postier.imap.sets import SAVED_RESULT, SET_PATTERN, STAR, SequenceSet, parse_set

NUMBERS = st.integers(1, 60)
UIDS = st.sets(NUMBERS).map(sorted)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS).map(lambda pair: (min(pair), max(pair))))


def expanded(ranges):
    return [number for low, high in ranges for number in range(low, high + 1)]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (b"1", ((1, 1),)),
        (b"4:2,7", ((2, 4), (7, 7))),
        (b"*", ((STAR, STAR),)),
        (b"*:4,4294967295", ((4, STAR), (4294967295, 4294967295))),
    ],
)
def test_parse(text, pairs):
    assert SET_PATTERN.fullmatch(text)
    assert parse_set(text) == SequenceSet(pairs)


def test_the_saved_result_is_a_set_by_itself():
    assert parse_set(b"$") == SAVED_RESULT
    assert not SET_PATTERN.fullmatch(b"$,1")


@pytest.mark.parametrize("text", [b"", b"0", b"01", b"1,", b"1:", b"1::2", b"1:2:3", b"a", b"-1", b"1 ,2"])
def test_what_is_no_set(text):
    assert not SET_PATTERN.fullmatch(text)


def test_numbers_over_32_bits_are_refused():
    with pytest.raises(ValueError, match="32 bits"):
        parse_set(b"4294967296")
    with pytest.raises(ValueError, match="32 bits"):
        parse_set(b"1:9999999999")


def test_star_names_the_largest():
    # RFC 9051 §9 seq-range: 3291:* includes the last message even if 3291 is above it
    assert parse_set(b"3291:*").resolve(10) == ((10, 3291),)
    assert parse_set(b"2,4:7,9,12:*").resolve(15) == ((2, 2), (4, 7), (9, 9), (12, 15))
    assert parse_set(b"*:4,5:7").resolve(10) == ((4, 10),)
    assert parse_set(b"*").resolve(0) == ()
    assert parse_set(b"*").has_star


def test_huge_ranges_cost_nothing():
    uids = array("I", range(1, 1000))
    assert sets.intersect(parse_set(b"1:4294967295,5:4000000000").resolve(9), uids) == uids


@given(PAIRS)
def test_coalesce(pairs):
    ranges = sets.coalesce(pairs)
    assert expanded(ranges) == sorted({number for pair in pairs for number in expanded([pair])})
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(ranges))
    assert {number for number in range(70) if sets.contains(ranges, number)} == set(expanded(ranges))


@given(UIDS)
def test_set_text_round_trip(uids):
    assert expanded(sets.ranges_of(uids)) == uids
    if uids:
        assert expanded(parse_set(sets.set_text(uids)).resolve(60)) == uids


@given(PAIRS, UIDS)
def test_intersect(pairs, uids):
    ranges = sets.coalesce(pairs)
    assert list(sets.intersect(ranges, array("I", uids))) == [
        uid for uid in uids if uid in set(expanded(ranges))
    ]


@given(PAIRS, PAIRS)
def test_overlap(left, right):
    left, right = sets.coalesce(left), sets.coalesce(right)
    common = sets.overlap(left, right)
    assert set(expanded(common)) == set(expanded(left)) & set(expanded(right))


def test_uids_out_of_order_keep_their_order():
    assert sets.uid_set_text([304, 319, 320]) == b"304,319:320"
    assert sets.uid_set_text([5, 4, 6]) == b"5,4,6"
