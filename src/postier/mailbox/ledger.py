"""The account's row: its modseq, numbers for mailboxes and emails, octets used against the quota.

Each function locks the row until the transaction ends, so that the account's changes follow one another (in PostgreSQL
too). Invariant: `used_bytes` is the sum of its mailboxes' `size_bytes`.
"""

from typing import Any

from postier.mailbox.refusals import QuotaExceededError
from postier.store.transaction import WriteTx

EMAIL_IDS_BITS = (
    32  # an email id is the account's number shifted by these, plus a number that rises in the account
)


def lock(tx: WriteTx, account_id: int) -> int:
    """Lock the account and return its modseq. Raises LookupError."""
    # The same value writes no page; both engines lock.
    modseq = tx.value("UPDATE account SET modseq = modseq WHERE account_id = ? RETURNING modseq", account_id)
    if modseq is None:
        raise _gone(account_id)
    return int(modseq)


def advance(tx: WriteTx, account_id: int, *, changes: int = 1, size_bytes: int = 0) -> int:
    """Take `changes` modseqs, add octets (or take them off) without asking the quota; returns the last modseq."""
    modseq = tx.value(
        "UPDATE account SET modseq = modseq + ?, used_bytes = used_bytes + ? WHERE account_id = ? RETURNING modseq",
        changes,
        size_bytes,
        account_id,
    )
    if modseq is None:
        raise _gone(account_id)
    return int(modseq)


def admit(
    tx: WriteTx,
    account_id: int,
    size_bytes: int,
    *,
    changes: int = 1,
    emails: int = 0,
    enforce_quota: bool = True,
) -> tuple[int, int]:
    """Make room: (last modseq of `changes` taken, first email id of `emails` taken).

    Raises QuotaExceededError if used + size would exceed the quota (no message may pass it), LookupError.
    """
    condition = " AND (quota_bytes IS NULL OR used_bytes + ? <= quota_bytes)" if enforce_quota else ""
    limit: tuple[Any, ...] = (size_bytes,) if enforce_quota else ()
    row = tx.row(
        "UPDATE account SET modseq = modseq + ?, used_bytes = used_bytes + ?, next_email_id = next_email_id + ?"
        f" WHERE account_id = ?{condition} RETURNING modseq, next_email_id",
        changes,
        size_bytes,
        emails,
        account_id,
        *limit,
    )
    if row is None:
        lock(tx, account_id)
        raise QuotaExceededError(account_id, size_bytes)
    return row[0], (account_id << EMAIL_IDS_BITS) + row[1] - emails


def admit_mailboxes(tx: WriteTx, account_id: int, count: int) -> tuple[int, int, int]:
    """(first modseq, first mailbox id, first UIDVALIDITY) of `count` each."""
    row = tx.row(
        "UPDATE account SET modseq = modseq + ?, next_mailbox_id = next_mailbox_id + ?,"
        " next_uidvalidity = next_uidvalidity + ? WHERE account_id = ?"
        " RETURNING modseq, next_mailbox_id, next_uidvalidity",
        count,
        count,
        count,
        account_id,
    )
    if row is None:
        raise _gone(account_id)
    return row[0] - count + 1, row[1] - count, row[2] - count


def _gone(account_id: int) -> LookupError:
    return LookupError(f"account {account_id} is gone")
