"""The duty that keeps the index of words."""

import asyncio

from postier.app import indexer
from postier.app.indexer import LEASE, Indexer, index_account, index_next
from postier.mailbox.words import rows
from postier.mailbox.words.block import RUN
from postier.store.leases import take_lease
from tests.mailbox.letters import add_account, append, raw_letter


async def filled(store, account_id=1, count=RUN + 5):
    box = (await store.write(add_account, account_id))["INBOX"]
    await append(store, account_id, box, *map(raw_letter, range(count)))
    return box


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


async def test_one_worker_holds_the_duty(sqlite_store):
    await filled(sqlite_store)
    assert await sqlite_store.write(take_lease, LEASE, "other", 60_000_000)
    duty = Indexer(sqlite_store, "one", every_s=0)
    await duty._index()
    assert await sqlite_store.read(rows.indexed_to, 1) == 0


async def test_stopping_ends_between_blocks(sqlite_store):
    await filled(sqlite_store, count=3 * RUN)
    duty = Indexer(sqlite_store, "one")
    duty.stop_accepting()
    await duty._index()
    assert await sqlite_store.read(rows.indexed_to, 1) == RUN


async def test_what_is_too_large_or_lost_is_undecided(store, monkeypatch):
    box = await filled(store, count=RUN)
    monkeypatch.setattr(indexer, "MAX_CONTENT", 400)
    monkeypatch.setattr(indexer, "CONTENTS_AT_ONCE", 1_000)
    await append(store, 1, box, raw_letter(1, body="x" * 1_000))
    await store.write(lambda tx: tx.run("UPDATE email SET blob_id = ? WHERE email_id % 64 = 2", b"\x01" * 32))
    await index_account(store, 1)
    (block,) = await store.read(rows.blocks_of, 1)
    assert block.undecided == 1 << 2
    await append(store, 1, box, *map(raw_letter, range(RUN)))
    assert await index_next(store, 1) == RUN
    assert (await store.read(rows.blocks_of, 1))[1].undecided == 1 << 1  # number 65, the large one
    assert await index_next(store, 1) is None
