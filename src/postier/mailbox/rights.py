"""Who may do what with a mailbox: the one place that decides.

Every function that takes a mailbox by its name asks here (`enter`, `authorise`); those that take its number work on what was
opened before. Denied by default; the owner has every right, always; others have what the mailbox's list gives to their
address or to `anyone`, which means the accounts of the owner's domain. Not here: changing the lists (`sharing`). Source:
SECURITY row 14; RFC 4314 §2.1, §4. Invariant: who has no right to a mailbox that shows it is told what one is told of a name
that does not exist.
"""

import msgspec

from postier.accounts.names import login_address
from postier.imap.rights import ALL_RIGHTS, Right, parse_rights
from postier.mailbox.names import SEPARATOR, canonical
from postier.mailbox.refusals import MailboxRefusedError, Refusal, no_such_mailbox
from postier.store.transaction import ReadTx

ANYONE = "anyone"
OTHER_USERS, SHARED = (
    "#user/",
    "#shared/",
)  # RFC 2342: namespaces; RFC 9051 §5.1: names with # are the server's
NAMESPACES = (OTHER_USERS, SHARED)

# Any of these shows that the mailbox exists (RFC 4314 §4, MYRIGHTS).
_SHOWING = frozenset(
    [Right.LOOKUP, Right.READ, Right.INSERT, Right.CREATE, Right.DELETE_MAILBOX, Right.ADMINISTER]
)


class Place(msgspec.Struct, frozen=True):
    """A mailbox and what the actor may do with it; `name` is the one that its owner knows it by."""

    account_id: int
    mailbox_id: int
    name: str
    rights: frozenset[Right]

    def require(self, right: Right) -> None:
        """Raises MailboxRefusedError without the right."""
        if right not in self.rights:
            raise no_permission()


def no_permission() -> MailboxRefusedError:
    """What one is told who may know of the mailbox."""
    return MailboxRefusedError(Refusal.NO_PERMISSION, "you don't have the right to do this")


def enter(tx: ReadTx, account_id: int, name: str, *, actor_id: int, right: Right | None = None) -> Place:
    """The mailbox of that name among `account_id`'s names, if the actor may know of it and has the right.

    Raises MailboxRefusedError.
    """
    owner_id, own_name = owner_of(tx, account_id, name)
    mailbox_id = tx.value(
        "SELECT mailbox_id FROM mailbox WHERE account_id = ? AND name = ?", owner_id, own_name
    )
    if mailbox_id is None:
        raise no_such_mailbox()
    rights = rights_on(tx, actor_id, owner_id, mailbox_id)
    if not rights & _SHOWING:
        raise no_such_mailbox()
    place = Place(owner_id, mailbox_id, own_name, rights)
    if right is not None:
        place.require(right)
    return place


def owner_of(tx: ReadTx, account_id: int, name: str) -> tuple[int, str]:
    """Whose mailbox a name means, and its canonical name there. Raises MailboxRefusedError."""
    prefix = next((each for each in NAMESPACES if name.startswith(each)), None)
    if prefix is None:
        return account_id, canonical(name)
    address, own_name = split_shared(name.removeprefix(prefix))
    known = login_address(address)
    row = None if known is None else tx.row("SELECT account_id FROM account WHERE address = ?", str(known))
    if row is None or not own_name or prefix != namespace_of(tx, row[0]):
        raise no_such_mailbox()
    return row[0], canonical(own_name)


def split_shared(path: str) -> tuple[str, str]:
    """The address and the name of `address/name`; an address may hold separators, but not behind its @."""
    at = path.find("@")
    end = path.find(SEPARATOR, at) if at >= 0 else -1
    return (path, "") if end < 0 else (path[:end], path[end + 1 :])


def namespace_of(tx: ReadTx, account_id: int) -> str:
    """Where others find an account's mailboxes: one that nobody can log in to is for sharing alone."""
    has_login = tx.value("SELECT 1 FROM credential WHERE account_id = ? LIMIT 1", account_id)
    return OTHER_USERS if has_login else SHARED


def identifiers_of(tx: ReadTx, actor_id: int, owner_id: int) -> tuple[str, ...]:
    """The identifiers under which the owner's lists may mean the actor."""
    rows: dict[int, str] = dict(
        tx.rows("SELECT account_id, address FROM account WHERE account_id IN (?, ?)", actor_id, owner_id)
    )
    address, owner = rows.get(actor_id), rows.get(owner_id)
    if address is None or owner is None:
        return ()
    is_neighbour = address.rpartition("@")[2] == owner.rpartition("@")[2]
    return (address, ANYONE) if is_neighbour else (address,)


def rights_on(tx: ReadTx, actor_id: int, owner_id: int, mailbox_id: int) -> frozenset[Right]:
    """What the actor may do with a mailbox."""
    if actor_id == owner_id:
        return ALL_RIGHTS
    rights: frozenset[Right] = frozenset()
    for identifier in identifiers_of(tx, actor_id, owner_id):
        text = tx.value(
            "SELECT rights FROM mailbox_right WHERE account_id = ? AND mailbox_id = ? AND identifier = ?",
            owner_id,
            mailbox_id,
            identifier,
        )
        rights |= parse_rights(text or "")
    return rights
