"""Row 14: no side command reaches another's mailbox, and refusals tell nothing of what exists."""

from collections.abc import Callable
from typing import Any

import pytest

from postier.imap.rights import ALL_RIGHTS, Right
from postier.mailbox.folders import (
    create_mailbox,
    delete_mailbox,
    rename_mailbox,
    subscribe,
    unsubscribe,
)
from postier.mailbox.listing import list_mailboxes, mailbox_status
from postier.mailbox.reading import open_mailbox
from postier.mailbox.refusals import MailboxRefusedError, Refusal
from postier.mailbox.rights import enter, rights_on
from postier.store.changes import account_modseq
from postier.store.transaction import Store
from tests.mailbox.letters import add_account

ALICE, MALLORY = 1, 2
BY_NAME: tuple[tuple[Callable[..., Any], tuple[str, ...]], ...] = (
    (open_mailbox, ()),
    (mailbox_status, ()),
    (create_mailbox, ()),
    (delete_mailbox, ()),
    (rename_mailbox, ("New",)),
    (subscribe, ()),
    (unsubscribe, ()),
)


@pytest.mark.parametrize(("function", "more"), BY_NAME)
async def test_another_account_is_as_if_it_were_not_there(
    store: Store, function: Callable[..., Any], more: tuple[str, ...]
) -> None:
    await store.write(add_account, ALICE)
    await store.write(add_account, MALLORY)
    modseq = await store.read(account_modseq, ALICE)
    texts = set()
    for name in ("Sent", "INBOX", "no such name"):
        with pytest.raises(MailboxRefusedError) as refused:
            await store.write(function, ALICE, name, *more, actor_id=MALLORY)
        texts.add((refused.value.refusal, str(refused.value)))
    assert len(texts) == 1
    assert await store.read(account_modseq, ALICE) == modseq
    own = ""
    with pytest.raises(MailboxRefusedError) as refused:
        await store.read(open_mailbox, MALLORY, "no such name", actor_id=MALLORY)
    own = str(refused.value)
    assert {text for _, text in texts} == {own}


async def test_listings_of_others_are_empty(store: Store) -> None:
    await store.write(add_account, ALICE)
    assert await store.read(list_mailboxes, ALICE, actor_id=MALLORY) == []


async def test_every_right_is_denied_by_default(store: Store) -> None:
    inbox = (await store.write(add_account, ALICE))["INBOX"]
    await store.write(add_account, MALLORY)
    assert await store.read(rights_on, ALICE, ALICE, inbox) == ALL_RIGHTS == frozenset(Right)
    assert await store.read(rights_on, MALLORY, ALICE, inbox) == frozenset()
    for right in Right:
        await store.read(enter, ALICE, "INBOX", actor_id=ALICE, right=right)
        with pytest.raises(MailboxRefusedError) as refused:
            await store.read(enter, ALICE, "INBOX", actor_id=MALLORY, right=right)
        assert refused.value.refusal is Refusal.NONEXISTENT
