"""The duty of one worker of all nodes: letters that may hold a report are read.

Not here: how (`mta.reports`). Invariants: one worker at a time holds the duty by a lease; a wake-up that is lost costs
EVERY_S at most.
"""

import asyncio
import contextlib

from postier.app import log
from postier.mta.reports.arrivals import TOPIC, has_letters
from postier.mta.reports.reading import read_letters
from postier.store.leases import hand_back_lease, take_lease
from postier.store.transaction import Store, StoreError

EVERY_S = 60.0
LEASE = "reports-read"
LEASE_US = 10 * 60 * 1_000_000


class Reporter:
    """A `Service` (app.worker)."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._unwatch = store.watch_topic(TOPIC, self._woken.set)

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to look."""
        tasks.create_task(self._run())

    def stop_accepting(self) -> None:
        """End after the letter under way."""
        self._unwatch()
        self._stopping.set()
        self._woken.set()

    async def finish(self, deadline: float) -> None:
        """A letter is read soon."""

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._read()
            except StoreError as error:
                log.logger("reporter").warning("reports not read", problem=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._woken.wait()
            self._woken.clear()

    async def _read(self) -> None:
        while not self._stopping.is_set() and await self._store.read(has_letters):
            if not await self._store.write(take_lease, LEASE, self._owner, LEASE_US):
                return
            await read_letters(self._store, self._stopping)
            await self._store.write(hand_back_lease, LEASE, self._owner)
