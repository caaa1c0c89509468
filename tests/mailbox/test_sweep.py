"""Undeleting, and what goes for good."""

import pytest

from postier.imap.flags import DELETED, FLAGGED
from postier.mailbox.expunge import expunge_deleted, expunge_uids
from postier.mailbox.filing import Delivery
from postier.mailbox.folders import create_mailbox, delete_mailbox
from postier.mailbox.reading import Column, fetch_columns
from postier.mailbox.refusals import MailboxRefusedError
from postier.mailbox.sweep import accounts_to_sweep, recoverable, sweep_account, sweep_blobs, undelete
from postier.mailbox.transfer import copy_messages
from postier.mailbox.verify import check_account, check_blobs
from postier.store.transaction import ReadTx, Store
from tests.mailbox.letters import add_account, append, raw_letter, send

FOR_EVER_US = 2**60


def count(tx: ReadTx, table: str) -> int:
    return int(tx.value(f"SELECT count(*) FROM {table}"))


async def test_undelete_brings_messages_back(store: Store) -> None:
    boxes = await store.write(add_account)
    inbox = boxes["INBOX"]
    await append(store, 1, inbox, *[raw_letter(n) for n in range(3)], flags=DELETED | FLAGGED)
    await store.write(expunge_deleted, 1, inbox)
    found = await store.read(recoverable, 1)
    assert [(one.mailbox, one.uid) for one in found] == [("INBOX", 1), ("INBOX", 2), ("INBOX", 3)]
    assert await store.write(undelete, 1, inbox, [1, 3, 9], inbox) == [(4, 5)]
    rows = await store.read(fetch_columns, 1, inbox, [(1, 9)], [Column.UID, Column.FLAGS, Column.MESSAGE_ID])
    assert rows == [(4, FLAGGED, "0@alpha.test"), (5, FLAGGED, "2@alpha.test")]
    assert [one.uid for one in await store.read(recoverable, 1)] == [2]
    assert await store.write(undelete, 1, inbox, [9], inbox) == []
    with pytest.raises(MailboxRefusedError):
        await store.write(undelete, 1, inbox, [2], 99)
    assert await store.read(check_account, 1) == []


async def test_undelete_from_a_deleted_mailbox(store: Store) -> None:
    boxes = await store.write(add_account)
    made = await store.write(create_mailbox, 1, "Gone", actor_id=1)
    await append(store, 1, made.mailbox_id, raw_letter())
    await store.write(delete_mailbox, 1, "Gone", actor_id=1)
    (found,) = await store.read(recoverable, 1)
    assert found.mailbox is None
    assert await store.write(undelete, 1, found.mailbox_id, [found.uid], boxes["INBOX"]) == [(1, 1)]
    assert await store.read(check_account, 1) == []


async def test_the_sweep_removes_what_nothing_names(store: Store) -> None:
    boxes = await store.write(add_account)
    await store.write(add_account, 2)
    inbox = boxes["INBOX"]
    await append(store, 1, inbox, raw_letter(1), raw_letter(2))
    await send(store, raw_letter(3), Delivery(1), Delivery(2))
    await store.write(copy_messages, 1, inbox, [(1, 1)], boxes["Archive"])
    await store.write(expunge_uids, 1, inbox, [(1, 3)])
    assert await store.read(accounts_to_sweep, 0) == []
    assert await store.read(accounts_to_sweep, FOR_EVER_US) == [1]
    assert not await store.write(sweep_account, 1, 0)
    assert await store.read(count, "expunged") == 3
    assert not await store.write(sweep_account, 1, FOR_EVER_US)
    assert await store.read(count, "expunged") == 0
    assert await store.read(count, "email") == 2  # the copied one, and account 2's
    assert await store.read(count, "thread_link") == 2
    assert await store.read(count, "blob") == 3
    assert await store.write(sweep_blobs, b"", 0) is None
    assert await store.read(count, "blob") == 3  # the grace has not passed
    assert await store.write(sweep_blobs, b"", FOR_EVER_US) is None
    assert await store.read(count, "blob") == 2
    assert await store.read(check_account, 1) == []
    problems, after = await store.read(check_blobs, lambda _: b"")
    assert {problem.kind.value for problem in problems} == {"blob damaged"}
    assert after is None


async def test_blobs_of_the_queue_stay(store: Store) -> None:
    boxes = await store.write(add_account)
    await append(store, 1, boxes["INBOX"], raw_letter())
    await store.write(expunge_uids, 1, boxes["INBOX"], [(1, 1)])
    await store.write(sweep_account, 1, FOR_EVER_US)
    await store.write(
        lambda tx: tx.run(
            "INSERT INTO queue_message (queue_id, trace_id, reverse_path, blob_id, size_bytes, needs_8bit,"
            " needs_utf8, requires_tls, dsn_envid, dsn_ret, message_id, created_at)"
            " SELECT 1, 't', '', blob_id, 1, 0, 0, 0, '', '', '', 0 FROM blob"
        )
    )
    await store.write(sweep_blobs, b"", FOR_EVER_US)
    assert await store.read(count, "blob") == 1


async def test_large_sweeps_go_in_portions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postier.mailbox.sweep.EXPUNGED_AT_ONCE", 2)
    monkeypatch.setattr("postier.mailbox.sweep.BLOBS_AT_ONCE", 2)
    boxes = await store.write(add_account)
    await append(store, 1, boxes["INBOX"], *[raw_letter(n) for n in range(5)])
    await store.write(expunge_uids, 1, boxes["INBOX"], [(1, 5)])
    portions = 1
    while await store.write(sweep_account, 1, FOR_EVER_US):
        portions += 1
    assert portions == 3
    after: bytes | None = b""
    while after is not None:
        after = await store.write(sweep_blobs, after, FOR_EVER_US)
    assert await store.read(count, "blob") == 0
    assert await store.read(count, "email") == 0
