"""Which letter is tried when, and by how many at a time: leases what is due and hands it to carriers, fairly.

Jobs wait in a lane per destination; a lane has up to `destination_concurrency` carriers, each keeping one connection, and all
lanes share `concurrency`. A lane whose host fails shrinks to one carrier and grows again by one with each success, so a
struggling site is not stormed. Source: DESIGN §6. Invariants: leased work is bounded (`MAX_HELD`); at shutdown what was
not begun is handed back.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from postier.mta.queue_rows import MAX_LEASED_AT_ONCE, TOPIC, Job, lease_due, next_due, release_leases, renew
from postier.store.transaction import Store, StoreError

MAX_HELD = 1_000  # jobs leased and not finished
LANE_HELD = 50  # of one destination; beyond, it is left to others
LONGEST_SLEEP_S = 60.0  # wake-ups may be lost
RENEWED_AFTER_S = 5 * 60.0  # that a job waited in its lane
BURST = 20  # jobs that a carrier does before others who have none get its turn
STORE_PAUSE_S = 5.0  # after the store did not answer


class Carrier(Protocol):
    """Carries the jobs of one destination one after the other, on one connection where it can."""

    async def carry(self, job: Job) -> bool:
        """Try one job and settle it; whether the destination could be talked to. Never raises for the network."""
        ...

    async def close(self) -> None:
        """Say goodbye to the other server."""
        ...


class Pace(msgspec.Struct, frozen=True):
    """How many deliveries at one time: in all, and to one destination."""

    concurrency: int = 100
    destination_concurrency: int = 10


class _Lane:
    """The jobs of one destination."""

    __slots__ = ("carriers", "jobs", "width")

    def __init__(self) -> None:
        self.jobs: deque[tuple[Job, float]] = deque()  # and when they came, loop time
        self.carriers = 0
        self.width = 1


class Scheduler:
    """A `Service` (app.worker): this worker's share of the queue."""

    def __init__(
        self,
        store: Store,
        owner: str,
        new_carrier: Callable[[str], Carrier],
        pace: Pace,
        now_us: Callable[[], int],
    ) -> None:
        """`owner` names this worker's leases: `node/start/worker`; `new_carrier` is given a destination."""
        self._store = store
        self._owner = owner
        self._new_carrier = new_carrier
        self.pace = pace
        self._now_us = now_us
        self._lanes: dict[str, _Lane] = {}
        self._held = 0
        self._carriers = 0
        self._tasks: asyncio.TaskGroup | None = None
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_stopping = False
        self._log = structlog.get_logger()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Take back what a predecessor of this node left, then look for work."""
        self._tasks = tasks
        node, start, _ = self._owner.split("/")
        await self._store.write(release_leases, node, f"{node}/{start}")
        await self._store.write(release_leases, self._owner)
        self._unwatch = self._store.watch_topic(TOPIC, self._woken.set)
        tasks.create_task(self._run())

    def stop_accepting(self) -> None:
        """Begin nothing new."""
        self._is_stopping = True
        self._woken.set()

    async def finish(self, deadline: float) -> None:
        """Wait for what is under way, then hand back the rest."""
        for lane in self._lanes.values():
            lane.jobs.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._idle.wait()
        with contextlib.suppress(StoreError):
            await self._store.write(release_leases, self._owner)

    def dispatch(self, jobs: Sequence[Job]) -> None:
        """Take jobs that are leased to this worker already."""
        now = asyncio.get_running_loop().time()
        for job in jobs:
            self._held += 1
            lane = self._lanes.setdefault(job.destination, _Lane())
            lane.jobs.append((job, now))
            self._staff(job.destination, lane)

    async def _run(self) -> None:
        while not self._is_stopping:
            self._woken.clear()
            try:
                sleep_s = await self._lease()
            except StoreError as error:
                self._log.error("queue-not-read", error=str(error))
                sleep_s = STORE_PAUSE_S
            if sleep_s > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(sleep_s):
                        await self._woken.wait()
        self._unwatch()

    async def _lease(self) -> float:
        """Lease what is due; how long to sleep until something may be."""
        room = MAX_HELD - self._held
        if room > 0:
            busy = tuple(name for name, lane in self._lanes.items() if len(lane.jobs) >= LANE_HELD)
            due_at = await self._store.read(next_due)
            now_us = self._now_us()
            if due_at is None:
                return LONGEST_SLEEP_S
            if due_at > now_us:
                return min(LONGEST_SLEEP_S, (due_at - now_us) / 1_000_000)
            jobs = await self._store.write(lease_due, self._owner, min(room, MAX_LEASED_AT_ONCE), busy)
            if jobs:
                self.dispatch(jobs)
                return 0.0
        return 1.0  # what is due is another's or too much for now

    def _staff(self, destination: str, lane: _Lane) -> None:
        """Give the lane another carrier if it has more jobs than carriers and there is room."""
        assert self._tasks is not None
        width = min(lane.width, self.pace.destination_concurrency)
        if (
            lane.jobs
            and lane.carriers < width
            and self._carriers < self.pace.concurrency
            and not self._is_stopping
        ):
            lane.carriers += 1
            self._carriers += 1
            self._idle.clear()
            self._tasks.create_task(self._work(destination, lane))

    async def _work(self, destination: str, lane: _Lane) -> None:
        carrier = self._new_carrier(destination)
        done = 0
        try:
            while lane.jobs and not (done >= BURST and self._others_wait()):
                job, came_at = lane.jobs.popleft()
                reached = await self._carry(carrier, job, came_at)
                done += 1
                self._held -= 1
                lane.width = lane.width + 1 if reached else 1
                self._staff(destination, lane)
        finally:
            lane.carriers -= 1
            self._carriers -= 1
            try:
                await carrier.close()
            except Exception:  # a bug of ours; the lane goes on
                self._log.exception("goodbye-failed", destination=destination)
            finally:
                self._after_work(destination, lane)

    async def _carry(self, carrier: Carrier, job: Job, came_at: float) -> bool:
        """Try a job whose lease holds; whether its destination could be talked to."""
        try:
            if asyncio.get_running_loop().time() - came_at > RENEWED_AFTER_S and not await self._store.write(
                renew, job, self._owner
            ):
                return True  # it is somebody else's now, or nobody's
            return await carrier.carry(job)
        except StoreError as error:
            self._log.error("lease-not-renewed", letter=job.message.trace_id, error=str(error))
        except Exception:  # a bug of ours: the lease runs out and it is tried again
            self._log.exception("delivery-failed", letter=job.message.trace_id)
        return False

    def _others_wait(self) -> bool:
        """Whether a lane has jobs and no carrier, for there is no room for one."""
        return self._carriers >= self.pace.concurrency and any(
            lane.jobs and not lane.carriers for lane in self._lanes.values()
        )

    def _after_work(self, destination: str, lane: _Lane) -> None:
        if not lane.carriers:
            self._lanes.pop(destination, None)
            if lane.jobs:
                self._lanes[destination] = lane  # behind those who waited
        if not self._carriers:
            self._idle.set()
        for name, waiting in self._lanes.items():  # lanes that found no room before
            self._staff(name, waiting)
        if self._held < MAX_HELD:
            self._woken.set()
