"""Stretches of a result."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.partial import Partial, partial_range
from postier.imap.refusals import PeerError
from postier.imap.tokens import Cursor

places = st.integers(1, 30)


@given(places, places, st.booleans(), st.lists(st.integers(), max_size=25))
def test_a_stretch_is_what_counting_gives(first, last, is_from_end, numbers):
    partial = Partial(-first, -last) if is_from_end else Partial(first, last)
    named = range(min(first, last), max(first, last) + 1)
    counted = list(enumerate(numbers, 1)) if not is_from_end else list(enumerate(numbers, -len(numbers)))
    expected = [number for place, number in counted if abs(place) in named]
    assert numbers[partial.span(len(numbers))] == expected


@pytest.mark.parametrize(
    ("text", "partial"),
    [
        (b"1:500", Partial(1, 500)),
        (b"500:400", Partial(500, 400)),
        (b"-1:-100", Partial(-1, -100)),
        (b"7:4294967295", Partial(7, 4294967295)),
    ],
)
def test_ranges(text, partial):
    cursor = Cursor(text)
    assert partial_range(cursor) == partial
    cursor.end()


@pytest.mark.parametrize(
    "text", [b"1", b"0:1", b"1:0", b"-1:1", b"1:-1", b"1:*", b"1:4294967296", b"--1:-2", b":", b"1 :2"]
)
def test_malformed(text):
    with pytest.raises(PeerError):
        partial_range(Cursor(text))
