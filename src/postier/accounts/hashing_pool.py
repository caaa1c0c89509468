"""The few threads that compute password hashes, and who waits for them.

Not here: the hashes (`credentials`). Invariants: no more hashes at once than threads; what waits is bounded, and what finds
no place is refused at once; client networks take turns, so that a flood from one delays another's login by one hash; a
network may hold only as many places as it leaves free, so that there is always one for a newcomer.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

MAX_WAITING = 256  # about 4 s of work for two cores


class PoolClosedError(Exception):
    """The process stops; what waited is not computed any more."""


class HashingPool:
    """Belongs to one event loop."""

    def __init__(self, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, "password")
        self._idle = threads
        self._free = MAX_WAITING
        self._waiting: dict[str, deque[tuple[Callable[[], Any], asyncio.Future[Any]]]] = {}  # in their turn
        self._is_closed = False

    def start(self, network: str, fn: Callable[[], T]) -> "asyncio.Future[T] | None":
        """Compute in a thread on behalf of a client of that network; None if there is no place.

        The future may end with PoolClosedError.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._is_closed:
            return None
        if self._idle:
            self._run(fn, answer)
            return answer
        queue = self._waiting.get(network)
        if self._free <= (len(queue) if queue else 0):
            return None
        if queue is None:
            queue = self._waiting[network] = deque()
        queue.append((fn, answer))
        self._free -= 1
        return answer

    def close(self) -> None:
        """Start nothing more; what runs is let end."""
        self._is_closed = True
        for queue in self._waiting.values():
            for _fn, answer in queue:
                if not answer.done():
                    answer.set_exception(PoolClosedError())
        self._waiting.clear()
        self._executor.shutdown(wait=False)

    def _run(self, fn: Callable[[], T], answer: "asyncio.Future[T]") -> None:
        self._idle -= 1
        running = asyncio.get_running_loop().run_in_executor(self._executor, fn)
        running.add_done_callback(lambda done: self._ended(done, answer))

    def _ended(self, done: "asyncio.Future[T]", answer: "asyncio.Future[T]") -> None:
        self._idle += 1
        error = done.exception()
        if not answer.done():  # else its caller is gone
            if error is None:
                answer.set_result(done.result())
            else:
                answer.set_exception(error)
        while self._idle and self._waiting:
            network, queue = next(iter(self._waiting.items()))
            del self._waiting[network]
            fn, following = queue.popleft()
            self._free += 1
            if queue:
                self._waiting[network] = queue  # behind the others
            if not following.done():
                self._run(fn, following)
