"""The duty of every worker: scripts at IMAP events that a crash or a fault kept from running are run.

Not here: how (`mta.sieving.events`), what is written down (`mta.sieving.pending_events`). Invariants: rows are leased, so two workers do
not run the same; without any the duty costs one look at an index every EVERY_S.
"""

import asyncio
import contextlib
from collections.abc import Callable

from postier.app import log
from postier.mta.sieving.events import Events
from postier.mta.sieving.pending_events import has_pending, release_pending
from postier.store.transaction import ConflictError, Store, StoreError

EVERY_S = 10.0


class EventRunner:
    """A `Service` (app.worker); `owner` is node/start/worker."""

    def __init__(self, store: Store, owner: str, events: Events, now_us: Callable[[], int]) -> None:
        self._store = store
        self._owner = owner
        self._events = events
        self._now_us = now_us
        self._stopping = asyncio.Event()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin with what earlier starts of this node left."""
        tasks.create_task(self._run())

    def stop_accepting(self) -> None:
        """End after the run under way."""
        self._stopping.set()

    async def finish(self, deadline: float) -> None:
        """A run takes less than a second."""

    async def _run(self) -> None:
        is_new = True
        while not self._stopping.is_set():
            try:
                if is_new:
                    node, start, _ = self._owner.split("/")
                    await self._store.write(release_pending, node, f"{node}/{start}")
                    is_new = False
                while not self._stopping.is_set() and await self._store.read(has_pending, self._now_us()):
                    if not await self._events.resume():
                        break  # another worker was faster
            except (StoreError, ConflictError) as error:
                log.logger("events").warning("pending events not run", problem=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._stopping.wait()
