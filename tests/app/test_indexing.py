"""Contents are read and blocks made, whatever the contents."""

from postier.app import indexing
from postier.app.indexing import index_account, make_block
from postier.mailbox.words import keeping, rows
from postier.mailbox.words.block import RUN
from tests.mailbox.letters import add_account, append, raw_letter


async def filled(store, account_id=1, count=RUN + 5):
    box = (await store.write(add_account, account_id))["INBOX"]
    await append(store, account_id, box, *map(raw_letter, range(count)))
    return box


async def test_what_is_too_large_or_lost_is_undecided(store, monkeypatch):
    box = await filled(store, count=RUN)
    monkeypatch.setattr(indexing, "MAX_CONTENT", 400)
    monkeypatch.setattr(indexing, "STEP_BYTES", 1_000)
    await append(store, 1, box, raw_letter(1, body="x" * 1_000))
    await store.write(lambda tx: tx.run("UPDATE email SET blob_id = ? WHERE email_id % 64 = 2", b"\x01" * 32))
    await index_account(store, 1)
    (block,) = await store.read(rows.blocks_of, 1)
    assert block.undecided == 1 << 2
    await append(store, 1, box, *map(raw_letter, range(RUN)))
    counts = []
    await index_account(store, 1, counts.append)
    assert counts == [RUN]
    assert (await store.read(rows.blocks_of, 1))[1].undecided == 1 << 1  # number 65, the large one


async def test_what_is_damaged_is_undecided(store):
    """One content that can't be read does not keep the others out of the index."""
    await filled(store)
    await store.write(
        lambda tx: tx.run(
            "UPDATE blob SET stored_bytes = stored_bytes + 9000000 WHERE blob_id = (SELECT blob_id FROM email WHERE email_id % 64 = 7)"
        )
    )
    await index_account(store, 1)
    (block,) = await store.read(rows.blocks_of, 1)
    assert block.undecided == 1 << 7


async def test_steps_are_short(store, monkeypatch):
    await filled(store)
    steps = []

    async def between():
        steps.append(1)

    stretch = await store.read(keeping.next_stretch, 1)
    one = await make_block(store, stretch, between)
    assert len(steps) == RUN // indexing.STEP_LETTERS + 1  # and one to pack
    monkeypatch.setattr(indexing, "STEP_BYTES", 0)
    assert await make_block(store, stretch, between) == one
    assert len(steps) == RUN // indexing.STEP_LETTERS + 1 + RUN - 1 + 1  # the account's emails begin with 1
