from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.dates import Moment, format_date, format_internaldate, parse_date, parse_internaldate

NOON = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (b"Tue, 24 Nov 2026 12:00:00 +0000", Moment(NOON)),
        (b"24 Nov 2026 12:00:00 +0000", Moment(NOON)),
        (b"Tue, 24 Nov 2026 12:00 +0000", Moment(NOON)),
        (b"Tue, 24 Nov 2026 13:30:00 +0130 (comment)", Moment(NOON, 90)),
        (b"Tue,24 Nov 26 07:00 EST", Moment(NOON, -300)),
        (b"24 Nov 126 12:00:00 Z", Moment(NOON)),
        (b"Tuesday, 24-Nov-2026 12:00:00 GMT", Moment(NOON)),
        (b"24 November 2026 12:00:00", Moment(NOON)),
        (b"Tue Nov 24 12:00:00 2026", Moment(NOON)),
        (b"24 Nov 2026 12:00:00 -0000", Moment(NOON)),
        (b"24 (x) Nov (y (z)) 2026 12:00:00 A", Moment(NOON)),
        (b"24 Nov 2026 12:00:00 +9999", Moment(NOON)),  # RFC 5256 §2.2
        (b"24 Nov 2026 99:00:00 +0000", Moment(NOON - 12 * 3600)),
        (b"24 Nov 2026", Moment(NOON - 12 * 3600)),
        (b"24 Nov 2026 11:59:60 +0000", Moment(NOON)),
        (b"31 Dec 99 00:00 +0000", Moment(int(datetime(1999, 12, 31, tzinfo=UTC).timestamp()))),
        (b"1 Jan 49 00:00 +0000", Moment(int(datetime(2049, 1, 1, tzinfo=UTC).timestamp()))),
        (b"30 Feb 2026 12:00:00 +0000", None),
        (b"24 Foo 2026 12:00:00 +0000", None),
        (b"0 Nov 2026", None),
        (b"24 Nov 0000 12:00", Moment(int(datetime(1900, 11, 24, 12, tzinfo=UTC).timestamp()))),
        (b"yesterday", None),
        (b"", None),
    ],
)
def test_parse(value: bytes, moment: Moment | None) -> None:
    assert parse_date(value) == moment


def test_the_example_of_rfc_5256() -> None:
    assert parse_date(b"31 Dec 2000 16:01:33 -0800") == Moment(978_307_293, -480)


_MOMENTS = st.builds(Moment, st.integers(-60_000_000_000, 250_000_000_000), st.integers(-1439, 1439))


@given(_MOMENTS)
def test_what_is_written_is_read(moment: Moment) -> None:
    if moment.epoch_s + moment.zone_minutes * 60 > -30_610_224_000:  # years of four digits
        assert parse_date(format_date(moment.epoch_s, moment.zone_minutes).encode()) == moment
    assert parse_internaldate(format_internaldate(moment.epoch_s, moment.zone_minutes).encode()) == moment


@given(st.datetimes(datetime(1902, 1, 1), datetime(9998, 1, 1)), st.integers(-1439, 1439))  # noqa: DTZ001
def test_agrees_with_the_standard_library(naive: datetime, minutes: int) -> None:
    moment = naive.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    text = format_datetime(moment)
    found = parse_date(text.encode())
    assert found is not None
    assert found.epoch_s == int(parsedate_to_datetime(text).timestamp())
    assert parse_date(format_date(found.epoch_s, found.zone_minutes).encode()) == found


def test_internaldate() -> None:
    assert format_internaldate(NOON - 20 * 86400, -90) == " 4-Nov-2026 10:30:00 -0130"
    assert parse_internaldate(b" 4-Nov-2026 10:30:00 -0130") == Moment(NOON - 20 * 86400, -90)
    for wrong in (
        b"4-Nov-2026 10:30:00 -0130",
        b"04-Nov-2026 25:30:00 +0000",
        b"31-Feb-2026 10:30:00 +0000",
        b"x",
    ):
        assert parse_internaldate(wrong) is None
    with pytest.raises(ValueError, match="outside"):
        format_date(10**15)


@given(st.binary(max_size=60))
def test_any_octets_give_a_moment_or_nothing(value: bytes) -> None:
    parse_date(value)
    parse_date(b"1 Jan " + value)
    parse_internaldate(value)


def test_hostile_dates_are_linear() -> None:
    for piece in (b" ", b"1", b"a", b"(", b"1 ", b"Tue, "):
        parse_date(piece * 60_000)
        parse_date(b"24 Nov 2026 " + piece * 60_000)
