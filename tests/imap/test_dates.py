"""Dates in and out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.dates import MAX_CACHED_DAYS, internal_date, internal_dates, parse_date, parse_date_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_known_dates():
    assert internal_date(837570205) == b'"17-Jul-1996 02:23:25 +0000"'
    assert internal_date(0) == b'" 1-Jan-1970 00:00:00 +0000"'
    assert parse_date_time(b"17-Jul-1996 02:44:25 -0700") == 837596665
    assert parse_date_time(b" 1-jan-1970 01:30:00 +0130") == 0
    assert parse_date(b"1-Feb-1994") == 760060800


@pytest.mark.parametrize("text", [b"31-Feb-2024", b"1-Foo-2024", b"0-Jan-2024", b"1-Jan-0000"])
def test_no_such_day(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_date(text)


@pytest.mark.parametrize(
    "clock", [b"24:00:00 +0000", b"00:60:00 +0000", b"00:00:61 +0000", b"00:00:00 +0060"]
)
def test_no_such_time(clock):
    with pytest.raises(ValueError, match="no such time"):
        parse_date_time(b"01-Jan-2024 " + clock)


@given(st.integers(-(10**9), 10**10))
def test_round_trip(moment):
    assert parse_date_time(internal_date(moment).strip(b'"')) == moment
    shown = (EPOCH + timedelta(seconds=moment)).strftime("%d-%b-%Y %H:%M:%S +0000")
    assert (
        internal_date(moment)
        .strip(b'"')
        .replace(b" ", b"0", 1 if moment and internal_date(moment)[1:2] == b" " else 0)[-20:]
        == shown.encode()[-20:]
    )


def test_bulk_is_the_same_and_its_cache_has_a_bound():
    moments = [day * 86_400 for day in range(MAX_CACHED_DAYS + 10)]
    assert internal_dates(moments)[-1] == internal_date(moments[-1])
    assert internal_dates(moments[:3]) == list(map(internal_date, moments[:3]))


def test_absurd_times_do_not_fail():
    assert internal_date(10**18).startswith(b'"')
