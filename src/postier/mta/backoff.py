"""When to try again: doubling waits with jitter until the letter's lifetime is over. Source: RFC 5321 §4.5.4.1."""

import msgspec

MINUTE_US = 60_000_000
JITTER = 0.2  # each wait is stretched or shortened by up to this part of it, so that no herd forms


class RetrySchedule(msgspec.Struct, frozen=True):
    """Waits in microseconds: the first, the longest; how long a letter is tried; when its sender hears of a delay."""

    first_us: int = 5 * MINUTE_US
    longest_us: int = 4 * 60 * MINUTE_US
    lifetime_us: int = 5 * 24 * 60 * MINUTE_US
    warn_after_us: int = 4 * 60 * MINUTE_US

    def next_attempt(self, now_us: int, attempts: int, chance: float) -> int:
        """When to try after `attempts` failures; `chance` is a random number in [0, 1)."""
        wait = min(self.first_us << min(attempts - 1, 32), self.longest_us)
        return now_us + int(wait * (1 - JITTER + 2 * JITTER * chance))

    def is_over(self, created_at: int, now_us: int) -> bool:
        """Whether the letter has been tried for its whole lifetime."""
        return now_us - created_at >= self.lifetime_us

    def is_late(self, created_at: int, now_us: int) -> bool:
        """Whether its sender should hear that it is not there yet."""
        return now_us - created_at >= self.warn_after_us
