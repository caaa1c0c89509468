"""IMAP dates: `date` and `date-time` read into Unix time, INTERNALDATE written from it.

Not here: the Date header (the mime room). Source: RFC 9051 §9 date, date-time, zone. Invariants: Unix time
in seconds, UTC; written dates always carry the zone +0000. Writing joins three ready texts (day, minute of
the day, second), so that bulk FETCH formats nothing.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

MAX_CACHED_DAYS = 16_384  # 45 years of mail; about 1 MB

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = (b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC")
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS, 1)}
_SHOWN_MONTHS = tuple(name.capitalize() for name in _MONTHS)


def parse_date(text: bytes) -> int:
    """`1-Feb-1994` as the first second of that day; raises ValueError."""
    day, month, year = text.split(b"-")
    number = _MONTH_NUMBERS.get(month.upper())
    if number is None:
        raise ValueError("no such month")
    return _seconds(datetime(int(year), number, int(day), tzinfo=UTC))


def parse_date_time(text: bytes) -> int:
    """` 1-Feb-1994 21:52:25 -0800` in Unix time; raises ValueError."""
    date, clock, zone = text.lstrip().split(b" ")
    hours, minutes, seconds = map(int, clock.split(b":"))
    if hours > 23 or minutes > 59 or seconds > 60 or int(zone[3:5]) > 59:  # 60: a leap second
        raise ValueError("no such time")
    offset = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
    return (
        parse_date(date) + hours * 3600 + minutes * 60 + seconds - (offset if zone[:1] == b"+" else -offset)
    )


def internal_date(unix_s: int) -> bytes:
    """One INTERNALDATE with its quotes (RFC 9051 §9 date-time)."""
    return _DAYS[unix_s // 86400] + _MINUTES[unix_s % 86400 // 60] + _SECONDS[unix_s % 60]


def internal_dates(unix_s: Iterable[int]) -> list[bytes]:
    """INTERNALDATE of many messages, in bulk."""
    days, minutes, seconds = _DAYS, _MINUTES, _SECONDS
    return [days[moment // 86400] + minutes[moment % 86400 // 60] + seconds[moment % 60] for moment in unix_s]


def _seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1)


class _DayTexts(dict[int, bytes]):
    """Day since the epoch -> `"17-Jul-1996 `."""

    def __missing__(self, day: int) -> bytes:
        if len(self) >= MAX_CACHED_DAYS:
            self.clear()
        try:
            moment = _EPOCH + timedelta(days=day)
        except OverflowError:
            moment = _EPOCH
        text = b'"%2d-%b-%04d ' % (moment.day, _SHOWN_MONTHS[moment.month - 1], moment.year)
        self[day] = text
        return text


_DAYS = _DayTexts()
_MINUTES = tuple(b"%02d:%02d:" % divmod(minute, 60) for minute in range(1440))
_SECONDS = tuple(b'%02d +0000"' % second for second in range(60))
