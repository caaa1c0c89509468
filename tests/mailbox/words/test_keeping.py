"""The tables of the index: what is next, blocks are filed, thin ones made anew."""

import pytest

from postier.accounts.accounts import remove_account
from postier.app.indexing import index_account, make_block, renew_thin_blocks
from postier.imap.search import AnyText, BodyText
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.sweep import sweep_account
from postier.mailbox.words import keeping, rows
from postier.mailbox.words.block import BLOCK, RUN, Block
from postier.mailbox.words.keeping import Stretch
from tests.mailbox.letters import append
from tests.mailbox.words.test_narrow import filled, found, letter, plainly

EMPTY = Block(RUN, 0, 0, 0, ())


async def test_what_is_next(store):
    await filled(store)
    assert await store.read(keeping.accounts_to_index) == [1]
    assert await store.read(keeping.next_stretch, 1) == Stretch(1, 0, RUN, 0)
    assert await store.read(keeping.next_stretch, 1, RUN) == Stretch(1, RUN, RUN, RUN)
    assert await store.read(keeping.next_stretch, 1, 2 * RUN) is None
    assert await store.read(keeping.next_stretch, 9) is None
    await index_account(store, 1)
    assert await store.read(keeping.accounts_to_index) == []


async def test_two_builders(store):
    await filled(store)
    stretch = await store.read(keeping.next_stretch, 1)
    assert await store.write(keeping.file_block, stretch, EMPTY)
    assert not await store.write(keeping.file_block, stretch, EMPTY)
    assert not await store.write(keeping.file_block, Stretch(1, 2 * RUN, RUN, 2 * RUN), EMPTY)
    assert not await store.write(keeping.file_block, Stretch(9, 0, RUN, 0), EMPTY)
    assert await store.read(rows.indexed_to, 1) == RUN
    # a block that was made when there was one run less
    whole = Stretch(1, 0, BLOCK, 0)
    assert not await store.write(keeping.file_block, whole, Block(BLOCK, 0, 0, 0, ()))


async def test_runs_become_a_block(store):
    box = await filled(store, RUN)
    await index_account(store, 1)
    await append(store, 1, box, *map(letter, range(RUN, RUN + 5)))
    assert await store.read(keeping.accounts_to_index) == []
    for start in range(RUN + 5, BLOCK - 2, 300):
        await append(store, 1, box, *map(letter, range(start, min(BLOCK - 2, start + 300))))
        await index_account(store, 1)
    runs = await store.read(rows.blocks_of, 1)
    assert {one.size for one in runs} == {RUN}
    sought = [BodyText("report"), AnyText("html"), BodyText("東京")]
    expected = [await plainly(store, box, one) for one in sought]
    assert [await found(store, box, one) for one in sought] == expected
    await append(store, 1, box, letter(BLOCK - 2))
    await store.write(
        lambda tx: tx.run("UPDATE email SET blob_id = ? WHERE email_id % 1024 < 100", b"\x01" * 32)
    )
    counts = []
    await index_account(store, 1, counts.append)
    assert counts == [BLOCK - len(runs) * RUN]  # what is in runs is not read again
    assert [(one.first, one.size) for one in await store.read(rows.blocks_of, 1)] == [(0, BLOCK)]
    extent = await store.read(rows.extent_of, 1)
    assert (extent.indexed, extent.waiting) == (BLOCK - 1, 0)  # the first email has number 1
    assert 0 < extent.stored_bytes < extent.text_bytes / 2


async def test_a_damaged_run_is_read_again(store):
    box = await filled(store, BLOCK - RUN)
    await index_account(store, 1)
    await append(store, 1, box, *map(letter, range(BLOCK - RUN, BLOCK)))
    await store.write(
        lambda tx: tx.run("UPDATE word_part SET data = ? WHERE first >= 128 AND kind = 5", b"nonsense")
    )
    counts = []
    await index_account(store, 1, counts.append)
    assert counts == [BLOCK - 2 * RUN]
    assert await found(store, box, BodyText("report")) == await plainly(store, box, BodyText("report"))


async def test_an_index_of_another_version_counts_as_none(store):
    box = await filled(store)
    await index_account(store, 1)
    await store.write(lambda tx: tx.run("UPDATE word_progress SET version = 'old'"))
    assert await store.read(keeping.accounts_to_index) == [1]
    assert await found(store, box, BodyText("report")) == await plainly(store, box, BodyText("report"))
    await index_account(store, 1)
    assert await store.read(rows.indexed_to, 1) == 2 * RUN
    assert await store.read(keeping.accounts_to_index) == []


async def test_blocks_whose_mail_has_gone_shrink(store):
    box = await filled(store)
    await index_account(store, 1)
    before = await store.read(rows.extent_of, 1)
    await store.write(expunge_uids, 1, box, [(1, RUN), (RUN + 1, RUN + 40)])
    await store.write_bulk(sweep_account, 1, 2**60)
    thin = await store.read(keeping.thin_blocks, 1)
    assert [(one.first, one.size) for one in thin] == [(0, RUN), (RUN, RUN)]
    await renew_thin_blocks(store, 1)
    assert await store.read(keeping.thin_blocks, 1) == []
    blocks = await store.read(rows.blocks_of, 1)
    assert [one.present.bit_count() for one in blocks] == [0, 23]
    after = await store.read(rows.extent_of, 1)
    assert after.stored_bytes < before.stored_bytes / 2
    assert after.text_bytes < before.text_bytes / 4
    for one in (BodyText("report"), AnyText("html")):
        assert await found(store, box, one) == await plainly(store, box, one)
    # one that is not there any more as it was
    assert not await store.write(keeping.replace_block, Stretch(1, 0, BLOCK, 0), Block(BLOCK, 0, 0, 0, ()))
    assert not await store.write(keeping.replace_block, Stretch(9, 0, RUN, 0), EMPTY)


async def test_a_block_is_filed_whole_or_not_at_all(store):
    box = await filled(store)
    stretch = await store.read(keeping.next_stretch, 1)
    _, block = await make_block(store, stretch)

    def fails(tx):
        assert keeping.file_block(tx, stretch, block)
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(fails)
    for table in rows.TABLES:
        assert await store.read(lambda tx, table=table: tx.value(f"SELECT count(*) FROM {table}")) == 0
    await index_account(store, 1)
    assert await store.read(rows.indexed_to, 1) == 2 * RUN
    assert await found(store, box, BodyText("report")) == await plainly(store, box, BodyText("report"))


async def test_a_removed_account_leaves_nothing(store):
    await filled(store)
    await index_account(store, 1)
    stretch = Stretch(1, 2 * RUN, RUN, 2 * RUN)
    await store.write_bulk(remove_account, 1)
    for table in rows.TABLES:
        assert await store.read(lambda tx, table=table: tx.value(f"SELECT count(*) FROM {table}")) == 0
    assert not await store.write(keeping.file_block, stretch, EMPTY)
