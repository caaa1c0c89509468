"""What changed and what is gone since a modseq that a client remembers, whatever its age.

Not here: what an open session is told (`views`). Source: RFC 7162 §3.1.4.1, §3.2.5, §3.2.6. Invariant: every message of the
set that left after the modseq is named, also when the change log no longer reaches back so far: then all that are
missing are.
"""

from array import array
from collections.abc import Sequence
from itertools import chain

from postier.imap.sets import overlap
from postier.mailbox.tally import joined, selections
from postier.store.changes import expunged_since
from postier.store.transaction import ReadTx
from postier.store.uid_ranges import UidRange, ranges_of, without


def changed_uids(
    tx: ReadTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange], modseq: int
) -> "array[int]":
    """The UIDs in `ranges`, ascending, of messages that came or changed after `modseq`."""
    uids = array("I")
    for part in selections(ranges):
        rows = tx.rows(
            f"{part.cte} SELECT e.uid FROM {part.source} WHERE e.account_id = ? AND e.mailbox_id = ?"
            f" AND {part.condition} AND e.modseq > ? ORDER BY e.uid",
            account_id,
            mailbox_id,
            *part.params,
            modseq,
        )
        uids.extend(chain.from_iterable(rows))
    return uids


def highest_modseq_of(tx: ReadTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange]) -> int:
    """The highest modseq of the messages in `ranges`; 0 if none is there."""
    highest = 0
    for part in selections(ranges):
        found = tx.value(
            f"{part.cte} SELECT max(e.modseq) FROM {part.source} WHERE e.account_id = ? AND e.mailbox_id = ?"
            f" AND {part.condition}",
            account_id,
            mailbox_id,
            *part.params,
        )
        highest = max(highest, found or 0)
    return highest


def is_remembered(tx: ReadTx, account_id: int, modseq: int) -> bool:
    """Whether the change log holds everything after `modseq`."""
    first = tx.value("SELECT min(modseq) FROM change WHERE account_id = ?", account_id)
    return first is not None and first <= max(modseq, 1) + 1


def vanished_since(
    tx: ReadTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange], modseq: int
) -> list[UidRange]:
    """The UIDs in `ranges` that left after `modseq`, or all that are not there if the log does not tell."""
    if not is_remembered(tx, account_id, modseq):
        return _missing(tx, account_id, mailbox_id, ranges)
    gone = expunged_since(tx, account_id, mailbox_id, modseq)
    return [*overlap(tuple(ranges), tuple(gone))]


def _missing(tx: ReadTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange]) -> list[UidRange]:
    uidnext = tx.value(
        "SELECT uidnext FROM mailbox WHERE account_id = ? AND mailbox_id = ?", account_id, mailbox_id
    )
    there: list[UidRange] = []
    for part in selections(ranges):
        rows = tx.rows(
            f"{part.cte} SELECT e.uid FROM {part.source} WHERE e.account_id = ? AND e.mailbox_id = ?"
            f" AND {part.condition} ORDER BY e.uid",
            account_id,
            mailbox_id,
            *part.params,
        )
        there += ranges_of(chain.from_iterable(rows))
    return without(ranges, [*joined(there), (uidnext or 1, 2**32)])
