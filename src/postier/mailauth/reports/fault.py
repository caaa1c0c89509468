"""Why a report is not taken, and how foreign words are made fit to be kept. Invariant: both are bounded."""

MAX_TEXT = 500  # characters kept of any text in a report
MAX_PERIOD_S = 366 * 86_400  # a report covers a day; some senders report by the week
MAX_TIME_S = 1 << 34  # seconds since 1970: after the year 2500 it is no time of a report
_MAX_DIGITS = 12


class ReportError(ValueError):
    """The octets are no report that may be used; the text says why, in our own words."""


def kept(text: str, limit: int = MAX_TEXT) -> str:
    """Foreign text on one line, without what does not print, cut to `limit` characters."""
    line = " ".join(text[: 4 * limit].split())
    return "".join(character if character.isprintable() else "\ufffd" for character in line[:limit])


def count_of(text: str) -> int:
    """A count in decimal digits; raises ReportError."""
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise ReportError("a number is none")
    return int(text)


def check_period(begin_s: int, end_s: int) -> None:
    """Raise ReportError for a period that no report can have."""
    if not 0 <= begin_s <= end_s <= MAX_TIME_S or end_s - begin_s > MAX_PERIOD_S:
        raise ReportError("the report's period makes no sense")
