"""Address books of accounts, on both engines."""

import pytest

from postier.accounts import contacts
from postier.accounts.accounts import remove_account
from postier.accounts.contacts import (
    Contact,
    addresses_of,
    book_id_of,
    books_of,
    known_address,
    list_contacts,
    member_address,
    put_contacts,
    remove_book,
    remove_contact,
)
from postier.accounts.refusals import InvalidError, NotFoundError
from tests.mailbox.letters import add_account

ZOE = Contact("1", "Zoe", ("zoe@x.test", "z@y.test"), b"card 1")
YAN = Contact("2", "Yan", ("yan@x.test",), b"card 2")


@pytest.fixture
async def accounts(store):
    await store.write(add_account, 1)
    await store.write(add_account, 2)


pytestmark = pytest.mark.usefixtures("accounts")


def test_addresses_are_compared_in_one_form():
    assert member_address(" Zoe@X.Test ") == "zoe@x.test"
    assert member_address('"zoe"@bücher.test') == "zoe@xn--bcher-kva.test"
    assert member_address("zoe") is None


async def test_contacts_are_kept_replaced_and_removed(store):
    assert await store.write(put_contacts, 1, [ZOE, YAN]) == 2
    assert await store.read(list_contacts, 1) == [
        YAN,
        Contact("1", "Zoe", ("z@y.test", "zoe@x.test"), b"card 1"),
    ]
    moved = Contact("1", "Zoe", ("new@x.test",), b"card 3")
    assert await store.write(put_contacts, 1, [moved]) == 0
    assert await store.read(known_address, 1, 0, ["zoe@x.test"]) is None
    assert await store.read(known_address, 1, 0, ["a@x.test", "new@x.test", "yan@x.test"]) == "new@x.test"
    assert await store.read(known_address, 2, 0, ["new@x.test"]) is None
    assert await store.read(known_address, 1, 0, []) is None
    assert await store.read(addresses_of, 1, 0, 1) == ["new@x.test"]
    assert await store.write(remove_contact, 1, "", "Yan@X.test") == 1
    assert await store.write(remove_contact, 1, "", "1") == 1
    assert await store.write(remove_contact, 1, "", "1") == 0
    assert await store.read(list_contacts, 1) == []
    assert await store.read(lambda tx: tx.rows("SELECT * FROM contact_address")) == []


async def test_named_books(store):
    family = Contact("1", "Zoe", ("zoe@x.test",), b"card", "Family")
    await store.write(put_contacts, 1, [ZOE, family])
    assert await store.read(books_of, 1) == ["", "Family"]
    assert await store.read(book_id_of, 1, "Family") == 1
    assert await store.read(book_id_of, 1, "family") is None  # RFC 6134 §2.5
    assert await store.read(book_id_of, 2, "Family") is None
    assert await store.read(list_contacts, 1, "Family") == [family]
    await store.write(remove_contact, 1, "Family", "1")
    assert await store.read(book_id_of, 1, "Family") == 1  # an empty book is one
    assert await store.write(remove_book, 1, "Family") == 0
    assert await store.read(books_of, 1) == [""]
    assert await store.write(remove_book, 1, "") == 1
    for refused in (remove_book, list_contacts):
        with pytest.raises(NotFoundError):
            await store.write(refused, 1, "Family")
    with pytest.raises(NotFoundError):
        await store.write(remove_contact, 1, "Family", "1")


async def test_an_account_takes_its_contacts_along(store):
    await store.write(put_contacts, 1, [ZOE, Contact("1", "", (), b"", "Family")])
    await store.write_bulk(remove_account, 1)
    for table in ("contact", "contact_address", "address_book"):
        assert await store.read(lambda tx, table=table: tx.value(f"SELECT count(*) FROM {table}")) == 0
    with pytest.raises(NotFoundError):
        await store.write(put_contacts, 1, [ZOE])


@pytest.mark.parametrize(
    ("limit", "value", "good", "bad"),
    [
        ("MAX_CONTACTS", 2, [ZOE, YAN], [Contact("3", "", (), b"")]),
        ("MAX_CONTACTS_OCTETS", 12, [ZOE, YAN], [Contact("3", "", (), b"c")]),
        ("MAX_CONTACT_ADDRESSES", 2, [ZOE], [Contact("3", "", ("a@x", "b@x", "c@x"), b"")]),
        ("MAX_CARD_OCTETS", 6, [ZOE], [Contact("3", "", (), b"card 10")]),
        ("MAX_CONTACT_TEXT", 3, [ZOE], [Contact("3", "Zoey", (), b"")]),
        ("MAX_CONTACT_TEXT", 3, [ZOE], [Contact("3333", "Zoe", (), b"")]),
        ("MAX_CONTACT_TEXT", 3, [ZOE], [Contact("", "Zoe", (), b"")]),
        ("MAX_BOOKS", 1, [Contact("1", "", (), b"", "a")], [Contact("1", "", (), b"", "b")]),
        ("MAX_BOOKS", 9, [Contact("1", "", (), b"", "a")], [Contact("1", "", (), b"", "Default")]),
        ("MAX_BOOKS", 9, [Contact("1", "", (), b"", "a")], [Contact("1", "", (), b"", "a\n")]),
    ],
)
async def test_limits(store, monkeypatch, limit, value, good, bad):
    monkeypatch.setattr(contacts, limit, value)
    await store.write(put_contacts, 1, good)
    before = await store.read(list_contacts, 1)
    with pytest.raises(InvalidError):
        await store.write(put_contacts, 1, bad)
    assert await store.read(list_contacts, 1) == before


async def test_only_so_many_addresses_are_asked_for(store, monkeypatch):
    monkeypatch.setattr(contacts, "MAX_ASKED", 2)
    await store.write(put_contacts, 1, [ZOE])
    assert await store.read(known_address, 1, 0, ["a@x", "zoe@x.test"]) == "zoe@x.test"
    assert await store.read(known_address, 1, 0, ["a@x", "b@x", "zoe@x.test"]) is None
