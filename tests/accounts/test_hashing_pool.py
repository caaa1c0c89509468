import asyncio
import threading

from postier.accounts.hashing_pool import MAX_OF_ONE_NETWORK, MAX_WAITING, HashingPool


async def test_places_are_bounded_in_all_and_by_network() -> None:
    pool, gate = HashingPool(2), threading.Event()
    jobs = [pool.start("a", gate.wait) for _ in range(MAX_OF_ONE_NETWORK)]
    assert all(job is not None for job in jobs)
    assert pool.start("a", gate.wait) is None
    while len(jobs) < 2 + MAX_WAITING:
        job = pool.start(f"n{len(jobs)}", gate.wait)
        assert job is not None
        jobs.append(job)
    assert pool.start("new", gate.wait) is None
    gate.set()
    await asyncio.gather(*(job for job in jobs if job is not None))
    after = pool.start("a", lambda: 7)
    assert after is not None
    assert await after == 7
    assert not pool._networks
    pool.close()


async def test_what_is_not_awaited_still_gives_back_its_place() -> None:
    pool = HashingPool(1)
    gate = threading.Event()
    job = pool.start("a", gate.wait)
    assert job is not None
    last = pool.start("a", lambda: None)
    assert last is not None
    job.cancel()
    gate.set()
    await last
    assert pool._taken == 0
    pool.close()
