"""What a script sees of the account around it: mailboxes, other scripts, ids seen before, all asked in one transaction.

Not here: what the questions mean (`sieve.world`), the run (`running`). Sources: RFC 5490, RFC 8579, RFC 9042, RFC 7352, RFC 6609,
RFC 5183 §4.1, RFC 5235, RFC 5464. Invariant: a script sees its own account and the global scripts, and nothing else of the store.
"""

from collections.abc import Callable, Sequence

import msgspec

from postier import __version__
from postier.accounts.aliases import aliases_of
from postier.defence.verdict import REFUSED_POINTS, Treatment
from postier.defence.verdict import Verdict as Judgement
from postier.mailbox.annotations import annotation_of, server_annotation
from postier.mailbox.folders import mailbox_id_of
from postier.mailbox.names import canonical
from postier.mailbox.places import can_name, name_of_id, special_uses
from postier.mime.address import Address
from postier.mime.index import MessageIndex, index_message, load_parts
from postier.mime.part import Part
from postier.mta.sieving.memory import Kind, digest_of, is_remembered
from postier.mta.sieving.shelf import Shelf
from postier.sieve.script import Script
from postier.sieve.world import Verdict
from postier.store.transaction import ReadTx


class Letter:
    """A `sieve.message.MessageSource`: the octets, and the structure from the index that filing needs anyway."""

    __slots__ = ("_index", "_raw", "_root")

    def __init__(self, raw: bytes, index: MessageIndex | None = None) -> None:
        self._raw = raw
        self._index = index
        self._root: Part | None = None

    @property
    def index(self) -> MessageIndex:
        """The index, made at the first call."""
        if self._index is None:
            self._index = index_message(self._raw)
        return self._index

    @property
    def size(self) -> int:
        """Octets."""
        return len(self._raw)

    def header(self) -> bytes:
        """The header section."""
        return self._raw[: self.index.header_size]

    def raw(self) -> bytes:
        """All of it."""
        return self._raw

    def root(self) -> Part:
        """Its structure."""
        if self._root is None:
            self._root = load_parts(self.index.parts)
        return self._root


class Purse:
    """How many questions a run may ask the store; more are an error of the run, or of where it runs."""

    def __init__(self, questions: int, error: Callable[[], Exception]) -> None:
        self._left = questions
        self._error = error

    def spend(self) -> None:
        """Count a question."""
        self._left -= 1
        if self._left < 0:
            raise self._error()


class Folders:
    """The `sieve.world.Mailboxes` of an account; asks the same once."""

    def __init__(self, tx: ReadTx, account_id: int, purse: Purse) -> None:
        self._tx = tx
        self._account_id = account_id
        self._purse = purse
        self._names: dict[str, bool] = {}
        self._ids: dict[str, bool] = {}
        self._uses: dict[str | None, Sequence[str]] = {}
        self._annotations: dict[tuple[str | None, str], str | None] = {}

    def may_deliver(self, mailbox: str) -> bool:
        """Whether it exists; all of one's own take messages."""
        if mailbox not in self._names:
            self._purse.spend()
            self._names[mailbox] = (
                can_name(mailbox)
                and mailbox_id_of(self._tx, self._account_id, canonical(mailbox)) is not None
            )
        return self._names[mailbox]

    def may_deliver_id(self, mailbox_id: str) -> bool:
        """The same by MAILBOXID."""
        if mailbox_id not in self._ids:
            self._purse.spend()
            self._ids[mailbox_id] = name_of_id(self._tx, self._account_id, mailbox_id) is not None
        return self._ids[mailbox_id]

    def special_uses(self, mailbox: str | None) -> Sequence[str]:
        """The special uses of one, or of all."""
        if mailbox not in self._uses:
            self._purse.spend()
            self._uses[mailbox] = special_uses(self._tx, self._account_id, mailbox)
        return self._uses[mailbox]

    def annotation(self, mailbox: str | None, entry: str) -> str | None:
        """One that the owner sees of an own mailbox, or of the server; names of entries have no case (RFC 5464 §3)."""
        key = (mailbox, entry.lower())
        if key not in self._annotations:
            self._purse.spend()
            self._annotations[key] = self._read_annotation(*key)
        return self._annotations[key]

    def _read_annotation(self, mailbox: str | None, entry: str) -> str | None:
        tx, account_id = self._tx, self._account_id
        if mailbox is None:
            value = server_annotation(tx, account_id, entry)
        else:
            found = mailbox_id_of(tx, account_id, canonical(mailbox)) if can_name(mailbox) else None
            value = None if found is None else annotation_of(tx, account_id, found, account_id, entry)
        return None if value is None else value.decode("utf-8", "replace")


class Sightings:
    """The `sieve.world.Duplicates` of an account; keeps what was answered, for the transaction that depends on it."""

    def __init__(self, tx: ReadTx, account_id: int, now_us: int, purse: Purse) -> None:
        self._tx = tx
        self._account_id = account_id
        self._now_us = now_us
        self._purse = purse
        self.answers: dict[tuple[str, str], bool] = {}

    def was_seen(self, handle: str, unique_id: str) -> bool:
        """Whether it was tracked and has not expired."""
        key = (handle, unique_id)
        if key not in self.answers:
            self._purse.spend()
            self.answers[key] = is_remembered(
                self._tx, self._account_id, Kind.SEEN, digest_of(handle, unique_id), self._now_us
            )
        return self.answers[key]


class Inclusions:
    """The `sieve.world.Scripts` of an account."""

    def __init__(self, tx: ReadTx, shelf: Shelf, account_id: int, *, may_compile: bool) -> None:
        self._tx = tx
        self._shelf = shelf
        self._account_id = account_id
        self._may_compile = may_compile

    def find(self, name: str, *, is_global: bool) -> Script | None:
        """A script of the account, or one of all."""
        if is_global:
            return self._shelf.shared(name, may_compile=self._may_compile)
        return self._shelf.included(self._tx, self._account_id, name, may_compile=self._may_compile)


class Surroundings(msgspec.Struct, frozen=True):
    """The items of the environment test (RFC 5183 §4.1) that a delivery knows."""

    hostname: str
    remote_host: str = ""
    remote_ip: str = ""

    def items(self, domain: str) -> dict[str, str]:
        """As the interpreter takes them."""
        return {
            "domain": domain,
            "host": self.hostname,
            "remote-host": self.remote_host,
            "remote-ip": self.remote_ip,
            "version": __version__,
        }


def spam_of(judgement: Judgement | None) -> Verdict:
    """The verdict in the numbers of RFC 5235; what was not judged was not tested."""
    if judgement is None:
        return Verdict()
    if judgement.treatment is not Treatment.DELIVER:
        return Verdict(spam_percent=100)
    return Verdict(spam_percent=min(int(judgement.points * 100 / REFUSED_POINTS), 99))


def own_addresses(tx: ReadTx, address: Address) -> tuple[str, ...]:
    """The account's addresses, its own first: aliases that lead to it alone (RFC 5230 §4.5: groups are nobody's own)."""
    mine = [
        alias
        for alias in aliases_of(tx, address)
        if alias.local != "*"
        and tx.value("SELECT count(*) FROM alias WHERE domain = ? AND local = ?", alias.domain, alias.local)
        == 1
    ]
    return tuple(str(each) for each in (address, *mine))
