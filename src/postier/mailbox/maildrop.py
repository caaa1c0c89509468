r"""INBOX as a POP3 maildrop: locked for one session, its messages listed, and the update at the end.

Not here: the protocol and its message numbers (`pop3`). Source: RFC 1939 §4 to §6. Invariants: at most one session on any node
has the lock, a leased row that its owner prolongs and that ends by itself when its process dies; the lock keeps other
POP3 sessions out, and no one else: mail arrives and IMAP works on. What IMAP expunges meanwhile stays readable for the
session from `expunged`. Deletions, \Seen and the end of the lock are one transaction.
"""

from array import array
from collections.abc import Sequence
from itertools import chain

import msgspec

from postier.imap.flags import SEEN
from postier.imap.rights import Right
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.names import INBOX
from postier.mailbox.reading import open_mailbox
from postier.mailbox.rights import enter
from postier.store.blobs import BlobId
from postier.store.leases import hand_back_lease, prolong_lease, take_lease
from postier.store.transaction import ReadTx, WriteTx
from postier.store.uid_ranges import ranges_of

LEASE_US = 90_000_000  # how long a maildrop stays locked after its session's process died


class LockedMaildrop(msgspec.Struct, frozen=True):
    """INBOX as it was when it was locked; what came later is for the next session."""

    account_id: int
    mailbox_id: int
    uidvalidity: int
    uidnext: int
    message_count: int
    size_bytes: int
    highest_modseq: int


class StoredMessage(msgspec.Struct, frozen=True):
    """Where a message's content is."""

    blob_id: BlobId
    header_bytes: int


def lock_maildrop(tx: WriteTx, account_id: int, owner: str, *, actor_id: int) -> LockedMaildrop | None:
    """Lock and open; None while another session has it. `owner` names the session. Raises MailboxRefusedError."""
    enter(tx, account_id, INBOX, actor_id=actor_id, right=Right.READ)
    if not take_lease(tx, _lease(account_id), owner, LEASE_US):
        return None
    # after the lock: in PostgreSQL what was read before may miss what the last session deleted
    inbox = open_mailbox(tx, account_id, INBOX, actor_id=actor_id)
    return LockedMaildrop(
        account_id,
        inbox.mailbox_id,
        inbox.uidvalidity,
        inbox.uidnext,
        inbox.message_count,
        inbox.size_bytes,
        inbox.highest_modseq,
    )


def keep_maildrop(tx: WriteTx, account_id: int, owner: str) -> bool:
    """Prolong the lock; False if it was ended, or ran out and another session took it."""
    return prolong_lease(tx, _lease(account_id), owner, LEASE_US)


def leave_maildrop(tx: WriteTx, account_id: int, owner: str) -> None:
    """End the lock; nothing is deleted."""
    hand_back_lease(tx, _lease(account_id), owner)


def maildrop_messages(tx: ReadTx, maildrop: LockedMaildrop) -> tuple["array[int]", "array[int]"]:
    """UIDs, ascending, and sizes of the messages that were there when it was locked; call through `read_bulk`.

    Those moved away since are missing: they are read nowhere else under these UIDs.
    """
    params = (maildrop.account_id, maildrop.mailbox_id, maildrop.uidnext)
    rows = tx.rows(
        "SELECT uid, size_bytes FROM entry WHERE account_id = ? AND mailbox_id = ? AND uid < ? ORDER BY uid",
        *params,
    )
    if len(rows) != maildrop.message_count:
        gone = tx.rows(
            "SELECT uid, size_bytes FROM expunged WHERE account_id = ? AND mailbox_id = ? AND uid < ? AND modseq > ?",
            *params,
            maildrop.highest_modseq,
        )
        rows = sorted([*rows, *gone])
    flat = array("I", chain.from_iterable(rows))
    return flat[::2], flat[1::2]


def maildrop_message(tx: ReadTx, maildrop: LockedMaildrop, uid: int) -> StoredMessage | None:
    """Where a message's content is; None if it was moved away or swept."""
    for table in ("entry", "expunged"):
        row = tx.row(
            f"SELECT m.blob_id, m.header_bytes FROM {table} e"
            " JOIN email m ON m.account_id = e.account_id AND m.email_id = e.email_id"
            " WHERE e.account_id = ? AND e.mailbox_id = ? AND e.uid = ?",
            maildrop.account_id,
            maildrop.mailbox_id,
            uid,
        )
        if row is not None:
            return StoredMessage(BlobId(row[0]), row[1])
    return None


def update_maildrop(
    tx: WriteTx, maildrop: LockedMaildrop, owner: str, deleted: Sequence[int], retrieved: Sequence[int]
) -> bool:
    r"""Expunge `deleted`, make `retrieved` \Seen (ascending UIDs both) and end the lock; call through `write_bulk` for many.

    False, and nothing is changed, if the lock was lost.
    """
    if not keep_maildrop(tx, maildrop.account_id, owner):
        return False
    if deleted:
        expunge_uids(tx, maildrop.account_id, maildrop.mailbox_id, ranges_of(deleted))
    if retrieved:
        where = (maildrop.account_id, maildrop.mailbox_id, ranges_of(retrieved))
        store_flags(tx, *where, StoreMode.ADD, SEEN)
    leave_maildrop(tx, maildrop.account_id, owner)
    return True


def _lease(account_id: int) -> str:
    return f"maildrop/{account_id}"
