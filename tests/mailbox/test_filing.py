"""Letters become entries, counted and logged."""

import asyncio

import pytest

from postier.imap.flags import DELETED, FLAGGED, SEEN
from postier.mailbox.expunge import expunge_deleted
from postier.mailbox.filing import Delivery
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.keywords import keywords_of
from postier.mailbox.listing import mailbox_status
from postier.mailbox.reading import Column, fetch_columns, message_blob, open_mailbox
from postier.mailbox.refusals import LimitError, MailboxRefusedError, QuotaExceededError, Refusal
from postier.mailbox.transfer import move_messages
from postier.mailbox.verify import check_account, check_blobs
from postier.store.changes import ChangeKind, account_modseq, changes_since
from postier.store.transaction import Store
from tests.mailbox.letters import NOON_US, add_account, append, raw_letter, send


async def test_a_filed_letter_is_read_back(store: Store) -> None:
    boxes = await store.write(add_account)
    raw = raw_letter(subject="Über Pläne")
    (filed,) = await append(store, 1, boxes["INBOX"], raw, flags=SEEN)
    assert (filed.uid, filed.mailbox_id) == (1, boxes["INBOX"])
    blob_id = await store.read(message_blob, 1, boxes["INBOX"], 1)
    assert blob_id is not None
    assert await store.read_blob(blob_id) == raw
    columns = (Column.UID, Column.FLAGS, Column.SIZE_BYTES, Column.RECEIVED_AT, Column.MESSAGE_ID)
    rows = await store.read(fetch_columns, 1, boxes["INBOX"], [(1, 9)], columns)
    assert rows == [(1, SEEN, len(raw), NOON_US, "1@alpha.test")]
    (envelope,) = (await store.read(fetch_columns, 1, boxes["INBOX"], [(1, 1)], [Column.ENVELOPE]))[0]
    assert b"alpha.test" in envelope
    assert await store.read(message_blob, 1, boxes["INBOX"], 2) is None


async def test_counters_and_log_follow(store: Store) -> None:
    boxes = await store.write(add_account)
    before = await store.read(account_modseq, 1)
    raws = [raw_letter(n) for n in range(3)]
    filed = await append(store, 1, boxes["INBOX"], *raws, flags=DELETED)
    assert [one.uid for one in filed] == [1, 2, 3]
    assert {one.modseq for one in filed} == {before + 1}
    status = await store.read(mailbox_status, 1, "inbox", actor_id=1)
    assert (status.message_count, status.unseen_count, status.deleted_count) == (3, 3, 3)
    assert (status.uidnext, status.size_bytes) == (4, sum(map(len, raws)))
    (change,) = await store.read(changes_since, 1, before)
    assert (change.kind, change.mailbox_id, change.ranges) == (
        ChangeKind.APPENDED,
        boxes["INBOX"],
        [(1, 3)],
    )
    assert await store.read(check_account, 1) == []


async def test_one_letter_reaches_many_in_one_transaction(store: Store) -> None:
    boxes = {n: await store.write(add_account, n) for n in (1, 2, 3)}
    filed = await send(
        store,
        raw_letter(),
        Delivery(3, "Junk", FLAGGED),
        Delivery(1),
        Delivery(3, keywords=("$Junk", "news")),
        Delivery(2, "No/Such"),
        Delivery(1, "New/Box", create=True),
    )
    assert [one.account_id for one in filed] == [3, 1, 3, 2, 1]
    assert filed[0].mailbox_id == boxes[3]["Junk"]
    assert filed[3].mailbox_id == boxes[2]["INBOX"]
    assert filed[0].email_id == filed[2].email_id != filed[1].email_id
    assert filed[1].email_id == filed[4].email_id
    assert (await store.read(open_mailbox, 1, "New/Box", actor_id=1)).message_count == 1
    opened = await store.read(open_mailbox, 3, "INBOX", actor_id=3)
    assert opened.keywords == ("$Junk", "news")
    assert (await store.read(fetch_columns, 3, boxes[3]["INBOX"], [(1, 1)], [Column.FLAGS])) == [(96,)]
    for account_id in (1, 2, 3):
        assert await store.read(check_account, account_id) == []


async def test_the_log_of_a_made_mailbox_is_in_order(store: Store) -> None:
    await store.write(add_account)
    before = await store.read(account_modseq, 1)
    (filed,) = await send(store, raw_letter(), Delivery(1, "A/B", create=True))
    changes = await store.read(changes_since, 1, before)
    assert [change.kind for change in changes] == [
        ChangeKind.MAILBOX_CREATED,
        ChangeKind.MAILBOX_CREATED,
        ChangeKind.APPENDED,
    ]
    state = await store.read(open_mailbox, 1, "A/B", actor_id=1)
    assert state.highest_modseq == filed.modseq == changes[-1].modseq


async def test_a_name_that_can_not_be_is_inbox(store: Store) -> None:
    boxes = await store.write(add_account)
    filed = await send(
        store, raw_letter(), *(Delivery(1, name, create=True) for name in ("a\r\nb", "x//y", ""))
    )
    assert {one.mailbox_id for one in filed} == {boxes["INBOX"]}
    assert await store.read(check_account, 1) == []


async def test_writers_side_by_side_keep_the_invariants(store: Store) -> None:
    boxes = [await store.write(add_account, n) for n in (1, 2, 3)]
    inbox = boxes[0]["INBOX"]

    async def one(n: int) -> None:
        deliveries = [
            Delivery(account, keywords=(f"k{n % 3}",)) for account in ((3, 1), (2, 3), (1, 2))[n % 3]
        ]
        await send(store, raw_letter(n % 4), *deliveries)
        await store.write(store_flags, 1, inbox, [(n, n + 5)], StoreMode.ADD, 1 << n % 5)
        await store.write(move_messages, 1, inbox, [(n, n)], boxes[0]["Archive"])
        await store.write(expunge_deleted, 1, inbox)

    await asyncio.gather(*(one(n) for n in range(24)))
    for account_id in (1, 2, 3):
        assert await store.read(check_account, account_id) == []
    assert len(await store.read(keywords_of, 1)) == 2
    problems, _ = await store.read(check_blobs, lambda _: b"")
    assert "blob count" not in {problem.kind.value for problem in problems}


@pytest.mark.parametrize("room", [0, -1])
async def test_the_quota_is_a_wall(store: Store, room: int) -> None:
    raw = raw_letter()
    boxes = await store.write(add_account, quota_bytes=2 * len(raw) + room)
    await append(store, 1, boxes["INBOX"], raw)
    if room == 0:
        await append(store, 1, boxes["INBOX"], raw)
        return
    with pytest.raises(QuotaExceededError) as refused:
        await append(store, 1, boxes["INBOX"], raw)
    assert (refused.value.account_id, refused.value.refusal) == (1, Refusal.OVER_QUOTA)
    with pytest.raises(QuotaExceededError):
        await send(store, raw, Delivery(1))
    assert (await store.read(open_mailbox, 1, "INBOX", actor_id=1)).message_count == 1
    assert await store.read(check_account, 1) == []


async def test_nothing_is_filed_where_nothing_is(store: Store) -> None:
    boxes = await store.write(add_account)
    with pytest.raises(MailboxRefusedError) as refused:
        await append(store, 1, 99, raw_letter())
    assert refused.value.refusal is Refusal.NONEXISTENT
    with pytest.raises(LookupError):
        await append(store, 7, boxes["INBOX"], raw_letter())


async def test_uids_and_batches_end(store: Store) -> None:
    boxes = await store.write(add_account)
    await store.write(lambda tx: tx.run("UPDATE mailbox SET uidnext = ? WHERE name = 'INBOX'", 2**32 - 2))
    (filed,) = await append(store, 1, boxes["INBOX"], raw_letter())
    assert filed.uid == 2**32 - 2
    with pytest.raises(LimitError):
        await append(store, 1, boxes["INBOX"], raw_letter())
    with pytest.raises(LimitError):
        await append(store, 1, boxes["Sent"], *[raw_letter()] * 1_001)
