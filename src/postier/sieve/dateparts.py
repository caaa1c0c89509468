"""The parts of a date and time that scripts test.

Not here: finding dates in fields (`ext.date`). Source: RFC 5260 §4.2; RFC 3339 §5.6. Invariants: pure arithmetic on
seconds since 1970 and minutes east of UTC.
"""

import re
from datetime import date

from postier.mime.dates import Moment, format_date

_JULIAN_OF_1970 = 40_587  # the Modified Julian Day of 1970-01-01
_DAY_S = 86_400
_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()
_ZONE = re.compile(r"([+-])([0-9]{2})([0-9]{2})")
_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))"
)
PARTS = frozenset(
    [
        "year",
        "month",
        "day",
        "date",
        "julian",
        "hour",
        "minute",
        "second",
        "time",
        "iso8601",
        "std11",
        "zone",
        "weekday",
    ]
)


def parse_zone(text: str) -> int | None:
    """Minutes east of UTC of a time-zone such as +0530."""
    match = _ZONE.fullmatch(text)
    if match is None or int(match[3]) > 59:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return -minutes if match[1] == "-" else minutes


def parse_iso8601(text: str) -> int | None:
    """Seconds since 1970 of a date-time of RFC 3339; also with a zone such as +0100, which `zone` gives."""
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        return None
    zone = 0
    if match[7]:
        zone = (int(match[8]) * 60 + int(match[9])) * (-1 if match[7] == "-" else 1)
    return days * _DAY_S + hour * 3600 + minute * 60 + second - zone * 60


def date_part(moment: Moment, part: str) -> str | None:
    """A part of a moment in its zone, or None when the part is not known or the year has not four digits."""
    days, rest = divmod(moment.epoch_s + moment.zone_minutes * 60, _DAY_S)
    try:
        day = date.fromordinal(days + _EPOCH_ORDINAL)
    except (ValueError, OverflowError):
        return None
    hour, minute, second = rest // 3600, rest // 60 % 60, rest % 60
    clock = f"{hour:02d}:{minute:02d}:{second:02d}"
    match part:
        case "year":
            return f"{day.year:04d}"
        case "month":
            return f"{day.month:02d}"
        case "day":
            return f"{day.day:02d}"
        case "date":
            return f"{day.year:04d}-{day.month:02d}-{day.day:02d}"
        case "julian":
            return str(days + _JULIAN_OF_1970)
        case "hour":
            return f"{hour:02d}"
        case "minute":
            return f"{minute:02d}"
        case "second":
            return f"{second:02d}"
        case "time":
            return clock
        case "iso8601":
            zone = _zone(moment.zone_minutes, ":") if moment.zone_minutes else "Z"
            return f"{day.year:04d}-{day.month:02d}-{day.day:02d}T{clock}{zone}"
        case "std11":
            return format_date(moment.epoch_s, moment.zone_minutes)
        case "zone":
            return _zone(moment.zone_minutes, "")
        case "weekday":
            return str(day.isoweekday() % 7)
        case _:
            return None


def _zone(minutes: int, between: str) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{between}{rest:02d}"
