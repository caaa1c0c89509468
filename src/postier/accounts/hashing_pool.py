"""The few threads that compute password hashes, and how much may wait for them.

Not here: the hashes (`credentials`). Invariants: no more hashes at once than threads; what waits is bounded in all
and for each client network, so that one network's guesses do not keep the others out; what finds no place is refused at
once, never queued without end.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

MAX_WAITING = 64
MAX_OF_ONE_NETWORK = 8


class HashingPool:
    """Belongs to one event loop."""

    def __init__(self, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, "password")
        self._places = threads + MAX_WAITING
        self._taken = 0
        self._networks: Counter[str] = Counter()

    def start(self, network: str, fn: Callable[[], T]) -> "asyncio.Future[T] | None":
        """Compute in a thread on behalf of a client of that network; None if there is no place."""
        if self._taken >= self._places or self._networks[network] >= MAX_OF_ONE_NETWORK:
            return None
        self._taken += 1
        self._networks[network] += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, fn)
        future.add_done_callback(lambda _done: self._leave(network))
        return future

    def close(self) -> None:
        """Start nothing more; what runs is let end."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _leave(self, network: str) -> None:
        self._taken -= 1
        self._networks[network] -= 1
        if not self._networks[network]:
            del self._networks[network]
