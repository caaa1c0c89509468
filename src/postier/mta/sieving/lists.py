"""The lists that scripts ask (RFC 6134): the owner's address books, and the operator's files.

    urn:ietf:params:sieve:addrbook:default    the account's address book
    urn:ietf:params:sieve:addrbook:NAME       a named one
    tag:...                                   the file of that name in the operator's folder, a member on each line

Not here: what a script does with the answer (`sieve.ext.extlists`). Source: RFC 6134 §2.2, §2.5, §2.9.3, §3. Invariants: a test costs
one look at an index, and nothing without a test; an account sees its own books and no others; a value is itself an address, or a
field with some, of which each counts; a list that is there and can't be read is a fault of the store: the letter waits.
"""

from collections.abc import Sequence

from postier.accounts.contacts import DEFAULT_BOOK, addresses_of, book_id_of, known_address, member_address
from postier.mime.address_list import parse_address_list
from postier.mta.sieving.operator_lists import Members, OperatorLists
from postier.mta.sieving.shelf import NotCompiledError
from postier.mta.sieving.world import Purse
from postier.store.transaction import ReadTx

BOOK = "urn:ietf:params:sieve:addrbook:"
MAX_VALUE_CHARACTERS = 20_000  # of a value that is looked for; what is longer is no member
MAX_ADDRESSES_IN_VALUE = 100  # of a field that is looked for


class AccountLists:
    """The `sieve.world.Lists` of an account, in a transaction; asks the same once. Without `may_read` files raise NotCompiledError."""

    def __init__(
        self, tx: ReadTx, account_id: int, operators: OperatorLists, purse: Purse, *, may_read: bool
    ) -> None:
        self._tx = tx
        self._account_id = account_id
        self._operators = operators
        self._purse = purse
        self._may_read = may_read
        self._books: dict[str, int | None] = {}
        self._files: dict[str, Members | None] = {}

    def is_known(self, uri: str) -> bool:
        """Whether there is such a book, or such a file."""
        return (self._book(uri) if uri.startswith(BOOK) else self._file(uri)) is not None

    def find(self, uri: str, values: Sequence[str]) -> str | None:
        """The member that one of the values is: an address of a book as it is compared, a line of a file as it stands there."""
        if not uri.startswith(BOOK):
            members = self._file(uri)
            if members is None:
                return None
            keys = [key for value in values for key in (value.lower(), *_addresses(value))]
            return next((members.by_key[key] for key in keys if key in members.by_key), None)
        book_id = self._book(uri)
        addresses = [each for value in values for each in _addresses(value)]
        if book_id is None or not addresses:
            return None
        self._purse.spend()
        return known_address(self._tx, self._account_id, book_id, addresses)

    def addresses(self, uri: str, most: int) -> Sequence[str] | None:
        """Who is on it."""
        if not uri.startswith(BOOK):
            members = self._file(uri)
            return None if members is None or members.addresses is None else members.addresses[: most + 1]
        book_id = self._book(uri)
        if book_id is None:
            return None
        self._purse.spend()
        return addresses_of(self._tx, self._account_id, book_id, most + 1)

    def _book(self, uri: str) -> int | None:
        if uri not in self._books:
            name = uri.removeprefix(BOOK)
            if name == "default":  # it needs no look
                self._books[uri] = book_id_of(self._tx, self._account_id, DEFAULT_BOOK)
            else:
                self._purse.spend()
                self._books[uri] = book_id_of(self._tx, self._account_id, name)
        return self._books[uri]

    def _file(self, uri: str) -> Members | None:
        if not uri.lower().startswith("tag:") or self._operators.folder is None:
            return None
        if not self._may_read:  # files are read in a thread
            raise NotCompiledError
        if uri not in self._files:
            self._purse.spend()
            self._files[uri] = self._operators.find(uri)
        return self._files[uri]


def _addresses(value: str) -> list[str]:
    """The canonical addresses in a value: itself, or those of a field (RFC 6134 §2.9.3)."""
    if "@" not in value or len(value) > MAX_VALUE_CHARACTERS:
        return []
    alone = member_address(value)
    if alone is not None:
        return [alone]
    mailboxes = parse_address_list(value.encode("utf-8", "replace"), MAX_ADDRESSES_IN_VALUE).mailboxes
    found = [each.addr_spec() for each in mailboxes]
    canonical = [member_address(str(each)) for each in found if each is not None]
    return [each for each in canonical if each is not None]
