r"""Listing folders: names with what LIST and STATUS say of them, in one query.

Not here: patterns (`imap.list_patterns`). Source: RFC 9051 §6.3.9, §6.3.11, §7.3.1; RFC 6154. Invariant: counters come from
the mailbox's row, never from a scan of its messages.
"""

import msgspec

from postier.imap.rights import Right
from postier.mailbox.names import SEPARATOR, listing_key, superiors
from postier.mailbox.refusals import no_such_mailbox
from postier.mailbox.rights import ANYONE, enter, namespace_of
from postier.store.transaction import ReadTx

_COLUMNS = (
    "m.account_id, m.mailbox_id, m.special_use, m.uidvalidity, m.uidnext, m.message_count, m.unseen_count, m.deleted_count,"
    " m.size_bytes, m.highest_modseq"
)


class MailboxStatus(msgspec.Struct, frozen=True):
    """One mailbox and its counters."""

    account_id: int  # the owner's
    mailbox_id: int
    special_use: str | None
    uidvalidity: int
    uidnext: int
    message_count: int
    unseen_count: int
    deleted_count: int
    size_bytes: int
    highest_modseq: int


class Listed(msgspec.Struct, frozen=True):
    r"""One name of the tree; `status` is None for a name that is only subscribed or only has names below (\NonExistent)."""

    name: str
    status: MailboxStatus | None
    is_subscribed: bool
    has_children: bool


def list_mailboxes(tx: ReadTx, account_id: int, *, actor_id: int) -> list[Listed]:
    """All names, INBOX first, each before the names below it, then what others share; another's account is an empty list."""
    if actor_id != account_id:
        return []
    found: dict[str, tuple[MailboxStatus | None, bool]] = {}
    for name, subscribed, *columns in tx.rows(
        f"SELECT m.name, s.name, {_COLUMNS} FROM mailbox m"
        " LEFT JOIN subscription s ON s.account_id = m.account_id AND s.name = m.name WHERE m.account_id = ?",
        account_id,
    ):
        found[name] = (MailboxStatus(*columns), subscribed is not None)
    found |= {name: (status, False) for name, status in _shared(tx, actor_id).items()}
    parents = {above for name in found for above in superiors(name)}
    for (name,) in tx.rows("SELECT name FROM subscription WHERE account_id = ?", account_id):
        found[name] = (found.get(name, (None, True))[0], True)
    for name in parents:
        found.setdefault(name, (None, False))
    return [
        Listed(name, status, is_subscribed, name in parents)
        for name, (status, is_subscribed) in sorted(found.items(), key=lambda item: listing_key(item[0]))
    ]


def mailbox_status(
    tx: ReadTx, account_id: int, name: str, *, actor_id: int, right: Right = Right.READ
) -> MailboxStatus:
    """The counters of one mailbox. Raises MailboxRefusedError."""
    place = enter(tx, account_id, name, actor_id=actor_id, right=right)
    row = tx.row(
        f"SELECT {_COLUMNS} FROM mailbox m WHERE m.account_id = ? AND m.mailbox_id = ?",
        place.account_id,
        place.mailbox_id,
    )
    if row is None:
        raise no_such_mailbox()
    return MailboxStatus(*row)


def _shared(tx: ReadTx, actor_id: int) -> dict[str, MailboxStatus]:
    """What others show to the actor, by the names under which he finds it."""
    address = tx.value("SELECT address FROM account WHERE account_id = ?", actor_id) or ""
    domain = address.rpartition("@")[2]
    found: dict[str, MailboxStatus] = {}
    for owner, name, identifier, *columns in tx.rows(
        f"SELECT a.address, m.name, r.identifier, {_COLUMNS} FROM mailbox_right r"
        " JOIN mailbox m ON m.account_id = r.account_id AND m.mailbox_id = r.mailbox_id"
        " JOIN account a ON a.account_id = r.account_id"
        " WHERE r.identifier IN (?, ?) AND r.account_id <> ? AND r.rights LIKE ?",
        address,
        ANYONE,
        actor_id,
        f"%{Right.LOOKUP.value}%",
    ):
        if identifier == ANYONE and owner.rpartition("@")[2] != domain:
            continue
        status = MailboxStatus(*columns)
        found[f"{namespace_of(tx, status.account_id)}{owner}{SEPARATOR}{name}"] = status
    return found
