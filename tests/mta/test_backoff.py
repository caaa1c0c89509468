"""Waits double, stay within their bounds and end with the letter's lifetime."""

from hypothesis import given
from hypothesis import strategies as st

from postier.mta.backoff import JITTER, MINUTE_US, RetrySchedule

SCHEDULE = RetrySchedule()


@given(attempts=st.integers(1, 1000), chance=st.floats(0, 1, exclude_max=True))
def test_waits_stay_within_bounds(attempts: int, chance: float) -> None:
    wait = SCHEDULE.next_attempt(0, attempts, chance)
    assert SCHEDULE.first_us * (1 - JITTER) <= wait <= SCHEDULE.longest_us * (1 + JITTER)


def test_waits_double() -> None:
    assert [SCHEDULE.next_attempt(0, n, 0.5) // MINUTE_US for n in (1, 2, 3, 4, 9)] == [5, 10, 20, 40, 240]


def test_lifetime_ends_at_its_edge() -> None:
    assert not SCHEDULE.is_over(0, SCHEDULE.lifetime_us - 1)
    assert SCHEDULE.is_over(0, SCHEDULE.lifetime_us)
    assert not SCHEDULE.is_late(0, SCHEDULE.warn_after_us - 1)
    assert SCHEDULE.is_late(0, SCHEDULE.warn_after_us)
