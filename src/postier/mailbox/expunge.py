r"""Messages leave a mailbox: EXPUNGE and UID EXPUNGE.

Not here: when they are gone for good (`sweep`). Source: RFC 9051 §6.4.3, §6.4.9; DESIGN §3.4. Invariant: what a user
expunges lies in `expunged` until it is swept; what is moved leaves nothing there.
"""

from collections.abc import Sequence

import msgspec

from postier.imap.flags import DELETED
from postier.mailbox import ledger
from postier.mailbox.tally import for_each_range, take_off, tally
from postier.store.changes import ChangeKind, record_change
from postier.store.transaction import WriteTx
from postier.store.uid_ranges import UidRange, newest

ALL_UIDS: list[UidRange] = [(1, 2**32 - 1)]


class Expunged(msgspec.Struct, frozen=True):
    """The UIDs that left, the modseq of that (the account's modseq if none did), and how many more a limit kept."""

    ranges: list[UidRange]
    modseq: int
    kept: int = 0


def expunge_deleted(
    tx: WriteTx,
    account_id: int,
    mailbox_id: int,
    ranges: Sequence[UidRange] | None = None,
    *,
    at_most: int = 0,
) -> Expunged:
    r"""Expunge the messages with \Deleted: all, or those of `ranges` (UID EXPUNGE); the newest `at_most`, if that is not 0."""
    ranges = ALL_UIDS if ranges is None else ranges
    return _expunge(tx, account_id, mailbox_id, ranges, f" AND flags & {DELETED} <> 0", at_most)


def expunge_uids(tx: WriteTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange]) -> Expunged:
    r"""Expunge messages whatever their flags (retraction, JMAP destroy, POP3 DELE)."""
    return _expunge(tx, account_id, mailbox_id, ranges, "")


def keep_as_expunged(
    tx: WriteTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange], modseq: int
) -> None:
    """Copy entries to `expunged`, from where `sweep` undeletes or removes them."""
    for_each_range(
        tx,
        "INSERT INTO expunged (account_id, mailbox_id, uid, email_id, flags, modseq, saved_at, received_at,"
        " size_bytes, expunged_at)"
        " SELECT account_id, mailbox_id, uid, email_id, flags, ?, saved_at, received_at, size_bytes, ?"
        " FROM entry WHERE account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?",
        ranges,
        modseq,
        tx.now_us,
        account_id,
        mailbox_id,
    )


def remove_entries(tx: WriteTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange]) -> None:
    """Delete the rows; counters and the change log are the caller's."""
    for_each_range(
        tx,
        "DELETE FROM entry WHERE account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?",
        ranges,
        account_id,
        mailbox_id,
    )


def _expunge(
    tx: WriteTx,
    account_id: int,
    mailbox_id: int,
    ranges: Sequence[UidRange],
    condition: str,
    at_most: int = 0,
) -> Expunged:
    modseq = ledger.lock(tx, account_id)
    gone = tally(tx, account_id, mailbox_id, ranges, condition)
    kept = max(0, gone.count - at_most) if at_most else 0
    if kept:
        gone = tally(tx, account_id, mailbox_id, newest(gone.ranges, at_most), condition)
    if not gone.count:
        return Expunged([], modseq)
    modseq = ledger.advance(tx, account_id, size_bytes=-gone.size_bytes)
    keep_as_expunged(tx, account_id, mailbox_id, gone.ranges, modseq)
    remove_entries(tx, account_id, mailbox_id, gone.ranges)
    take_off(tx, account_id, mailbox_id, gone, modseq)
    record_change(tx, account_id, modseq, ChangeKind.EXPUNGED, mailbox_id, gone.ranges)
    return Expunged(gone.ranges, modseq, kept)
