import asyncio
import threading

import pytest

from postier.accounts.hashing_pool import MAX_WAITING, HashingPool, PoolClosedError


async def test_a_network_holds_no_more_places_than_it_leaves() -> None:
    pool, gate = HashingPool(2), threading.Event()
    jobs = [pool.start("a", gate.wait) for _ in range(2 + MAX_WAITING // 2)]
    assert all(job is not None for job in jobs)
    assert pool.start("a", gate.wait) is None
    for n in range(MAX_WAITING // 2):
        job = pool.start(f"n{n}", gate.wait)
        assert job is not None
        jobs.append(job)
    assert pool.start("new", gate.wait) is None
    gate.set()
    await asyncio.gather(*(job for job in jobs if job is not None))
    assert (pool._idle, pool._free, pool._waiting) == (2, MAX_WAITING, {})
    after = pool.start("a", lambda: 7)
    assert after is not None
    assert await after == 7
    pool.close()


async def test_networks_take_turns() -> None:
    pool, gate = HashingPool(1), threading.Event()
    order: list[str] = []
    names = ("a1", "a2", "a3", "b1", "b2", "c1")
    jobs = [
        pool.start("first", gate.wait),
        *(pool.start(name[0], lambda name=name: order.append(name)) for name in names),
    ]
    gate.set()
    await asyncio.gather(*(job for job in jobs if job is not None))
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]
    pool.close()


async def test_a_caller_who_is_gone_gives_back_his_place() -> None:
    pool, gate = HashingPool(1), threading.Event()
    running, waiting, last = (pool.start("a", fn) for fn in (gate.wait, gate.wait, lambda: None))
    assert running is not None
    assert waiting is not None
    assert last is not None
    running.cancel()
    waiting.cancel()
    gate.set()
    await last
    assert (pool._idle, pool._free) == (1, MAX_WAITING)
    pool.close()


async def test_an_error_is_the_callers() -> None:
    pool = HashingPool(1)

    def fail() -> None:
        raise MemoryError

    job = pool.start("a", fail)
    assert job is not None
    with pytest.raises(MemoryError):
        await job
    assert pool._idle == 1
    pool.close()


async def test_closing_answers_who_waits() -> None:
    pool, gate = HashingPool(1), threading.Event()
    running, waiting = pool.start("a", lambda: gate.wait() and 5), pool.start("a", gate.wait)
    assert running is not None
    assert waiting is not None
    pool.close()
    assert pool.start("a", gate.wait) is None
    with pytest.raises(PoolClosedError):
        await waiting
    gate.set()
    assert await running == 5
