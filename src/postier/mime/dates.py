"""Dates of mail: reading date-time of header fields and IMAP, writing both from a moment that is an argument.

Not here: the clock, time zones by name. Source: RFC 5322 §3.3, §4.3 (eid6639); RFC 9051 §9 (date-time); RFC 5256 §2.2
(what an invalid zone or time means). Invariants: reading never fails, it gives None; moments are whole seconds since
1970-01-01 UTC, zones are minutes east of UTC.
"""

import re
from datetime import date
from functools import lru_cache

import msgspec

from postier.mime.comments import without_comments

MAX_KEPT_DAYS = 1_024  # mail is mostly of a few days and zones, which are remembered
MAX_KEPT_ZONES = 128

_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name.lower().encode(): number for number, name in enumerate(_MONTH_NAMES, 1)}
_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()
_DAY_S = 86_400
# RFC 5322 §4.3; the single letters and unknown names mean +0000
_ZONES = {
    b"edt": -240,
    b"est": -300,
    b"cdt": -300,
    b"cst": -360,
    b"mdt": -360,
    b"mst": -420,
    b"pdt": -420,
    b"pst": -480,
}

_TIME = rb"(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?"
_DATE_TIME = re.compile(
    rb"\s*+(?:[A-Za-z]{2,12}\s*+[,.]?\s*+)?(\d{1,2})[\s-]++([A-Za-z]{3})[A-Za-z]{0,9}[\s.-]++(\d{2,4})"
    rb"(?:[\s,]++" + _TIME + rb"(?:\s*+([+-]\d{1,4}|[A-Za-z]{1,5}))?)?"
)
# asctime, which some programs write
_ASCTIME = re.compile(rb"\s*+(?:[A-Za-z]{3},?\s++)?([A-Za-z]{3})\s++(\d{1,2})\s++" + _TIME + rb"\s++(\d{4})")
_INTERNAL = re.compile(rb"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-]\d{4})")


class Moment(msgspec.Struct, frozen=True, gc=False):
    """A point in time and the zone it was written in."""

    epoch_s: int
    zone_minutes: int = 0


def parse_date(value: bytes) -> Moment | None:
    """Read an unfolded Date value; None when it holds no valid day."""
    if b"(" in value:
        value = without_comments(value)
    if match := _DATE_TIME.match(value):
        day, month, year, hour, minute, second, zone = match.groups()
    elif match := _ASCTIME.match(value):
        month, day, hour, minute, second, year = match.groups()
        zone = None
    else:
        return None
    number = int(year)
    if number < 1000:  # RFC 5322 §4.3
        number += 2000 if len(year) == 2 and number < 50 else 1900
    midnight = _midnight(number, month, int(day))
    if midnight is None:
        return None
    time_s = 0
    if hour is not None:
        hours, minutes, seconds = int(hour), int(minute), int(second or b"0")
        if hours < 24 and minutes < 60 and seconds < 61:  # RFC 5256 §2.2: an invalid time counts as 00:00:00
            time_s = hours * 3600 + minutes * 60 + seconds
    zone_minutes = 0 if zone is None else _zone_minutes(zone)
    return Moment(midnight + time_s - zone_minutes * 60, zone_minutes)


@lru_cache(MAX_KEPT_DAYS)
def _midnight(year: int, month: bytes, day: int) -> int | None:
    """Seconds from the epoch to 00:00 UTC of a day; None when there is no such day."""
    number = _MONTHS.get(month.lower())
    if number is None:
        return None
    try:
        return (date(year, number, day).toordinal() - _EPOCH_ORDINAL) * _DAY_S
    except ValueError:
        return None


@lru_cache(MAX_KEPT_ZONES)
def _zone_minutes(zone: bytes) -> int:
    if zone[0] not in b"+-":
        return _ZONES.get(zone.lower(), 0)
    digits = zone[1:].rjust(4, b"0") if len(zone) != 3 else zone[1:] + b"00"
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:  # RFC 5256 §2.2: an invalid zone counts as UTC
        return 0
    return (hours * 60 + minutes) * (-1 if zone[0] == 0x2D else 1)


def parse_internaldate(text: bytes) -> Moment | None:
    """Read IMAP date-time without its quotes, as in APPEND; None when it is not one."""
    match = _INTERNAL.fullmatch(text)
    if match is None:
        return None
    day, month, year, hour, minute, second, zone = match.groups()
    midnight = _midnight(int(year), month, int(day))
    hours, minutes, seconds = int(hour), int(minute), int(second)
    if midnight is None or hours > 23 or minutes > 59 or seconds > 60:
        return None
    zone_minutes = _zone_minutes(zone)
    return Moment(midnight + hours * 3600 + minutes * 60 + seconds - zone_minutes * 60, zone_minutes)


def format_date(epoch_s: int, zone_minutes: int = 0) -> str:
    """`Tue, 24 Nov 2026 02:59:58 +0000`; raises ValueError outside the years 1 to 9999."""
    day, hours, minutes, seconds = _civil(epoch_s, zone_minutes)
    return (
        f"{_DAY_NAMES[day.weekday()]}, {day.day:02d} {_MONTH_NAMES[day.month - 1]} {day.year:04d} "
        f"{hours:02d}:{minutes:02d}:{seconds:02d} {_zone_text(zone_minutes)}"
    )


def format_internaldate(epoch_s: int, zone_minutes: int = 0) -> str:
    """`24-Nov-2026 02:59:58 +0000` as IMAP writes it, without the quotes; raises like `format_date`."""
    day, hours, minutes, seconds = _civil(epoch_s, zone_minutes)
    return (
        f"{day.day:2d}-{_MONTH_NAMES[day.month - 1]}-{day.year:04d} "
        f"{hours:02d}:{minutes:02d}:{seconds:02d} {_zone_text(zone_minutes)}"
    )


def _civil(epoch_s: int, zone_minutes: int) -> tuple[date, int, int, int]:
    days, rest = divmod(epoch_s + zone_minutes * 60, _DAY_S)
    minutes, seconds = divmod(rest, 60)
    try:
        day = date.fromordinal(days + _EPOCH_ORDINAL)
    except (ValueError, OverflowError):
        raise ValueError(f"{epoch_s} s is outside the years 1 to 9999") from None
    return day, minutes // 60, minutes % 60, seconds


def _zone_text(zone_minutes: int) -> str:
    hours, minutes = divmod(abs(zone_minutes), 60)
    return f"{'-' if zone_minutes < 0 else '+'}{hours:02d}{minutes:02d}"
