"""COPY and MOVE: more entries of the same emails, in one account.

Source: RFC 9051 §6.4.7, §6.4.8 (COPYUID), §7.1. Invariants: the copies have the order, flags and dates of the originals;
a move is one transaction; copies count against the quota, moves do not.
"""

from collections.abc import Sequence

import msgspec

from postier.mailbox import ledger
from postier.mailbox.expunge import remove_entries
from postier.mailbox.refusals import LimitError, no_such_mailbox
from postier.mailbox.tally import Tally, take_off, tally
from postier.store.changes import ChangeKind, record_change
from postier.store.transaction import WriteTx
from postier.store.uid_ranges import UidRange

MAX_UID = 2**32 - 1


class Transferred(msgspec.Struct, frozen=True):
    """What COPYUID says: UIDs there, ascending, pair with UIDs here; both sets are empty if nothing matched.

    `modseq` is one of the account there.
    """

    uidvalidity: int
    source_ranges: list[UidRange]
    target_ranges: list[UidRange]
    modseq: int


def copy_messages(
    tx: WriteTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange], target_id: int
) -> Transferred:
    """Copy messages. Raises QuotaExceededError, MailboxRefusedError if the target is gone."""
    ledger.lock(tx, account_id)
    chosen = tally(tx, account_id, mailbox_id, ranges)
    modseq, _ = ledger.admit(tx, account_id, chosen.size_bytes, changes=int(chosen.count > 0))
    return _copy(tx, account_id, mailbox_id, chosen, target_id, modseq)


def move_messages(
    tx: WriteTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange], target_id: int
) -> Transferred:
    """Move messages, also within one mailbox (they get new UIDs). Raises MailboxRefusedError if the target is gone.

    `modseq` in the result is the one of their leaving; their arrival has the one before.
    """
    ledger.lock(tx, account_id)
    chosen = tally(tx, account_id, mailbox_id, ranges)
    modseq = ledger.advance(tx, account_id, changes=2 if chosen.count else 0)
    moved = _copy(tx, account_id, mailbox_id, chosen, target_id, modseq - 1)
    if chosen.count:
        remove_entries(tx, account_id, mailbox_id, chosen.ranges)
        take_off(tx, account_id, mailbox_id, chosen, modseq)
        record_change(tx, account_id, modseq, ChangeKind.EXPUNGED, mailbox_id, chosen.ranges)
    return msgspec.structs.replace(moved, modseq=modseq)


def _copy(
    tx: WriteTx, account_id: int, mailbox_id: int, chosen: Tally, target_id: int, modseq: int
) -> Transferred:
    if not chosen.count:
        uidvalidity = tx.value(
            "SELECT uidvalidity FROM mailbox WHERE account_id = ? AND mailbox_id = ?", account_id, target_id
        )
        if uidvalidity is None:
            raise no_such_mailbox()
        return Transferred(uidvalidity, [], [], modseq)
    row = tx.row(
        "UPDATE mailbox SET uidnext = uidnext + ?, message_count = message_count + ?,"
        " unseen_count = unseen_count + ?, deleted_count = deleted_count + ?, size_bytes = size_bytes + ?,"
        " highest_modseq = ? WHERE account_id = ? AND mailbox_id = ? RETURNING uidnext, uidvalidity",
        chosen.count,
        chosen.count,
        chosen.unseen,
        chosen.deleted,
        chosen.size_bytes,
        modseq,
        account_id,
        target_id,
    )
    if row is None:
        raise no_such_mailbox()
    uidnext, uidvalidity = row
    if uidnext > MAX_UID:
        raise LimitError(f"UIDs of a mailbox end at {MAX_UID}")
    first = uid = uidnext - chosen.count
    shifts = []
    for low, high in chosen.ranges:
        shifts.append((target_id, uid - low, modseq, tx.now_us, account_id, mailbox_id, low, high))
        uid += high - low + 1
    # The ranges are exact, so within one of them a copy's UID is its original's plus a constant.
    tx.run_many(
        "INSERT INTO entry (account_id, mailbox_id, uid, email_id, flags, modseq, saved_at, received_at, size_bytes)"
        " SELECT account_id, ?, uid + ?, email_id, flags, ?, ?, received_at, size_bytes"
        " FROM entry WHERE account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?",
        shifts,
    )
    target_ranges = [(first, uidnext - 1)]
    record_change(tx, account_id, modseq, ChangeKind.APPENDED, target_id, target_ranges)
    return Transferred(uidvalidity, chosen.ranges, target_ranges, modseq)
