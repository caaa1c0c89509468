"""Gathering: APPENDs of several connections meet before they are written, so that one commit serves them all.

Without it connections that append in step with the commits fall into two halves, each waiting for the other's commit.
Not here: the write (`append_filing`), the group commit (`store`). Invariants: nobody waits longer than GATHER_S; who
appends alone does not wait at all.
"""

import asyncio

GATHER_S = 0.002  # a commit that is synced takes longer
LATELY_S = 0.05  # who appended since then is expected again
MAX_EXPECTED = 64


class Gathering:
    """The connections of one listener that append; belongs to one event loop."""

    def __init__(self) -> None:
        self._lately: dict[int, float] = {}  # connection: when it came last; the longest ago first
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def join(self, connection_id: int) -> None:
        """Return when those that are expected are here too, or the time is up."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        lately = self._lately
        lately.pop(connection_id, None)
        lately[connection_id] = now
        while (longest := next(iter(lately))) and lately[longest] < now - LATELY_S:
            del lately[longest]
        if len(lately) == 1:
            return
        here: asyncio.Future[None] = loop.create_future()
        self._waiting.append(here)
        if len(self._waiting) >= min(len(lately), MAX_EXPECTED):
            self._go()
        elif self._timer is None:
            self._timer = loop.call_later(GATHER_S, self._go)
        await here

    def _go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for here in waiting:
            if not here.done():  # its connection may be gone
                here.set_result(None)
