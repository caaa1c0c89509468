"""What was expunged leaves the store after its time, and its content with it; nothing else does."""

import asyncio

from postier.accounts.accounts import add_account
from postier.accounts.domains import add_domain
from postier.app.indexing import index_account
from postier.app.sweeper import sweep
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.filing import file_message
from postier.mailbox.folders import default_mailboxes, mailbox_id_of
from postier.mailbox.words import rows
from postier.mailbox.words.block import RUN
from postier.mime.address import Address
from postier.mime.index import index_message
from postier.store.blobs import draft
from postier.store.transaction import Store
from tests.app.test_indexing import filled

HOUR_US = 3_600_000_000


async def counts(store: Store) -> tuple[int, int, int]:
    tables = ("entry", "expunged", "blob")
    found = [
        await store.read(lambda tx, table=table: tx.value(f"SELECT count(*) FROM {table}"))
        for table in tables
    ]
    return found[0], found[1], found[2]


async def test_only_what_is_old_is_swept(store: Store) -> None:
    await store.write(add_domain, "x.test")
    account_id = await store.write(add_account, Address("a", "x.test"), None, default_mailboxes)
    inbox = await store.read(mailbox_id_of, account_id, "INBOX")
    for content in (b"Subject: one\r\n\r\n", b"Subject: two\r\n\r\n"):
        one = draft(content)
        index = index_message(content)
        await store.write_with_blobs(
            [one], file_message, account_id, inbox, index, one.blob_id, len(content), 0, 1_000_000
        )
    await store.write(expunge_uids, account_id, inbox, [(1, 1)])
    await sweep(store, asyncio.Event(), kept_us=HOUR_US, blob_kept_us=HOUR_US)
    assert await counts(store) == (1, 1, 2)
    await sweep(store, asyncio.Event(), kept_us=-HOUR_US, blob_kept_us=HOUR_US)
    assert await counts(store) == (1, 0, 2)
    await sweep(store, asyncio.Event(), kept_us=-HOUR_US, blob_kept_us=-HOUR_US)
    assert await counts(store) == (1, 0, 1)


async def test_the_words_of_what_is_swept_go_too(store: Store) -> None:
    box = await filled(store)
    await index_account(store, 1)
    await store.write(expunge_uids, 1, box, [(1, RUN - 10)])
    await sweep(store, asyncio.Event(), kept_us=-HOUR_US)
    (block,) = await store.read(rows.blocks_of, 1)
    assert block.present.bit_count() == 9  # the first email has number 1
