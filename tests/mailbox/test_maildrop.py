"""INBOX as a maildrop, on both engines: the lock, what is listed, the update."""

import pytest

from postier.imap.flags import DELETED, SEEN
from postier.mailbox import maildrop
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.maildrop import (
    keep_maildrop,
    leave_maildrop,
    lock_maildrop,
    maildrop_message,
    maildrop_messages,
    update_maildrop,
)
from postier.mailbox.reading import uid_flags
from postier.mailbox.refusals import MailboxRefusedError
from postier.mailbox.verify import check_account
from tests.mailbox.letters import add_account, append, raw_letter


async def locked(store, owner="one"):
    return await store.write(lock_maildrop, 1, owner, actor_id=1)


async def filled(store, count=4):
    boxes = await store.write(add_account)
    await append(store, 1, boxes["INBOX"], *(raw_letter(number) for number in range(1, count + 1)))
    return boxes["INBOX"]


async def test_one_session_has_the_lock_until_it_leaves(store):
    await filled(store)
    assert await locked(store)
    assert await locked(store, "two") is None
    await store.write(leave_maildrop, 1, "two")  # not his
    assert await store.write(keep_maildrop, 1, "one")
    assert not await store.write(keep_maildrop, 1, "two")
    await store.write(leave_maildrop, 1, "one")
    assert not await store.write(keep_maildrop, 1, "one")  # what was handed back is not taken again
    assert await locked(store, "two")


async def test_a_lock_that_ran_out_is_another_ones(store, monkeypatch):
    await filled(store)
    monkeypatch.setattr(maildrop, "LEASE_US", 0)
    mine = await locked(store)
    monkeypatch.undo()
    assert await locked(store, "two")
    assert not await store.write(update_maildrop, mine, "one", (1,), ())
    assert len((await store.read_bulk(maildrop_messages, mine))[0]) == 4


async def test_only_the_owner_opens_it(store):
    await filled(store)
    await store.write(add_account, 2)
    with pytest.raises(MailboxRefusedError):
        await store.write(lock_maildrop, 1, "x", actor_id=2)


async def test_what_was_there_is_listed_whatever_happens_meanwhile(store):
    inbox = await filled(store)
    drop = await locked(store)
    sizes = [len(raw_letter(number)) for number in range(1, 5)]
    assert (drop.message_count, drop.size_bytes) == (4, sum(sizes))
    await store.write(expunge_uids, 1, inbox, [(2, 3)])
    await append(store, 1, inbox, raw_letter(5))
    uids, found = await store.read_bulk(maildrop_messages, drop)
    assert (list(uids), list(found)) == ([1, 2, 3, 4], sizes)
    message = await store.read(maildrop_message, drop, 2)
    assert await store.read_blob(message.blob_id) == raw_letter(2)
    assert raw_letter(2)[: message.header_bytes].endswith(b"\r\n\r\n")
    assert await store.read(maildrop_message, drop, 6) is None


async def test_what_was_expunged_before_is_not_listed(store):
    inbox = await filled(store)
    await store.write(expunge_uids, 1, inbox, [(2, 2)])
    drop = await locked(store)
    await store.write(expunge_uids, 1, inbox, [(3, 3)])
    assert list((await store.read_bulk(maildrop_messages, drop))[0]) == [1, 3, 4]


async def test_an_update_is_one_change_and_ends_the_lock(store):
    inbox = await filled(store, 6)
    drop = await locked(store)
    assert await store.write_bulk(update_maildrop, drop, "one", (2, 4, 5), (1, 6))
    assert await store.read(uid_flags, 1, inbox, [(1, 9)]) == [(1, SEEN), (3, 0), (6, SEEN)]
    assert DELETED not in {flags for _, flags in await store.read(uid_flags, 1, inbox, [(1, 9)])}
    assert await store.read_bulk(check_account, 1) == []
    assert await locked(store, "two")
