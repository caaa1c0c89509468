"""STORE: flags of many entries change in one statement.

Not here: the names of flags (`keywords`, `imap.flags`). Source: RFC 9051 §6.4.6; RFC 7162 §3.1.3 (UNCHANGEDSINCE); RFC 4314 §4.
Invariant: an entry whose flags would stay as they are keeps its modseq and is not named in the change.
"""

import enum
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import msgspec

from postier.imap.flags import DELETED, FIRST_KEYWORD_BIT, MAX_KEYWORDS, SEEN
from postier.imap.rights import Right
from postier.mailbox import ledger
from postier.mailbox.reading import flags_in
from postier.mailbox.rights import Place, no_permission
from postier.mailbox.seen import see
from postier.mailbox.tally import Tally, for_each_range, joined, selections, tally
from postier.store.changes import ChangeKind, record_change
from postier.store.transaction import ReadTx, WriteTx
from postier.store.uid_ranges import UidRange, merged, ranges_of, without

ALL_BITS = (1 << (FIRST_KEYWORD_BIT + MAX_KEYWORDS)) - 1
_DIFFERS = " AND flags <> ((flags & ?) | ?)"


class StoreMode(enum.Enum):
    """What STORE does with the flags it names."""

    REPLACE = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


class FlagsStored(msgspec.Struct, frozen=True):
    """`changed` UIDs have the modseq `modseq` now; `modified` ones were left alone (UNCHANGEDSINCE).

    `flags` are those that the caller's `uids` have now; None if he named none, or not the ones that are there.
    """

    changed: list[UidRange]
    modseq: int
    modified: list[UidRange] = []
    flags: list[int] | None = None


def store_flags(
    tx: WriteTx,
    account_id: int,
    mailbox_id: int,
    ranges: Sequence[UidRange],
    mode: StoreMode,
    mask: int,
    *,
    unchanged_since: int | None = None,
    uids: Sequence[int] = (),
) -> FlagsStored:
    """Add, remove or replace the flags of the entries in `ranges`; UIDs that do not exist are passed over.

    `uids` are those the caller knows in `ranges`: he is told their flags, and they need not be read.
    """
    keep, bits = masks(mode, mask, -1)
    condition = _DIFFERS
    params: tuple[int, ...] = (keep, bits)
    modseq = ledger.lock(tx, account_id)
    modified: list[UidRange] = []
    if unchanged_since is not None:
        modified = _modified(tx, account_id, mailbox_id, ranges, unchanged_since)
        condition, params = f"{_DIFFERS} AND modseq <= ?", (keep, bits, unchanged_since)
    before, flags = None, None
    if uids and unchanged_since is None:
        held = flags_in(tx, account_id, mailbox_id, ranges)
        if len(held) == len(uids):
            before, flags = _foreseen(uids, held, keep, bits)
    if before is None:
        before = tally(tx, account_id, mailbox_id, ranges, condition, *params)
    if not before.count:
        return FlagsStored([], modseq, modified, flags)
    modseq = ledger.advance(tx, account_id)
    _write(tx, account_id, mailbox_id, before, keep, bits, modseq)
    record_change(tx, account_id, modseq, ChangeKind.FLAGS, mailbox_id, before.ranges)
    return FlagsStored(before.ranges, modseq, modified, flags)


def store_flags_as(
    tx: WriteTx,
    place: Place,
    reader_id: int,
    ranges: Sequence[UidRange],
    mode: StoreMode,
    mask: int,
    *,
    unchanged_since: int | None = None,
) -> FlagsStored:
    r"""The same by another than the owner: as far as his rights go, and \Seen is his own (`seen`).

    Raises MailboxRefusedError if he may change none of the flags (RFC 4314 §4).
    """
    account_id, mailbox_id = place.account_id, place.mailbox_id
    permitted = permitted_flags(place.rights)
    if not mask & permitted and not (mode is StoreMode.REPLACE and permitted):
        raise no_permission()
    keep, bits = masks(mode, mask & permitted & ~SEEN, permitted & ~SEEN)
    modseq = ledger.lock(tx, account_id)
    modified: list[UidRange] = []
    condition, params = "", tuple[int, ...]()
    if unchanged_since is not None:
        modified = _modified(tx, account_id, mailbox_id, ranges, unchanged_since)
        condition, params = " AND modseq <= ?", (unchanged_since,)
    chosen = tally(tx, account_id, mailbox_id, ranges, condition, *params)
    before = tally(tx, account_id, mailbox_id, chosen.ranges, _DIFFERS, keep, bits)
    seen: list[UidRange] = []
    if permitted & SEEN and (mask & SEEN or mode is StoreMode.REPLACE):
        is_seen = bool(mask & SEEN) and mode is not StoreMode.REMOVE
        seen = see(tx, account_id, mailbox_id, reader_id, chosen.ranges, is_seen=is_seen)
    changed = merged(before.ranges, seen)
    if not changed:
        return FlagsStored([], modseq, modified)
    modseq = ledger.advance(tx, account_id)
    if before.count:
        _write(tx, account_id, mailbox_id, before, keep, bits, modseq)
    for_each_range(
        tx,
        "UPDATE entry SET modseq = ? WHERE account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?",
        without(changed, before.ranges),
        modseq,
        account_id,
        mailbox_id,
    )
    tx.run(
        "UPDATE mailbox SET highest_modseq = ? WHERE account_id = ? AND mailbox_id = ?",
        modseq,
        account_id,
        mailbox_id,
    )
    record_change(tx, account_id, modseq, ChangeKind.FLAGS, mailbox_id, changed)
    return FlagsStored(changed, modseq, modified)


def permitted_flags(rights: frozenset[Right]) -> int:
    """The bits of the flags that the rights let one change (RFC 4314 §4)."""
    bits = SEEN if Right.SEEN in rights else 0
    if Right.DELETE_MESSAGE in rights:
        bits |= DELETED
    if Right.WRITE in rights:
        bits |= ALL_BITS & ~(SEEN | DELETED)
    return bits


def masks(mode: StoreMode, mask: int, permitted: int) -> tuple[int, int]:
    """(keep, bits), so that flags become `flags & keep | bits`; what is not permitted is kept."""
    match mode:
        case StoreMode.ADD:
            return -1, mask
        case StoreMode.REMOVE:
            return ~mask, 0
        case StoreMode.REPLACE:
            return ~permitted, mask


def _write(
    tx: WriteTx, account_id: int, mailbox_id: int, before: Tally, keep: int, bits: int, modseq: int
) -> None:
    for_each_range(
        tx,
        "UPDATE entry SET flags = (flags & ?) | ?, modseq = ?"
        " WHERE account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?",
        before.ranges,
        keep,
        bits,
        modseq,
        account_id,
        mailbox_id,
    )
    seen, deleted = _after(before, keep, bits)
    tx.run(
        "UPDATE mailbox SET unseen_count = unseen_count + ?, deleted_count = deleted_count + ?, highest_modseq = ?"
        " WHERE account_id = ? AND mailbox_id = ?",
        before.seen - seen,
        deleted - before.deleted,
        modseq,
        account_id,
        mailbox_id,
    )


def _foreseen(uids: Sequence[int], held: Sequence[int], keep: int, bits: int) -> tuple[Tally, list[int]]:
    """The entries that will change, counted, and the flags that all will have."""
    counts = Counter(held)  # few values, whatever the number of entries
    after = {flags: (flags & keep) | bits for flags in counts}
    counts = Counter({flags: count for flags, count in counts.items() if after[flags] != flags})
    if len(counts) < len(after):
        uids = [uid for uid, flags in zip(uids, held, strict=True) if flags in counts]
    is_one_range = len(uids) > 0 and uids[-1] - uids[0] + 1 == len(uids)
    before = Tally(
        [(uids[0], uids[-1])] if is_one_range else ranges_of(uids),
        count=counts.total(),
        seen=sum(count for flags, count in counts.items() if flags & SEEN),
        deleted=sum(count for flags, count in counts.items() if flags & DELETED),
    )
    return before, list(map(after.__getitem__, held))


def _after(before: Tally, keep: int, bits: int) -> tuple[int, int]:
    r"""How many of the entries are \Seen and \Deleted afterwards."""

    def left(bit: int, had: int) -> int:
        return before.count if bits & bit else had if keep & bit else 0

    return left(SEEN, before.seen), left(DELETED, before.deleted)


def _modified(
    tx: ReadTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange], unchanged_since: int
) -> list[UidRange]:
    found: list[UidRange] = []
    for part in selections(ranges):
        rows = tx.rows(
            f"{part.cte} SELECT e.uid FROM {part.source} WHERE e.account_id = ? AND e.mailbox_id = ?"
            f" AND {part.condition}"
            " AND e.modseq > ? ORDER BY e.uid",
            account_id,
            mailbox_id,
            *part.params,
            unchanged_since,
        )
        found += ranges_of(chain.from_iterable(rows))
    return joined(found)
