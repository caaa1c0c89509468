"""Keys that sign URLs, on both engines."""

from postier.accounts.accounts import remove_account
from postier.imap.rights import ALL_RIGHTS
from postier.mailbox.folders import delete_mailbox
from postier.mailbox.rights import Place
from postier.mailbox.url_keys import make_url_key, remove_url_keys, reset_url_key, url_key
from postier.mailbox.verify import check_account
from postier.mailbox.views import changes_for
from postier.store.changes import ChangeKind, account_modseq, changes_since
from postier.store.transaction import ReadTx, Store
from tests.mailbox.letters import add_account, append, raw_letter

ALICE, BOB = 1, 2


def rows(tx: ReadTx) -> int:
    return int(tx.value("SELECT count(*) FROM url_key"))


async def two(store: Store) -> tuple[Place, Place]:
    """Two mailboxes of alice."""
    boxes = await store.write(add_account, ALICE)
    await store.write(add_account, BOB)
    return Place(ALICE, boxes["INBOX"], "INBOX", ALL_RIGHTS), Place(ALICE, boxes["Sent"], "Sent", ALL_RIGHTS)


async def test_a_key_for_each_mailbox_and_reader(store: Store) -> None:
    inbox, sent = await two(store)
    assert await store.read(url_key, inbox, ALICE) is None
    keys = [await store.write(make_url_key, *one) for one in ((inbox, ALICE), (inbox, BOB), (sent, ALICE))]
    assert len(set(keys)) == 3
    assert all(len(key) == 32 for key in keys)
    assert await store.write(make_url_key, inbox, ALICE) == await store.read(url_key, inbox, ALICE) == keys[0]
    modseq = await store.read(account_modseq, ALICE)
    await store.write(reset_url_key, inbox, ALICE)
    assert await store.read(url_key, inbox, ALICE) not in (None, *keys)
    assert await store.read(url_key, inbox, BOB) == keys[1]
    (change,) = await store.read(changes_since, ALICE, modseq)
    assert (change.kind, change.mailbox_id, change.ranges) == (
        ChangeKind.URL_KEY,
        inbox.mailbox_id,
        [(ALICE, ALICE)],
    )
    assert await store.read_bulk(check_account, ALICE) == []


async def test_all_of_a_reader_go(store: Store) -> None:
    inbox, sent = await two(store)
    for place in (inbox, sent):
        for reader in (ALICE, BOB):
            await store.write(make_url_key, place, reader)
    modseq = await store.read(account_modseq, ALICE)
    await store.write_bulk(remove_url_keys, BOB)
    assert await store.read(url_key, inbox, BOB) is None
    assert await store.read(url_key, sent, ALICE) is not None
    found = await store.read(changes_since, ALICE, modseq)
    assert [(change.mailbox_id, change.ranges) for change in found] == [
        (inbox.mailbox_id, [(BOB, BOB)]),
        (sent.mailbox_id, [(BOB, BOB)]),
    ]
    await store.write_bulk(remove_url_keys, BOB)
    assert await store.read(account_modseq, ALICE) == modseq + 2


async def test_sessions_learn_of_it_with_and_without_news_of_messages(store: Store) -> None:
    inbox, sent = await two(store)
    modseq = await store.read(account_modseq, ALICE)
    await store.write(reset_url_key, inbox, BOB)
    for place, readers in ((inbox, (BOB,)), (sent, ())):
        changes = await store.read(changes_for, ALICE, place.mailbox_id, modseq)
        assert changes is not None
        assert changes.url_keys_of == readers
    await append(store, ALICE, inbox.mailbox_id, raw_letter())
    changes = await store.read(changes_for, ALICE, inbox.mailbox_id, modseq)
    assert changes is not None
    assert (changes.url_keys_of, changes.appended) == ((BOB,), [(1, 1)])


async def test_keys_go_with_the_mailbox_and_with_the_reader(store: Store) -> None:
    inbox, sent = await two(store)
    for place in (inbox, sent):
        for reader in (ALICE, BOB):
            await store.write(make_url_key, place, reader)
    await store.write(delete_mailbox, ALICE, "Sent", actor_id=ALICE)
    assert await store.read(rows) == 2
    await store.write_bulk(remove_account, BOB)
    assert await store.read(rows) == 1
    await store.write_bulk(remove_account, ALICE)
    assert await store.read(rows) == 0
