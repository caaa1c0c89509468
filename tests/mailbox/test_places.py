"""Places come to mailboxes that exist, on both engines."""

import pytest

from postier.imap.flags import DELETED, FIRST_KEYWORD_BIT, FLAGGED, MAX_KEYWORDS, SEEN
from postier.imap.object_ids import mailbox_object_id
from postier.mailbox.folders import delete_mailbox
from postier.mailbox.keywords import keyword_bits
from postier.mailbox.places import (
    Place,
    flag_bits,
    name_of_id,
    name_of_use,
    settled,
    special_uses,
)
from postier.mailbox.verify import check_account
from tests.mailbox.letters import add_account


@pytest.fixture
async def ids(store):
    await store.write(add_account, 2)
    return await store.write(add_account, 1)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (Place(), "Junk"),
        (Place("inbox"), "INBOX"),
        (Place("Archive"), "Archive"),
        (Place("None"), "Junk"),
        (Place("None", creates=True), "None"),
        (Place("a/b/", creates=True), "a/b"),
        (Place("a//b", creates=True), "Junk"),
        (Place("#a", creates=True), "Junk"),
        (Place("x" * 2_000, creates=True), "Junk"),
        (Place("None", special_use="\\archive"), "Archive"),
        (Place("Sent", special_use="\\Important"), "Sent"),
        (Place("None", special_use="\\Important", creates=True), "None"),
        (Place("None", mailbox_id="F1-5"), "Trash"),
        (Place("Sent", mailbox_id="F1-99"), "Sent"),
        (Place("Sent", mailbox_id="F2-5"), "Sent"),
        (Place("Sent", mailbox_id="F1-05"), "Sent"),
        (Place("Sent", mailbox_id="F1-" + "9" * 40), "Sent"),
        (Place("Sent", mailbox_id="F1-\N{ARABIC-INDIC DIGIT FIVE}"), "Sent"),
    ],
)
async def test_a_place_is_settled(store, ids, place, name):
    assert await store.write(settled, 1, place, "Junk") == name
    assert mailbox_object_id(1, ids["Trash"]) == b"F1-5"
    assert await store.read(check_account, 1) == []


async def test_a_default_that_has_gone_is_made_again(store, ids):
    await store.write(delete_mailbox, 1, "Junk", actor_id=1)
    assert await store.write(settled, 1, Place("None"), "Junk") == "INBOX"
    assert await store.write(settled, 1, Place(), "Junk") == "Junk"


async def test_a_mailbox_that_is_made_gets_its_use(store, ids):
    await store.write(delete_mailbox, 1, "Archive", actor_id=1)
    assert (
        await store.write(settled, 1, Place("Old", special_use="\\ARCHIVE", creates=True), "INBOX") == "Old"
    )
    assert await store.read(name_of_use, 1, "\\Archive") == "Old"
    assert await store.read(special_uses, 1, "old") == []
    assert await store.read(special_uses, 1, "Old") == ["\\Archive"]
    assert len(await store.read(special_uses, 1, None)) == 5


async def test_ids_are_an_accounts_own(store, ids):
    shown = mailbox_object_id(1, ids["Sent"]).decode()
    assert await store.read(name_of_id, 1, shown) == "Sent"
    assert await store.read(name_of_id, 2, shown) is None


async def test_flags_by_name(store, ids):
    names = ("\\seen", "\\FLAGGED", "\\Deleted", "\\Recent", "$work")
    assert await store.write(flag_bits, 1, names) == SEEN | FLAGGED | DELETED | 1 << FIRST_KEYWORD_BIT
    await store.write(keyword_bits, 1, [f"k{number}" for number in range(MAX_KEYWORDS - 1)])
    assert (
        await store.write(flag_bits, 1, ("\\Seen", "one-too-many", "$WORK")) == SEEN | 1 << FIRST_KEYWORD_BIT
    )
