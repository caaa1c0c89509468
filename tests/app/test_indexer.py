"""The duty that keeps the index of words."""

import asyncio

from postier.app import indexer
from postier.app.indexer import BUSY, LEASE, LOOK_ANYWAY_S, SAMPLE_S, Indexer, Leisure
from postier.mailbox.words import rows
from postier.mailbox.words.block import BLOCK, RUN
from postier.store.leases import take_lease
from tests.app.test_indexing import filled
from tests.mailbox.letters import append, raw_letter


async def written(store, account_id):
    """Wait until the account has a block; a write of the index wakes nobody, so each look is a turn of the loop."""
    while not await store.read(rows.indexed_to, account_id):
        await asyncio.sleep(0)


async def test_new_mail_is_indexed(sqlite_store):
    await filled(sqlite_store)
    await filled(sqlite_store, 2)
    duty = Indexer(sqlite_store, "one", every_s=0)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        await duty.start(tasks)
        await written(sqlite_store, 1)
        await written(sqlite_store, 2)
        duty.stop_accepting()
        await duty.finish(0)
    assert await sqlite_store.read(lambda tx: tx.rows("SELECT * FROM lease")) == []


async def test_runs_of_many_accounts_are_filed_together(store):
    for account_id in range(1, 6):
        await filled(store, account_id)
    duty = Indexer(store, "one")
    before = store.commits
    await duty._index()
    assert store.commits - before == 3  # the lease, all runs, the lease handed back
    assert [await store.read(rows.indexed_to, n) for n in range(1, 6)] == [RUN] * 5


async def test_a_block_replaces_runs_made_just_before(sqlite_store, monkeypatch):
    """The runs of an account must be filed before the block that takes them over is made."""
    box = await filled(sqlite_store, count=BLOCK - RUN)
    made, duty = [], Indexer(sqlite_store, "one")
    make_block = indexer.make_block

    async def making(store, stretch, between):
        made.append((stretch.first, stretch.size))
        if stretch.first == 2 * RUN and stretch.size == RUN:
            await append(sqlite_store, 1, box, *map(raw_letter, range(RUN)))
        return await make_block(store, stretch, between)

    monkeypatch.setattr(indexer, "make_block", making)
    await duty._index()
    assert made == [(0, RUN), (RUN, RUN), (2 * RUN, RUN), (0, BLOCK)]
    (block,) = await sqlite_store.read(rows.blocks_of, 1)
    assert block.present == (1 << BLOCK) - 2


async def test_a_large_account_does_not_keep_others_waiting(sqlite_store, monkeypatch):
    await filled(sqlite_store, 1, 3 * RUN)
    await filled(sqlite_store, 2)
    monkeypatch.setattr(indexer, "BLOCKS_IN_TURN", 2)
    made = []
    make_block = indexer.make_block

    async def making(store, stretch, between):
        made.append(stretch.account_id)
        return await make_block(store, stretch, between)

    monkeypatch.setattr(indexer, "make_block", making)
    await Indexer(sqlite_store, "one")._index()
    assert made == [1, 1, 2, 1]
    assert [await sqlite_store.read(rows.indexed_to, n) for n in (1, 2)] == [3 * RUN, RUN]


async def test_one_worker_holds_the_duty(sqlite_store):
    await filled(sqlite_store)
    assert await sqlite_store.write(take_lease, LEASE, "other", 60_000_000)
    duty = Indexer(sqlite_store, "one", every_s=0)
    before = sqlite_store.commits
    await duty._index()
    assert await sqlite_store.read(rows.indexed_to, 1) == 0
    assert sqlite_store.commits == before  # asking writes nothing


async def test_a_worker_that_lost_the_duty_files_nothing(sqlite_store, monkeypatch):
    await filled(sqlite_store)
    duty = Indexer(sqlite_store, "one")
    make_block = indexer.make_block

    async def making(store, stretch, between):
        made = await make_block(store, stretch, between)
        await store.write(lambda tx: tx.run("UPDATE lease SET owner = 'other'"))
        return made

    monkeypatch.setattr(indexer, "make_block", making)
    await duty._index()
    assert await sqlite_store.read(rows.indexed_to, 1) == 0


async def test_stopping_ends_between_blocks(sqlite_store):
    await filled(sqlite_store, count=3 * RUN)
    duty = Indexer(sqlite_store, "one")
    duty.stop_accepting()
    await duty._index()
    assert await sqlite_store.read(rows.indexed_to, 1) == RUN


async def test_nothing_to_do_writes_nothing(sqlite_store):
    await filled(sqlite_store, count=RUN - 2)
    before = sqlite_store.commits
    duty = Indexer(sqlite_store, "one")
    assert await duty._index() > 0  # how long it looked
    assert sqlite_store.commits == before
    assert await duty._index() == 0  # nothing was written, so it does not look
    duty._looked_at -= LOOK_ANYWAY_S
    assert await duty._index() > 0  # others may have written
    await filled(sqlite_store, 2)
    assert await duty._index() > 0
    assert await sqlite_store.read(rows.indexed_to, 2) == RUN


async def test_mail_goes_first(sqlite_store, monkeypatch):
    """While the worker is busy the duty is put off, but not for ever."""
    await filled(sqlite_store)
    duty = Indexer(sqlite_store, "one", every_s=0.001)
    duty._leisure.share = 1.0
    monkeypatch.setattr(duty._leisure, "rested", lambda *_: None)
    monkeypatch.setattr(indexer, "POSTPONED_S", 0.005)
    looks = []
    index = duty._index

    async def looking():
        looks.append(duty._leisure.is_busy)
        await index()
        duty.stop_accepting()
        return 0.0

    monkeypatch.setattr(duty, "_index", looking)
    async with asyncio.timeout(20):
        await duty._run()
    assert looks == [True]
    assert await sqlite_store.read(rows.indexed_to, 1) == RUN


def test_leisure():
    leisure = Leisure()
    assert not leisure.is_busy
    leisure.rested(SAMPLE_S / 2, SAMPLE_S / 2)
    assert not leisure.is_busy  # too short to tell
    leisure.rested(SAMPLE_S / 2, SAMPLE_S / 2)
    assert leisure.is_busy
    assert leisure.share == 1.0
    leisure.rested(SAMPLE_S * 2, SAMPLE_S * BUSY)
    assert not leisure.is_busy
