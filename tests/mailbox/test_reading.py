"""What sessions read, and what they learn of changes."""

import pytest

from postier.imap.flags import SEEN
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.folders import create_mailbox, delete_mailbox
from postier.mailbox.reading import (
    Column,
    claim_recent,
    fetch_columns,
    flags_in,
    open_mailbox,
    uid_portions,
    uids_at,
)
from postier.mailbox.refusals import MailboxRefusedError
from postier.mailbox.views import changes_for
from postier.store.transaction import Store
from tests.mailbox.letters import add_account, append, raw_letter


async def test_every_column_can_be_read(store: Store) -> None:
    boxes = await store.write(add_account)
    await append(store, 1, boxes["INBOX"], raw_letter(1), raw_letter(2))
    rows = await store.read(fetch_columns, 1, boxes["INBOX"], [(1, 1), (2, 2)], [*Column])
    values = dict(zip(Column, rows[1], strict=True))
    assert values[Column.UID] == 2
    assert values[Column.MESSAGE_ID] == "2@alpha.test"
    assert values[Column.SENT_AT] == 1_789_997_600 * 1_000_000
    assert bytes(values[Column.BODYSTRUCTURE]).upper().startswith(b'("TEXT" "PLAIN"')
    assert values[Column.HAS_ATTACHMENT] == 0
    assert await store.read(fetch_columns, 1, boxes["INBOX"], [], [Column.UID]) == []


async def test_flags_are_read_in_the_order_of_uids(store: Store) -> None:
    inbox = (await store.write(add_account))["INBOX"]
    await append(store, 1, inbox, *[raw_letter(n) for n in range(5)])
    for uid, flags in ((1, 8), (3, 1 << 61), (5, 3)):
        await store.write(store_flags, 1, inbox, [(uid, uid)], StoreMode.REPLACE, flags)
    await store.write(expunge_uids, 1, inbox, [(2, 2)])
    assert await store.read(flags_in, 1, inbox, [(1, 2**32 - 1)]) == [8, 1 << 61, 0, 3]
    assert await store.read(flags_in, 1, inbox, [(1, 1), (5, 9)]) == [8, 3]
    many = [(uid, uid) for uid in range(1, 1_600, 2)]  # more than one statement names
    assert await store.read(flags_in, 1, inbox, many) == [8, 1 << 61, 3]
    assert await store.read(flags_in, 1, inbox, [(2, 2)]) == await store.read(flags_in, 1, inbox, []) == []


async def test_recent_is_told_once(store: Store) -> None:
    boxes = await store.write(add_account)
    inbox = boxes["INBOX"]
    await append(store, 1, inbox, raw_letter(1), raw_letter(2))
    assert await store.write(claim_recent, 1, inbox) == 1
    assert await store.write(claim_recent, 1, inbox) == 3
    await append(store, 1, inbox, raw_letter(3))
    assert (await store.read(open_mailbox, 1, "INBOX", actor_id=1)).recent_uid == 3
    assert await store.write(claim_recent, 1, inbox) == 3
    with pytest.raises(MailboxRefusedError):
        await store.write(claim_recent, 1, 99)


async def test_a_view_loaded_late_is_exact(store: Store) -> None:
    boxes = await store.write(add_account)
    inbox = boxes["INBOX"]
    await append(store, 1, inbox, *[raw_letter(n) for n in range(5)])
    await store.write(expunge_uids, 1, inbox, [(2, 2)])
    seen = await store.read(open_mailbox, 1, "INBOX", actor_id=1)
    assert list(await store.read(uids_at, 1, inbox, seen.uidnext, seen.modseq)) == [1, 3, 4, 5]
    await store.write(expunge_uids, 1, inbox, [(3, 4)])
    await append(store, 1, inbox, raw_letter(6), raw_letter(7))
    await store.write(expunge_uids, 1, inbox, [(6, 6)])
    late = await store.read(uids_at, 1, inbox, seen.uidnext, seen.modseq)
    assert (late.typecode, list(late)) == ("I", [1, 3, 4, 5])
    changes = await store.read(changes_for, 1, inbox, seen.modseq)
    assert changes is not None
    assert (changes.appended, changes.expunged, changes.flags) == ([(7, 7)], [(3, 4)], [])
    assert not changes.is_empty


async def test_changes_elsewhere_are_no_changes_here(store: Store) -> None:
    boxes = await store.write(add_account)
    await append(store, 1, boxes["INBOX"], raw_letter(1))
    seen = await store.read(open_mailbox, 1, "INBOX", actor_id=1)
    await append(store, 1, boxes["Sent"], raw_letter(2))
    changes = await store.read(changes_for, 1, boxes["INBOX"], seen.modseq)
    assert changes is not None
    assert changes.is_empty
    assert changes.modseq == seen.modseq + 1
    await store.write(store_flags, 1, boxes["INBOX"], [(1, 1)], StoreMode.ADD, SEEN)
    await store.write(store_flags, 1, boxes["INBOX"], [(1, 1)], StoreMode.ADD, 4)
    changes = await store.read(changes_for, 1, boxes["INBOX"], changes.modseq)
    assert changes is not None
    assert changes.flags == [(1, 5, changes.modseq)]
    assert changes.highest_modseq == changes.modseq


async def test_a_deleted_mailbox_has_no_changes(store: Store) -> None:
    await store.write(add_account)
    made = await store.write(create_mailbox, 1, "A", actor_id=1)
    await store.write(delete_mailbox, 1, "A", actor_id=1)
    assert await store.read(changes_for, 1, made.mailbox_id, made.modseq) is None
    assert await store.read(uids_at, 1, made.mailbox_id, 1, made.modseq) is None


def test_portions_cover_a_view() -> None:
    assert list(uid_portions([1, 2, 5, 9, 10], 2)) == [[(1, 2)], [(5, 9)], [(10, 10)]]
    assert list(uid_portions([])) == []
