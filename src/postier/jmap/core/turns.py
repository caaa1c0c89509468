"""How many requests of one user run at once. Source: RFC 8620 §2 (maxConcurrentRequests, maxConcurrentUpload), §3.6.1.

Not here: the limits of connections (`servers`). Invariant: who has no request running takes no memory.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from postier.jmap.core.problems import Problem, over_limit


class Turns:
    """The requests to one endpoint; `limit` is its name in the core capability."""

    def __init__(self, limit: str, most: int) -> None:
        self._limit = limit
        self._most = most
        self._running: Counter[int] = Counter()

    @contextmanager
    def turn(self, user: int) -> Iterator[Problem | None]:
        """For as long as a request of the user runs; gives the problem instead, if it must not."""
        if self._running[user] >= self._most:
            yield over_limit(self._limit)
            return
        self._running[user] += 1
        try:
            yield None
        finally:
            self._running[user] -= 1
            if not self._running[user]:
                del self._running[user]

    def __len__(self) -> int:
        """The users with a request running."""
        return len(self._running)
