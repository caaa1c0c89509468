"""Lanes and carriers: turns, leases that had to wait, carriers that fail. The carriers are played, the queue is real."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from postier.mta import queue_rows
from postier.mta.queue_rows import LEASE_US, Job, mark_delivered, remove_if_done
from postier.mta.schedule import BURST, RENEWED_AFTER_S, Carrier, Pace, Scheduler
from postier.mta.transport import ATTEMPT_S
from postier.store.transaction import Store
from tests.mta.post_office import eventually
from tests.mta.test_queue_rows import a_message, a_recipient


class Played:
    """A carrier that delivers at once and writes down the order; `waits` holds it up, `fails` breaks its goodbye."""

    def __init__(self, store: Store, order: list[str]) -> None:
        self.store, self.order = store, order
        self.waits: asyncio.Event | None = None
        self.fails = False

    async def carry(self, job: Job) -> bool:
        if self.waits is not None:
            await self.waits.wait()
        self.order.append(f"{job.message.queue_id} {job.destination}")

        def settle(tx):
            for each in job.recipients:
                mark_delivered(tx, job.message.queue_id, each.recipient_id, "250 ok")
            remove_if_done(tx, job.message.queue_id)

        await self.store.write(settle)
        return True

    async def close(self) -> None:
        if self.fails:
            raise ZeroDivisionError


@asynccontextmanager
async def scheduler_of(
    store: Store, new_carrier: Callable[[str], Carrier], pace: Pace
) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler(store, "node/1/0", new_carrier, pace, lambda: time.time_ns() // 1000)
    async with asyncio.TaskGroup() as tasks:
        await scheduler.start(tasks)
        try:
            yield scheduler
        finally:
            scheduler.stop_accepting()
            await scheduler.finish(asyncio.get_running_loop().time() + 5)


async def is_empty(store: Store) -> bool:
    return not await store.read(queue_rows.list_messages)


async def enqueue(store: Store, queue_id: int, destination: str, owner: str = "node/1/0") -> list[Job]:
    return await store.write(
        queue_rows.enqueue, a_message(queue_id), [a_recipient(1, f"b@{destination}")], owner
    )


async def test_a_long_lane_gives_its_turn_to_others(sqlite_store):
    order: list[str] = []
    played = Played(sqlite_store, order)
    async with scheduler_of(sqlite_store, lambda _: played, Pace(1, 1)) as scheduler:
        jobs = [job for number in range(1, 61) for job in await enqueue(sqlite_store, number, "long.test")]
        jobs += await enqueue(sqlite_store, 61, "short.test")
        scheduler.dispatch(jobs)
        await eventually(lambda: is_empty(sqlite_store))
    assert order.index("61 short.test") == BURST
    assert len(order) == len(set(order)) == 61


async def test_a_goodbye_that_fails_ends_nothing(sqlite_store):
    order: list[str] = []
    played = Played(sqlite_store, order)
    played.fails = True
    async with scheduler_of(sqlite_store, lambda _: played, Pace()) as scheduler:
        for number in (1, 2):
            scheduler.dispatch(await enqueue(sqlite_store, number, "beta.test"))
            await eventually(lambda: is_empty(sqlite_store))
    assert len(order) == 2


async def test_what_waited_too_long_is_not_tried_twice(sqlite_store):
    """Its lease ran out in the lane, and it was leased once more: by whomever, one attempt is enough."""
    order: list[str] = []
    played = Played(sqlite_store, order)
    played.waits = asyncio.Event()
    async with scheduler_of(sqlite_store, lambda _: played, Pace(1, 1)) as scheduler:
        scheduler.dispatch(await enqueue(sqlite_store, 1, "beta.test"))  # holds the lane up
        scheduler.dispatch(await enqueue(sqlite_store, 2, "beta.test"))
        scheduler.dispatch(await enqueue(sqlite_store, 3, "beta.test"))
        lane = scheduler._lanes["beta.test"]
        lane.jobs.extend([(job, came_at - RENEWED_AFTER_S - 1) for job, came_at in lane.jobs])
        for _ in range(2):
            lane.jobs.popleft()
        await sqlite_store.write(  # another worker took 3 when it ran out
            lambda tx: tx.run("UPDATE queue_recipient SET lease_owner = 'node/1/1' WHERE queue_id = 3")
        )
        played.waits.set()
        await eventually(lambda: _done(order, 2))
        await eventually(lambda: _is_free(scheduler))
    assert order == ["1 beta.test", "2 beta.test"]


async def _done(order: list[str], count: int) -> bool:
    return len(order) >= count


async def _is_free(scheduler: Scheduler) -> bool:
    return not scheduler._carriers and not scheduler._held


def test_a_lease_outlasts_what_it_is_for():
    assert LEASE_US / 1_000_000 > RENEWED_AFTER_S + ATTEMPT_S
