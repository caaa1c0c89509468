"""date and index: RFC 5260."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.dates import Moment
from postier.sieve.dateparts import date_part, parse_iso8601, parse_zone
from tests.sieve.scripts import holds, mistakes, run

DATED = (
    b"Received: from a by b; Tue, 24 Nov 2026 03:00:01 +0100\r\nReceived: from c by d with e;\r\n Sun, 22 Nov 2026"
    b" 23:59:60 -0500\r\nDate: Wed, 1 Apr 2026 21:30:00 -0130\r\nX-Bad: Wed, 31 Feb 2026 00:00:00 +0000\r\n"
    b"X-Note: one\r\nX-Note: two\r\nX-Note: three\r\nTo: a@x.example\r\nTo: b@x.example\r\n\r\n"
)
NOW = Moment(1_795_489_198, 60)  # Tue, 24 Nov 2026 03:59:58 +0100


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("year", "2026"),
        ("month", "11"),
        ("day", "24"),
        ("date", "2026-11-24"),
        ("julian", "61368"),
        ("hour", "03"),
        ("minute", "59"),
        ("second", "58"),
        ("time", "03:59:58"),
        ("iso8601", "2026-11-24T03:59:58+01:00"),
        ("std11", "Tue, 24 Nov 2026 03:59:58 +0100"),
        ("zone", "+0100"),
        ("weekday", "2"),
    ],
)
def test_parts_of_now(part, value):
    assert holds(f'currentdate :is "{part}" "{value}"', requires="date", now=NOW)
    assert holds(f'currentdate :is "{part.upper()}" "{value}"', requires="date", now=NOW)
    assert date_part(NOW, part) == value


@pytest.mark.parametrize(
    ("field", "is_date"),
    [
        (b"1 Jan 2021 10:00:00 +0000", True),
        (b"Mon, 01 Jan 21 23:59:60 GMT", True),
        (b"from x (12:99) by y; 1 Jan 2021 10:00 +0000", True),
        (b"1 Jan 2021 10.00.00 +0000", True),
        (b"1 Jan 2021 24:00:00 +0000", False),
        (b"1 Jan 2021 10:60:00 +0000", False),
        (b"1 Jan 2021 10:00:61 +0000", False),
        (b"29 Feb 2021 10:00:00 +0000", False),
        (b"1 Jan 10000 10:00:00 +0000", False),
        (b"1 Jan 2021", False),
        (b"", False),
    ],
)
def test_what_is_no_time_is_no_date(field, is_date):  # RFC 5260 §4
    assert holds('date :matches "x" "year" "*"', b"X: " + field + b"\r\n\r\n", requires="date") is is_date


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('currentdate :zone "-0330" "time" "23:29:58"', True),
        ('currentdate :zone "+0000" "iso8601" "2026-11-24T02:59:58Z"', True),
        ('date "date" "hour" "00"', True),
        ('date :originalzone "date" "hour" "21"', True),
        ('date :originalzone "date" "zone" "-0130"', True),
        ('date :zone "+0000" "date" "iso8601" "2026-04-01T23:00:00Z"', True),
        ('date "received" "weekday" "2"', True),
        ('date :index 2 :originalzone "received" "weekday" ["0", "1"]', True),
        ('date :index 1 :last "received" "date" "2026-11-23"', True),
        ('date :index 3 "received" "year" "2026"', False),
        ('date "x-bad" "year" "2026"', False),
        ('date "x-none" "year" "2026"', False),
        ('date :value "ge" "date" "date" "2026-04-02"', True),
        ('date :count "eq" :comparator "i;ascii-numeric" "date" "year" "1"', True),
        ('date :count "eq" :comparator "i;ascii-numeric" "x-bad" "year" "0"', True),
        ('header :index 2 "x-note" "two"', True),
        ('header :index 1 "x-note" "two"', False),
        ('header :index 1 :last "x-note" "three"', True),
        ('header :index 3 :last "x-note" "one"', True),
        ('header :index 4 :last "x-note" "one"', False),
        ('header :index 4 :contains "x-note" ""', False),
        ('address :index 2 "to" "b@x.example"', True),
        ('address :index 2 "to" "a@x.example"', False),
    ],
)
def test_dates_and_indexes(test, result):
    requires = "date index relational comparator-i;ascii-numeric"
    assert holds(test, DATED, requires=requires, now=NOW) is result


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ('currentdate "yaer" "x"', 'there is no date part "yaer" (did you mean "year"?)'),
        ('currentdate :zone "CET" "year" "x"', '"CET" is no zone such as +0100'),
        ('date :zone "+0100" :originalzone "date" "year" "x"', ":zone and :originalzone exclude each other"),
        ('currentdate :originalzone "year" "x"', '"currentdate" takes no :originalzone'),
        ('header :last "a" "b"', ":last needs :index"),
        ('header :index 0 "a" "b"', ":index counts from 1"),
    ],
)
def test_mistakes(test, message):
    assert any(message in each for each in mistakes(f'require ["date", "index"]; if {test} {{}}'))


def test_a_zone_that_comes_from_a_variable():
    script = 'require ["date", "variables"]; set "z" "nonsense"; if currentdate :zone "${z}" "year" "x" {}'
    assert run(script, now=NOW).error == ":zone is no zone such as +0100"


@given(st.integers(-(10**9), 10**10), st.integers(-1439, 1439))
def test_iso8601_reads_back(epoch_s, zone):
    written = date_part(Moment(epoch_s, zone), "iso8601")
    assert parse_iso8601(written) == epoch_s
    assert parse_zone(date_part(Moment(epoch_s, zone), "zone")) == zone


def test_a_year_of_five_digits_has_no_parts():
    assert date_part(Moment(10**12), "year") is None
    assert parse_iso8601("2026-02-30T00:00:00Z") is None
    assert parse_iso8601("2026-02-03T24:00:00Z") is None
