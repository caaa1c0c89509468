r"""What others than the owner have seen of a mailbox: \Seen is each reader's own.

The owner's \Seen is the flag of the entry; a reader's is a set of UIDs, one row for a mailbox, laid over the flags where they
are read (`overlaid`). Source: RFC 4314 §4 (s), RFC 7162 §3.1.4.2 (private flags). Invariants: a change of it takes a modseq
and a row of the change log as any change of flags, so that the reader's other sessions learn of it; all others are told
flags that they have already. UIDs that are gone may stay in a set: they never come back.
"""

from collections.abc import Sequence

from postier.imap.flags import SEEN
from postier.imap.sets import contains
from postier.mailbox.tally import tally
from postier.store.transaction import ReadTx, WriteTx
from postier.store.uid_ranges import UidRange, merged, parse_ranges, ranges_text, without


def seen_by(tx: ReadTx, account_id: int, mailbox_id: int, reader_id: int) -> list[UidRange]:
    """The UIDs that the reader has seen."""
    text = tx.value(
        "SELECT uids FROM seen_by WHERE account_id = ? AND mailbox_id = ? AND reader_id = ?",
        account_id,
        mailbox_id,
        reader_id,
    )
    return parse_ranges(text or "")


def see(
    tx: WriteTx, account_id: int, mailbox_id: int, reader_id: int, uids: Sequence[UidRange], *, is_seen: bool
) -> list[UidRange]:
    """Add UIDs to what the reader has seen, or take them out; returns those for which that is new. Logs nothing."""
    before = seen_by(tx, account_id, mailbox_id, reader_id)
    after = merged(before, uids) if is_seen else without(before, uids)
    tx.run(
        "INSERT INTO seen_by (account_id, mailbox_id, reader_id, uids) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account_id, mailbox_id, reader_id) DO UPDATE SET uids = excluded.uids",
        account_id,
        mailbox_id,
        reader_id,
        ranges_text(after),
    )
    return without(after, before) if is_seen else without(before, after)


def overlaid(seen: Sequence[UidRange], uids: Sequence[int], flags: Sequence[int]) -> list[int]:
    """The flags of the UIDs as the reader has them."""
    ranges = tuple(seen)
    return [
        bits | SEEN if contains(ranges, uid) else bits & ~SEEN for uid, bits in zip(uids, flags, strict=True)
    ]


def unseen_by(tx: ReadTx, account_id: int, mailbox_id: int, reader_id: int) -> int:
    """How many messages the reader has not seen."""
    count = tx.value(
        "SELECT message_count FROM mailbox WHERE account_id = ? AND mailbox_id = ?", account_id, mailbox_id
    )
    seen = seen_by(tx, account_id, mailbox_id, reader_id)
    return int(count or 0) - tally(tx, account_id, mailbox_id, seen).count
