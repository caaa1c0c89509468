"""The address books of an account: people, the addresses that they are reached by, and the vCard that has all the rest.

Not here: reading vCards (`vcard`), what scripts ask (`mta.sieving.lists`). Source: RFC 6134 §2.5, §2.6 (names of books, case, the default
book). Invariants: addresses are stored in the one form in which they are compared, domain and local part, beside the card, which
has them as they were written; a card has one row in a book, by its UID; the book "" (number 0) is the default one and always there; a
named one begins with its first contact and ends when all of it is removed. Whoever writes locks the account's row first, so the
bounds hold whatever comes at once. Contacts are no mail, so they are not in the change log and have no modseq, only the time of
their change: nothing reads their changes yet, and what will (JMAP, CardDAV) finds UIDs and whole cards here.
"""

from collections.abc import Sequence

import msgspec

from postier.accounts.accounts import hold_account
from postier.accounts.names import canonical_address
from postier.accounts.refusals import InvalidError, NotFoundError
from postier.mime.address import Address
from postier.store.transaction import ReadTx, WriteTx

MAX_CONTACTS = 10_000  # of one account
MAX_CONTACTS_OCTETS = 64 << 20  # of one account's cards, together
MAX_CONTACT_ADDRESSES = 50  # of one contact
MAX_CARD_OCTETS = 640 << 10  # of one card
MAX_CONTACT_TEXT = 255  # characters of a name, a UID, the name of a book
MAX_BOOKS = 20  # named books of one account
MAX_ASKED = 500  # addresses that one question is about; the rest are not looked for

DEFAULT_BOOK = ""
_DEFAULT_ID = 0


class Contact(msgspec.Struct, frozen=True):
    """One contact; `addresses` are canonical, `card` is the vCard in octets."""

    uid: str
    name: str
    addresses: tuple[str, ...]
    card: bytes
    book: str = DEFAULT_BOOK


def member_address(text: str) -> str | None:
    """An address as it is compared: the local part without case, the domain in A-labels; None for what is none."""
    try:
        return str(canonical_address(Address.parse(text.strip())))
    except ValueError:
        return None


def book_id_of(tx: ReadTx, account_id: int, book: str) -> int | None:
    """The number of a book, whose name has case (RFC 6134 §2.5); None if there is none."""
    if book == DEFAULT_BOOK:
        return _DEFAULT_ID
    found: int | None = tx.value(
        "SELECT book_id FROM address_book WHERE account_id = ? AND name = ?", account_id, book
    )
    return found


def books_of(tx: ReadTx, account_id: int) -> list[str]:
    """The names of the books, the default one first."""
    rows = tx.rows("SELECT name FROM address_book WHERE account_id = ?", account_id)
    return [DEFAULT_BOOK, *sorted(name for (name,) in rows)]


def known_address(tx: ReadTx, account_id: int, book_id: int, addresses: Sequence[str]) -> str | None:
    """The first of these canonical addresses that is in the book: one look at an index."""
    asked = list(dict.fromkeys(addresses))[:MAX_ASKED]
    if not asked:
        return None
    found = {
        address
        for (address,) in tx.rows(
            "SELECT address FROM contact_address WHERE account_id = ? AND book_id = ?"
            f" AND address IN ({', '.join('?' * len(asked))})",
            account_id,
            book_id,
            *asked,
        )
    }
    return next((each for each in asked if each in found), None)


def addresses_of(tx: ReadTx, account_id: int, book_id: int, most: int) -> list[str]:
    """The addresses of a book in their order, `most` at most."""
    rows = tx.rows(
        "SELECT DISTINCT address FROM contact_address WHERE account_id = ? AND book_id = ? ORDER BY address LIMIT ?",
        account_id,
        book_id,
        most,
    )
    return [address for (address,) in rows]


def list_contacts(tx: ReadTx, account_id: int, book: str | None = None) -> list[Contact]:
    """All contacts, or those of one book, by book and name. Raises NotFoundError."""
    names = dict(tx.rows("SELECT book_id, name FROM address_book WHERE account_id = ?", account_id))
    names[_DEFAULT_ID] = DEFAULT_BOOK
    if book is not None and book not in names.values():
        raise NotFoundError(f"there is no address book {book}")
    addresses: dict[tuple[int, str], list[str]] = {}
    for book_id, uid, address in tx.rows(
        "SELECT book_id, uid, address FROM contact_address WHERE account_id = ? ORDER BY address", account_id
    ):
        addresses.setdefault((book_id, uid), []).append(address)
    found = [
        Contact(uid, name, tuple(addresses.get((book_id, uid), ())), bytes(card), names[book_id])
        for book_id, uid, name, card in tx.rows(
            "SELECT book_id, uid, name, card FROM contact WHERE account_id = ?", account_id
        )
        if book is None or names[book_id] == book
    ]
    return sorted(found, key=lambda each: (each.book, each.name.lower(), each.uid))


def put_contacts(tx: WriteTx, account_id: int, contacts: Sequence[Contact]) -> int:
    """Store contacts, each in its book; one of that UID is replaced. How many are new. Raises NotFoundError, InvalidError."""
    hold_account(tx, account_id)
    new = 0
    for contact in contacts:
        _check(contact)
        book_id = _made_book(tx, account_id, contact.book)
        new += not _delete(tx, account_id, book_id, contact.uid)
        tx.run(
            "INSERT INTO contact (account_id, book_id, uid, name, card, changed_at) VALUES (?, ?, ?, ?, ?, ?)",
            account_id,
            book_id,
            contact.uid,
            contact.name,
            contact.card,
            tx.now_us,
        )
        tx.run_many(
            "INSERT INTO contact_address (account_id, book_id, address, uid) VALUES (?, ?, ?, ?)",
            [(account_id, book_id, each, contact.uid) for each in dict.fromkeys(contact.addresses)],
        )
    count, octets = tx.rows(
        "SELECT count(*), coalesce(sum(length(card)), 0) FROM contact WHERE account_id = ?", account_id
    )[0]
    if count > MAX_CONTACTS:
        raise InvalidError(f"an account has at most {MAX_CONTACTS} contacts")
    if int(octets) > MAX_CONTACTS_OCTETS:
        raise InvalidError(f"the contacts of an account have at most {MAX_CONTACTS_OCTETS} octets together")
    return new


def remove_contact(tx: WriteTx, account_id: int, book: str, who: str) -> int:
    """Remove the contact of this UID, or those with this address; how many. Raises NotFoundError."""
    hold_account(tx, account_id)
    book_id = book_id_of(tx, account_id, book)
    if book_id is None:
        raise NotFoundError(f"there is no address book {book}")
    if _delete(tx, account_id, book_id, who):
        return 1
    uids = tx.rows(
        "SELECT uid FROM contact_address WHERE account_id = ? AND book_id = ? AND address = ?",
        account_id,
        book_id,
        member_address(who) or "",
    )
    for (uid,) in uids:
        _delete(tx, account_id, book_id, uid)
    return len(uids)


def remove_book(tx: WriteTx, account_id: int, book: str) -> int:
    """Remove all contacts of a book, and a named book itself; how many. Raises NotFoundError."""
    hold_account(tx, account_id)
    book_id = book_id_of(tx, account_id, book)
    if book_id is None:
        raise NotFoundError(f"there is no address book {book}")
    for table in ("contact_address", "address_book"):
        tx.run(f"DELETE FROM {table} WHERE account_id = ? AND book_id = ?", account_id, book_id)
    return tx.run("DELETE FROM contact WHERE account_id = ? AND book_id = ?", account_id, book_id)


def _check(contact: Contact) -> None:
    if not contact.uid or max(len(contact.uid), len(contact.name), len(contact.book)) > MAX_CONTACT_TEXT:
        raise InvalidError(f"names and UIDs have at most {MAX_CONTACT_TEXT} characters: {contact.name[:60]}")
    if len(contact.addresses) > MAX_CONTACT_ADDRESSES:
        raise InvalidError(f"a contact has at most {MAX_CONTACT_ADDRESSES} addresses: {contact.name[:60]}")
    if len(contact.card) > MAX_CARD_OCTETS:
        raise InvalidError(f"a card has at most {MAX_CARD_OCTETS} octets: {contact.name[:60]}")


def _made_book(tx: WriteTx, account_id: int, book: str) -> int:
    found = book_id_of(tx, account_id, book)
    if found is not None:
        return found
    count, last = tx.rows(
        "SELECT count(*), coalesce(max(book_id), 0) FROM address_book WHERE account_id = ?", account_id
    )[0]
    if count >= MAX_BOOKS:
        raise InvalidError(f"an account has at most {MAX_BOOKS} named address books")
    if not book.isprintable() or book.lower() == "default":
        raise InvalidError("that can't be the name of an address book")
    tx.run(
        "INSERT INTO address_book (account_id, book_id, name) VALUES (?, ?, ?)", account_id, last + 1, book
    )
    return int(last) + 1


def _delete(tx: WriteTx, account_id: int, book_id: int, uid: str) -> bool:
    key = (account_id, book_id, uid)
    tx.run("DELETE FROM contact_address WHERE account_id = ? AND book_id = ? AND uid = ?", *key)
    return tx.run("DELETE FROM contact WHERE account_id = ? AND book_id = ? AND uid = ?", *key) > 0
