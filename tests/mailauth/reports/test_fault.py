import pytest

from postier.mailauth.reports.fault import (
    MAX_PERIOD_S,
    MAX_TEXT,
    MAX_TIME_S,
    ReportError,
    check_period,
    count_of,
    kept,
)


def test_text_is_one_line_that_prints():
    assert kept(" a\r\n b\x00\x1b[31m ") == "a b\ufffd\ufffd[31m"
    assert kept("x" * (MAX_TEXT + 1)) == "x" * MAX_TEXT


def test_counts():
    assert count_of(" 12 ") == 12
    for text in ("", "-1", "1.5", "٣", "1" * 13):
        with pytest.raises(ReportError):
            count_of(text)


def test_periods():
    check_period(0, MAX_PERIOD_S)
    check_period(MAX_TIME_S, MAX_TIME_S)
    for begin_s, end_s in ((0, MAX_PERIOD_S + 1), (MAX_TIME_S, MAX_TIME_S + 1), (2, 1), (-1, 1)):
        with pytest.raises(ReportError):
            check_period(begin_s, end_s)
