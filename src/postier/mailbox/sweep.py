"""The sweep: what was expunged long enough ago goes for good; until then it can be undeleted.

    expunged rows older than the time kept > emails that no row names > blobs that nothing names

Not here: when it runs (a leased duty), packs (they are compacted by the store, which sees blob rows go). Source: DESIGN
§3.4. Invariants: an email goes only when neither `entry` nor `expunged` names it; a blob only when no email and no
message of the queue does and it was last stored longer than the grace ago (an upload or a spooled message waits for its
rows). Each function does a bounded portion and says whether there is more.
"""

from collections.abc import Sequence

import msgspec

from postier.imap.flags import DELETED, SEEN
from postier.mailbox import ledger
from postier.mailbox.refusals import no_such_mailbox
from postier.store.changes import ChangeKind, record_change
from postier.store.transaction import ReadTx, WriteTx
from postier.store.uid_ranges import UidRange

EXPUNGED_AT_ONCE = 5_000
BLOBS_AT_ONCE = 10_000
_BATCH = 400  # parameters of an IN list


class Recoverable(msgspec.Struct, frozen=True):
    """An expunged message that can be undeleted; `mailbox` is None when its mailbox is deleted too."""

    mailbox_id: int
    mailbox: str | None
    uid: int
    email_id: int
    size_bytes: int
    expunged_at: int


def accounts_to_sweep(tx: ReadTx, expunged_before_us: int) -> list[int]:
    """Accounts that have something expunged before that time."""
    rows = tx.rows("SELECT DISTINCT account_id FROM expunged WHERE expunged_at < ?", expunged_before_us)
    return sorted(account_id for (account_id,) in rows)


def sweep_account(tx: WriteTx, account_id: int, expunged_before_us: int) -> bool:
    """Remove a portion of what was expunged before that time, with the emails that only it named. Whether more is left."""
    ledger.lock(tx, account_id)
    rows = tx.rows(
        "SELECT mailbox_id, uid, email_id FROM expunged WHERE account_id = ? AND expunged_at < ? LIMIT ?",
        account_id,
        expunged_before_us,
        EXPUNGED_AT_ONCE,
    )
    tx.run_many(
        "DELETE FROM expunged WHERE account_id = ? AND mailbox_id = ? AND uid = ?",
        [(account_id, mailbox_id, uid) for mailbox_id, uid, _ in rows],
    )
    _remove_unused_emails(tx, account_id, sorted({email_id for _, _, email_id in rows}))
    return len(rows) == EXPUNGED_AT_ONCE


def sweep_blobs(tx: WriteTx, after: bytes, stored_before_us: int) -> bytes | None:
    """Remove the rows of unused blobs among the next BLOBS_AT_ONCE after `after`; where to go on, or None at the end."""
    rows = tx.rows(
        "SELECT blob_id, email_count, used_at FROM blob WHERE blob_id > ? ORDER BY blob_id LIMIT ?",
        after,
        BLOBS_AT_ONCE,
    )
    unused = [(row[0], stored_before_us) for row in rows if row[1] == 0 and row[2] < stored_before_us]
    if unused:
        # Asked again in the statement: it may have been used since (PostgreSQL).
        tx.run_many(
            "DELETE FROM blob WHERE blob_id = ? AND used_at < ? AND email_count = 0"
            " AND NOT EXISTS (SELECT 1 FROM queue_message q WHERE q.blob_id = blob.blob_id)",
            unused,
        )
    return rows[-1][0] if len(rows) == BLOBS_AT_ONCE else None


def recoverable(tx: ReadTx, account_id: int, limit: int = 1_000) -> list[Recoverable]:
    """What can be undeleted, newest first."""
    return [
        Recoverable(*row)
        for row in tx.rows(
            "SELECT x.mailbox_id, m.name, x.uid, x.email_id, x.size_bytes, x.expunged_at FROM expunged x"
            " LEFT JOIN mailbox m ON m.account_id = x.account_id AND m.mailbox_id = x.mailbox_id"
            " WHERE x.account_id = ? ORDER BY x.expunged_at DESC, x.mailbox_id, x.uid LIMIT ?",
            account_id,
            limit,
        )
    ]


def undelete(
    tx: WriteTx, account_id: int, mailbox_id: int, uids: Sequence[int], target_id: int
) -> list[UidRange]:
    r"""Bring expunged messages of `mailbox_id` back into `target_id`, without \Deleted; returns their new UIDs.

    Raises QuotaExceededError, MailboxRefusedError if the target is gone.
    """
    ledger.lock(tx, account_id)
    rows = []
    for start in range(0, len(uids), _BATCH):
        batch = uids[start : start + _BATCH]
        rows += tx.rows(
            "SELECT uid, email_id, flags, received_at, size_bytes FROM expunged WHERE account_id = ?"
            f" AND mailbox_id = ? AND uid IN ({','.join('?' * len(batch))}) ORDER BY uid",
            account_id,
            mailbox_id,
            *batch,
        )
    if not rows:
        return []
    size_bytes = sum(row[4] for row in rows)
    modseq, _ = ledger.admit(tx, account_id, size_bytes)
    uidnext = tx.value(
        "UPDATE mailbox SET uidnext = uidnext + ?, message_count = message_count + ?, unseen_count = unseen_count + ?,"
        " size_bytes = size_bytes + ?, highest_modseq = ? WHERE account_id = ? AND mailbox_id = ? RETURNING uidnext",
        len(rows),
        len(rows),
        sum(not row[2] & SEEN for row in rows),
        size_bytes,
        modseq,
        account_id,
        target_id,
    )
    if uidnext is None:
        raise no_such_mailbox()
    first = uidnext - len(rows)
    tx.run_many(
        "INSERT INTO entry (account_id, mailbox_id, uid, email_id, flags, modseq, saved_at, received_at, size_bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (account_id, target_id, uid, email_id, flags & ~DELETED, modseq, tx.now_us, received_at, size)
            for uid, (_, email_id, flags, received_at, size) in enumerate(rows, first)
        ],
    )
    tx.run_many(
        "DELETE FROM expunged WHERE account_id = ? AND mailbox_id = ? AND uid = ?",
        [(account_id, mailbox_id, row[0]) for row in rows],
    )
    record_change(tx, account_id, modseq, ChangeKind.APPENDED, target_id, [(first, uidnext - 1)])
    return [(first, uidnext - 1)]


def _remove_unused_emails(tx: WriteTx, account_id: int, email_ids: Sequence[int]) -> None:
    """Remove those emails that neither an entry nor an expunged row names, and their threads' keys."""
    if not email_ids:
        return
    used = {  # one scan of the account's rows, whatever the number of emails
        email_id
        for table in ("entry", "expunged")
        for (email_id,) in tx.rows(
            f"SELECT email_id FROM {table} WHERE account_id = ? AND email_id BETWEEN ? AND ?",
            account_id,
            email_ids[0],
            email_ids[-1],
        )
    }
    unused = [email_id for email_id in email_ids if email_id not in used]
    if not unused:
        return
    for start in range(0, len(unused), _BATCH):
        batch = unused[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        tx.run(
            "UPDATE blob SET email_count = email_count - (SELECT count(*) FROM email m WHERE m.account_id = ?"
            f" AND m.email_id IN ({marks}) AND m.blob_id = blob.blob_id) WHERE blob_id IN"
            f" (SELECT m.blob_id FROM email m WHERE m.account_id = ? AND m.email_id IN ({marks}))",
            account_id,
            *batch,
            account_id,
            *batch,
        )
        for table in ("email", "sort_key"):
            tx.run(f"DELETE FROM {table} WHERE account_id = ? AND email_id IN ({marks})", account_id, *batch)
    tx.run(
        "DELETE FROM thread_link WHERE account_id = ? AND thread_id NOT IN"
        " (SELECT thread_id FROM email WHERE account_id = ?)",
        account_id,
        account_id,
    )
