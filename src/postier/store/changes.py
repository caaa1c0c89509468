"""The change log: the one way to learn what happened to an account's mail.

Every change takes the account's next `modseq` and one row here, in the transaction that makes it. IMAP, JMAP, push and
webhooks all read this log; wake-ups only say that there is more of it.
"""

from enum import IntEnum

import msgspec

from postier.store.transaction import ReadTx, WriteTx
from postier.store.uid_ranges import UidRange, merged, parse_ranges, ranges_text


class ChangeKind(IntEnum):
    """What happened; values are stored."""

    APPENDED = 1
    FLAGS = 2
    EXPUNGED = 3
    MAILBOX_CREATED = 4
    MAILBOX_RENAMED = 5
    MAILBOX_DELETED = 6
    SUBSCRIPTION = 7
    METADATA = 8
    RIGHTS = 9
    URL_KEY = 10


class Change(msgspec.Struct, frozen=True):
    """One row of the log; `ranges` are the UIDs concerned (empty for changes of a mailbox itself).

    Of URL_KEY they name the account whose key was reset.
    """

    modseq: int
    kind: ChangeKind
    mailbox_id: int
    ranges: list[UidRange]


def next_modseq(tx: WriteTx, account_id: int) -> int:
    """Take the account's next modseq and lock the account for this transaction. Raises LookupError if there is none.

    Whoever changes several accounts in one transaction does so in the order of their ids (no deadlocks).
    """
    modseq = tx.value(
        "UPDATE account SET modseq = modseq + 1 WHERE account_id = ? RETURNING modseq", account_id
    )
    if modseq is None:
        raise LookupError(f"account {account_id} is gone")
    return int(modseq)


def record_change(
    tx: WriteTx, account_id: int, modseq: int, kind: ChangeKind, mailbox_id: int, ranges: list[UidRange]
) -> None:
    """Write one change under a modseq that `next_modseq` gave, and wake the account's watchers after the commit."""
    tx.run(
        "INSERT INTO change (account_id, modseq, kind, mailbox_id, uids) VALUES (?, ?, ?, ?, ?)",
        account_id,
        modseq,
        int(kind),
        mailbox_id,
        ranges_text(ranges),
    )
    tx.touched(account_id, modseq)


def changes_since(tx: ReadTx, account_id: int, modseq: int) -> list[Change]:
    """All changes of the account after `modseq`, oldest first."""
    return [
        Change(at, ChangeKind(kind), mailbox_id, parse_ranges(uids))
        for at, kind, mailbox_id, uids in tx.rows(
            "SELECT modseq, kind, mailbox_id, uids FROM change WHERE account_id = ? AND modseq > ?"
            " ORDER BY modseq",
            account_id,
            modseq,
        )
    ]


def expunged_since(tx: ReadTx, account_id: int, mailbox_id: int, modseq: int) -> list[UidRange]:
    """The UIDs that left a mailbox after `modseq`."""
    texts = tx.rows(
        "SELECT uids FROM change WHERE account_id = ? AND modseq > ? AND mailbox_id = ? AND kind = ?",
        account_id,
        modseq,
        mailbox_id,
        int(ChangeKind.EXPUNGED),
    )
    return merged(*(parse_ranges(text) for (text,) in texts))


def account_modseq(tx: ReadTx, account_id: int) -> int:
    """The account's modseq now. Raises LookupError if there is no such account."""
    modseq = tx.value("SELECT modseq FROM account WHERE account_id = ?", account_id)
    if modseq is None:
        raise LookupError(f"account {account_id} is gone")
    return int(modseq)
