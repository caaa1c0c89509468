"""What a client missed while it was away, on both engines."""

from postier.imap.flags import SEEN
from postier.mailbox.expunge import ALL_UIDS, expunge_uids
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.listing import mailbox_status
from postier.mailbox.resync import changed_uids, highest_modseq_of, is_remembered, vanished_since
from postier.store.transaction import Store, WriteTx
from tests.mailbox.letters import add_account, append, raw_letter


async def filled(store: Store) -> int:
    """Five messages, of which 2 and 4 are gone."""
    inbox = (await store.write(add_account))["INBOX"]
    await append(store, 1, inbox, *[raw_letter(number) for number in range(5)])
    await store.write(expunge_uids, 1, inbox, [(2, 2)])
    await store.write(expunge_uids, 1, inbox, [(4, 4)])
    return inbox


def forget(tx: WriteTx, modseq: int) -> None:
    """What a store does that keeps its change log for a time only."""
    tx.run("DELETE FROM change WHERE account_id = 1 AND modseq <= ?", modseq)


async def test_what_vanished_is_named_from_a_modseq_on(store: Store) -> None:
    inbox = await filled(store)
    last = (await store.read(mailbox_status, 1, "INBOX", actor_id=1)).highest_modseq
    assert await store.read(vanished_since, 1, inbox, ALL_UIDS, 0) == [(2, 2), (4, 4)]
    assert await store.read(vanished_since, 1, inbox, ALL_UIDS, last - 1) == [(4, 4)]
    assert await store.read(vanished_since, 1, inbox, ALL_UIDS, last) == []
    assert await store.read(vanished_since, 1, inbox, [(1, 3), (5, 9)], 0) == [(2, 2)]
    assert await store.read(is_remembered, 1, 0)


async def test_without_the_log_all_that_is_missing_is_named(store: Store) -> None:
    inbox = await filled(store)
    last = (await store.read(mailbox_status, 1, "INBOX", actor_id=1)).highest_modseq
    await store.write(forget, last - 1)
    assert not await store.read(is_remembered, 1, last - 2)
    assert await store.read(is_remembered, 1, last - 1)
    assert await store.read(vanished_since, 1, inbox, ALL_UIDS, last - 2) == [(2, 2), (4, 4)]
    assert await store.read(vanished_since, 1, inbox, [(2, 2), (5, 7)], last - 2) == [(2, 2)]
    assert await store.read(vanished_since, 1, inbox, ALL_UIDS, last - 1) == [(4, 4)]
    await store.write(forget, last)
    assert not await store.read(is_remembered, 1, last)


async def test_what_changed_and_how_late(store: Store) -> None:
    inbox = await filled(store)
    before = (await store.read(mailbox_status, 1, "INBOX", actor_id=1)).highest_modseq
    stored = await store.write(store_flags, 1, inbox, [(3, 5)], StoreMode.ADD, SEEN)
    assert [*await store.read(changed_uids, 1, inbox, ALL_UIDS, before)] == [3, 5]
    assert [*await store.read(changed_uids, 1, inbox, [(1, 3), (9, 9)], before)] == [3]
    assert [*await store.read(changed_uids, 1, inbox, ALL_UIDS, stored.modseq)] == []
    assert await store.read(highest_modseq_of, 1, inbox, [(1, 1), (3, 3)]) == stored.modseq
    assert await store.read(highest_modseq_of, 1, inbox, [(1, 1)]) < before
    assert await store.read(highest_modseq_of, 1, inbox, [(2, 2)]) == 0
