"""COPY and MOVE."""

import pytest

from postier.imap.flags import FLAGGED, SEEN
from postier.mailbox.expunge import expunge_deleted, expunge_uids
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.reading import Column, fetch_columns, open_mailbox
from postier.mailbox.refusals import MailboxRefusedError, QuotaExceededError, Refusal
from postier.mailbox.sweep import recoverable
from postier.mailbox.transfer import copy_messages, move_messages
from postier.mailbox.verify import check_account
from postier.store.changes import account_modseq
from postier.store.transaction import Store
from tests.mailbox.letters import NOON_US, add_account, append, raw_letter


async def test_a_copy_is_the_same_email(store: Store) -> None:
    boxes = await store.write(add_account)
    inbox, sent = boxes["INBOX"], boxes["Sent"]
    await append(store, 1, inbox, *[raw_letter(n) for n in range(6)], flags=SEEN, received_at_us=NOON_US)
    await store.write(store_flags, 1, inbox, [(3, 3)], StoreMode.ADD, FLAGGED)
    await store.write(expunge_uids, 1, inbox, [(2, 2)])
    done = await store.write(copy_messages, 1, inbox, [(1, 3), (5, 9)], sent)
    assert done.source_ranges == [(1, 1), (3, 3), (5, 6)]
    assert done.target_ranges == [(1, 4)]
    assert done.uidvalidity == (await store.read(open_mailbox, 1, "Sent", actor_id=1)).uidvalidity
    columns = [Column.EMAIL_ID, Column.FLAGS, Column.RECEIVED_AT, Column.SIZE_BYTES]
    copies = await store.read(fetch_columns, 1, sent, [(1, 9)], columns)
    originals = await store.read(fetch_columns, 1, inbox, done.source_ranges, columns)
    assert copies == originals
    assert await store.read(check_account, 1) == []


async def test_nothing_to_copy_is_no_change(store: Store) -> None:
    boxes = await store.write(add_account)
    modseq = await store.read(account_modseq, 1)
    for transfer in (copy_messages, move_messages):
        done = await store.write(transfer, 1, boxes["INBOX"], [(1, 5)], boxes["Sent"])
        assert (done.source_ranges, done.target_ranges) == ([], [])
        with pytest.raises(MailboxRefusedError):
            await store.write(transfer, 1, boxes["INBOX"], [(1, 5)], 99)
    assert await store.read(account_modseq, 1) == modseq


async def test_a_move_within_the_mailbox_gives_new_uids(store: Store) -> None:
    boxes = await store.write(add_account)
    inbox = boxes["INBOX"]
    await append(store, 1, inbox, *[raw_letter(n) for n in range(4)])
    done = await store.write(move_messages, 1, inbox, [(1, 1), (3, 3)], inbox)
    assert (done.source_ranges, done.target_ranges) == ([(1, 1), (3, 3)], [(5, 6)])
    rows = await store.read(fetch_columns, 1, inbox, [(1, 9)], [Column.UID])
    assert rows == [(2,), (4,), (5,), (6,)]
    assert await store.read(recoverable, 1) == []
    assert await store.read(check_account, 1) == []


async def test_copies_count_moves_do_not(store: Store) -> None:
    raw = raw_letter()
    boxes = await store.write(add_account, quota_bytes=3 * len(raw))
    inbox, sent = boxes["INBOX"], boxes["Sent"]
    await append(store, 1, inbox, raw, raw)
    with pytest.raises(QuotaExceededError):
        await store.write(copy_messages, 1, inbox, [(1, 2)], sent)
    await store.write(copy_messages, 1, inbox, [(1, 1)], sent)
    await store.write(move_messages, 1, inbox, [(1, 2)], sent)
    assert (await store.read(open_mailbox, 1, "Sent", actor_id=1)).message_count == 3
    with pytest.raises(MailboxRefusedError) as refused:
        await store.write(move_messages, 1, sent, [(1, 2)], 99)
    assert refused.value.refusal is Refusal.NONEXISTENT
    assert await store.read(check_account, 1) == []


async def test_expunge_takes_deleted_ones_of_the_set(store: Store) -> None:
    boxes = await store.write(add_account)
    inbox = boxes["INBOX"]
    await append(store, 1, inbox, *[raw_letter(n) for n in range(5)])
    await store.write(store_flags, 1, inbox, [(2, 4)], StoreMode.ADD, 8)
    assert (await store.write(expunge_deleted, 1, inbox, [(1, 2), (4, 9)])).ranges == [(2, 2), (4, 4)]
    modseq = await store.read(account_modseq, 1)
    assert (await store.write(expunge_deleted, 1, inbox)).ranges == [(3, 3)]
    nothing = await store.write(expunge_deleted, 1, inbox)
    assert (nothing.ranges, nothing.modseq) == ([], modseq + 1)
    assert len(await store.read(recoverable, 1)) == 3
    assert await store.read(check_account, 1) == []
