"""Mailboxes are made, deleted, renamed, listed."""

import pytest

from postier.mailbox import folders
from postier.mailbox.folders import (
    create_mailbox,
    delete_mailbox,
    rename_mailbox,
    subscribe,
    unsubscribe,
)
from postier.mailbox.listing import list_mailboxes, mailbox_status
from postier.mailbox.reading import open_mailbox, uid_flags
from postier.mailbox.refusals import LimitError, MailboxRefusedError, Refusal
from postier.mailbox.sweep import recoverable
from postier.mailbox.verify import check_account
from postier.store.changes import ChangeKind, account_modseq, changes_since
from postier.store.transaction import Store
from tests.mailbox.letters import add_account, append, raw_letter


async def names(store: Store) -> list[str]:
    return [one.name for one in await store.read(list_mailboxes, 1, actor_id=1)]


async def refusal(store: Store, fn, *args, **kwargs) -> Refusal:
    before = await store.read(account_modseq, 1)
    with pytest.raises(MailboxRefusedError) as refused:
        await store.write(fn, 1, *args, actor_id=1, **kwargs)
    assert await store.read(account_modseq, 1) == before
    return refused.value.refusal


async def test_a_new_account_has_its_mailboxes(store: Store) -> None:
    await store.write(add_account)
    listed = await store.read(list_mailboxes, 1, actor_id=1)
    assert [one.name for one in listed] == ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]
    assert [one.status.special_use for one in listed if one.status] == [
        None,
        "\\Archive",
        "\\Drafts",
        "\\Junk",
        "\\Sent",
        "\\Trash",
    ]
    assert all(one.is_subscribed and not one.has_children for one in listed)
    assert len({one.status.uidvalidity for one in listed if one.status}) == 6
    assert await store.read(check_account, 1) == []


async def test_superiors_are_made_too(store: Store) -> None:
    await store.write(add_account)
    made = await store.write(create_mailbox, 1, "inbox/Wörk/e\u0301t/", actor_id=1)
    assert made.name == "INBOX/Wörk/\u00e9t"
    listed = {one.name: one for one in await store.read(list_mailboxes, 1, actor_id=1)}
    assert listed["INBOX"].has_children
    assert listed["INBOX/Wörk"].has_children
    assert not listed[made.name].has_children
    assert await refusal(store, create_mailbox, "INBOX/W\u00f6rk") is Refusal.ALREADY_EXISTS
    assert await refusal(store, create_mailbox, "iNbOx") is Refusal.ALREADY_EXISTS


async def test_special_uses_are_unique(store: Store) -> None:
    await store.write(add_account)
    assert await refusal(store, create_mailbox, "S", special_use="\\Sent") is Refusal.USE_ATTRIBUTE
    assert await refusal(store, create_mailbox, "S", special_use="\\All") is Refusal.USE_ATTRIBUTE
    await store.write(delete_mailbox, 1, "Sent", actor_id=1)
    await store.write(create_mailbox, 1, "Gesendet", actor_id=1, special_use="\\sent")
    status = await store.read(mailbox_status, 1, "Gesendet", actor_id=1)
    assert status.special_use == "\\Sent"


async def test_delete_keeps_what_lies_below(store: Store) -> None:
    await store.write(add_account)
    await store.write(create_mailbox, 1, "A/B", actor_id=1)
    first = await store.read(open_mailbox, 1, "A", actor_id=1)
    await append(store, 1, first.mailbox_id, raw_letter(1), raw_letter(2))
    await store.write(delete_mailbox, 1, "A", actor_id=1)
    listed = {one.name: one for one in await store.read(list_mailboxes, 1, actor_id=1)}
    assert listed["A"].status is None
    assert listed["A"].has_children
    assert listed["A/B"].status is not None
    assert len(await store.read(recoverable, 1)) == 2
    assert await store.read(lambda tx: tx.value("SELECT used_bytes FROM account")) == 0
    assert await refusal(store, delete_mailbox, "A") is Refusal.NONEXISTENT
    assert await refusal(store, delete_mailbox, "inbox") is Refusal.CANNOT
    await store.write(create_mailbox, 1, "A", actor_id=1)
    again = await store.read(open_mailbox, 1, "A", actor_id=1)
    assert again.uidvalidity > first.uidvalidity
    assert again.mailbox_id > first.mailbox_id
    assert again.message_count == 0
    assert await store.read(check_account, 1) == []


async def test_rename_takes_the_subtree_along(store: Store) -> None:
    await store.write(add_account)
    for name in ("a_/x/y", "a_", "aX/x", "b"):
        if name not in await names(store):
            await store.write(create_mailbox, 1, name, actor_id=1)
    before = await store.read(open_mailbox, 1, "a_/x/y", actor_id=1)
    modseq = await store.read(account_modseq, 1)
    assert await store.write(rename_mailbox, 1, "a_", "new/place", actor_id=1) == "new/place"
    assert {"new", "new/place", "new/place/x", "new/place/x/y", "aX/x"} <= {*await names(store)}
    assert "a_" not in await names(store)
    after = await store.read(open_mailbox, 1, "new/place/x/y", actor_id=1)
    assert (after.mailbox_id, after.uidvalidity) == (before.mailbox_id, before.uidvalidity)
    kinds = [change.kind for change in await store.read(changes_since, 1, modseq)]
    assert kinds == [ChangeKind.MAILBOX_CREATED, *[ChangeKind.MAILBOX_RENAMED] * 3]
    assert await refusal(store, rename_mailbox, "b", "aX") is Refusal.ALREADY_EXISTS
    assert await refusal(store, rename_mailbox, "b", "b/c") is Refusal.CANNOT
    assert await refusal(store, rename_mailbox, "none", "c") is Refusal.NONEXISTENT
    await store.write(delete_mailbox, 1, "new/place", actor_id=1)
    await store.write(rename_mailbox, 1, "new/place", "up", actor_id=1)  # a name that only has names below
    assert {"up/x", "up/x/y"} <= {*await names(store)}
    assert await store.read(check_account, 1) == []


async def test_renaming_inbox_moves_its_messages(store: Store) -> None:
    boxes = await store.write(add_account)
    await store.write(create_mailbox, 1, "INBOX/sub", actor_id=1)
    await append(store, 1, boxes["INBOX"], raw_letter(1), raw_letter(2), flags=32)
    await store.write(rename_mailbox, 1, "INBOX", "Old", actor_id=1)
    inbox = await store.read(open_mailbox, 1, "INBOX", actor_id=1)
    assert (inbox.mailbox_id, inbox.message_count, inbox.uidnext) == (boxes["INBOX"], 0, 3)
    old = await store.read(open_mailbox, 1, "Old", actor_id=1)
    assert await store.read(uid_flags, 1, old.mailbox_id, [(1, 9)]) == [(1, 32), (2, 32)]
    assert "INBOX/sub" in await names(store)
    assert await store.read(check_account, 1) == []


async def test_subscriptions_are_names(store: Store) -> None:
    await store.write(add_account)
    await store.write(subscribe, 1, "news/local", actor_id=1)
    modseq = await store.read(account_modseq, 1)
    await store.write(subscribe, 1, "news/local", actor_id=1)
    assert await store.read(account_modseq, 1) == modseq
    listed = {one.name: one for one in await store.read(list_mailboxes, 1, actor_id=1)}
    assert (listed["news/local"].status, listed["news/local"].is_subscribed) == (None, True)
    await store.write(unsubscribe, 1, "news/local", actor_id=1)
    await store.write(unsubscribe, 1, "news/local", actor_id=1)
    await store.write(unsubscribe, 1, "inbox", actor_id=1)
    listed = {one.name: one for one in await store.read(list_mailboxes, 1, actor_id=1)}
    assert "news/local" not in listed
    assert not listed["INBOX"].is_subscribed


async def test_mailboxes_and_subscriptions_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.write(add_account)
    monkeypatch.setattr(folders, "MAX_MAILBOXES", 8)
    monkeypatch.setattr(folders, "MAX_SUBSCRIPTIONS", 7)
    await store.write(create_mailbox, 1, "a/b", actor_id=1)
    assert await refusal(store, create_mailbox, "c") is Refusal.LIMIT
    await store.write(subscribe, 1, "x", actor_id=1)
    with pytest.raises(LimitError):
        await store.write(subscribe, 1, "y", actor_id=1)
