"""Reading a mailbox: opening it, its UIDs and flags, the columns that FETCH answers from.

Not here: contents (`store.read_blob` with `message_blob`), the session's view. Source: DESIGN §9. Invariant: rows are
ordered by UID. Callers read many rows in portions, between which the loop lives (`uid_portions`).
"""

import enum
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from postier.imap.rights import ALL_RIGHTS, Right
from postier.mailbox.keywords import keywords_of
from postier.mailbox.refusals import no_such_mailbox
from postier.mailbox.rights import enter
from postier.mailbox.tally import selections
from postier.store.blobs import BlobId
from postier.store.changes import expunged_since
from postier.store.transaction import ReadTx, Row, WriteTx
from postier.store.uid_ranges import UidRange, without

_NUMBERS = msgspec.json.Decoder(list[int])

PORTION_UIDS = 2_000  # rows read and sent at a time; some 4 ms with ENVELOPE and BODYSTRUCTURE


class MailboxState(msgspec.Struct, frozen=True):
    r"""What SELECT tells; `modseq` is the account's, from which `views.changes_for` goes on.

    Messages from `recent_uid` on are \Recent to the next session that selects (`claim_recent`).
    """

    account_id: int  # the owner's
    mailbox_id: int
    name: str
    uidvalidity: int
    uidnext: int
    message_count: int
    unseen_count: int
    deleted_count: int
    size_bytes: int
    recent_uid: int
    highest_modseq: int
    special_use: str | None
    modseq: int
    keywords: tuple[str, ...]
    rights: frozenset[Right] = ALL_RIGHTS


class Column(enum.Enum):
    """What can be read of a message; the first group needs no look-up of the email."""

    UID = "e.uid"
    FLAGS = "e.flags"
    MODSEQ = "e.modseq"
    EMAIL_ID = "e.email_id"
    SAVED_AT = "e.saved_at"
    RECEIVED_AT = "e.received_at"
    SIZE_BYTES = "e.size_bytes"
    BLOB_ID = "m.blob_id"
    HEADER_BYTES = "m.header_bytes"
    SENT_AT = "m.sent_at"
    SENT_ZONE_MINUTES = "m.sent_zone_minutes"
    THREAD_ID = "m.thread_id"
    MESSAGE_ID = "m.message_id"
    PREVIEW = "m.preview"
    HAS_ATTACHMENT = "m.has_attachment"
    ENVELOPE = "m.envelope"
    BODYSTRUCTURE = "m.bodystructure"
    PARTS = "m.parts"


def open_mailbox(
    tx: ReadTx, account_id: int, name: str, *, actor_id: int, right: Right = Right.READ
) -> MailboxState:
    """Open a mailbox by its name, if `actor_id` (the account logged in) has the right.

    Raises MailboxRefusedError, the same for a mailbox that does not exist and for one that is another's.
    """
    place = enter(tx, account_id, name, actor_id=actor_id, right=right)
    row = tx.row(
        "SELECT m.account_id, m.mailbox_id, m.name, m.uidvalidity, m.uidnext, m.message_count, m.unseen_count, m.deleted_count,"
        " m.size_bytes, m.recent_uid, m.highest_modseq, m.special_use, a.modseq"
        " FROM mailbox m JOIN account a ON a.account_id = m.account_id WHERE m.account_id = ? AND m.mailbox_id = ?",
        place.account_id,
        place.mailbox_id,
    )
    if row is None:
        raise no_such_mailbox()
    return MailboxState(*(*row, keywords_of(tx, place.account_id), place.rights))


def claim_recent(tx: WriteTx, account_id: int, mailbox_id: int) -> int:
    r"""The first UID that is \Recent to this session; no other session is told so of these (RFC 3501 §2.3.2)."""
    recent_uid = tx.value(
        "SELECT recent_uid FROM mailbox WHERE account_id = ? AND mailbox_id = ?", account_id, mailbox_id
    )
    if recent_uid is None:
        raise no_such_mailbox()
    tx.run(
        "UPDATE mailbox SET recent_uid = uidnext WHERE account_id = ? AND mailbox_id = ? AND recent_uid < uidnext",
        account_id,
        mailbox_id,
    )
    return int(recent_uid)


def uids_at(tx: ReadTx, account_id: int, mailbox_id: int, uidnext: int, modseq: int) -> "array[int] | None":
    """The UIDs, ascending, that a session believes in that saw `uidnext` when the account was at `modseq`.

    Present ones below `uidnext`, and those expunged after `modseq`; so a view can be loaded late and still be exact. None if the
    mailbox is gone.
    """
    row = tx.row(
        "SELECT message_count, uidnext, highest_modseq FROM mailbox WHERE account_id = ? AND mailbox_id = ?",
        account_id,
        mailbox_id,
    )
    if row is None:
        return None
    if row[1] == uidnext and row[0] == uidnext - 1 and row[2] <= modseq:
        return array("I", range(1, uidnext))  # none ever left
    rows = tx.rows(
        "SELECT uid FROM entry WHERE account_id = ? AND mailbox_id = ? AND uid < ? ORDER BY uid",
        account_id,
        mailbox_id,
        uidnext,
    )
    uids = array("I", chain.from_iterable(rows))
    if row[2] <= modseq:
        return uids
    gone = expunged_since(tx, account_id, mailbox_id, modseq)
    believed = without(gone, [(uidnext, 2**32)])
    if not believed:
        return uids
    return array("I", sorted([*uids, *(uid for first, last in believed for uid in range(first, last + 1))]))


def uid_flags(
    tx: ReadTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange]
) -> list[tuple[int, int]]:
    """(UID, flags) of the entries in `ranges`."""
    return fetch_columns(tx, account_id, mailbox_id, ranges, (Column.UID, Column.FLAGS))


def flags_in(tx: ReadTx, account_id: int, mailbox_id: int, ranges: Sequence[UidRange]) -> list[int]:
    """The flags of the entries in `ranges`, for a caller who knows the UIDs.

    The engine joins them to one text: measured, that and reading the text cost half of what a row for each costs.
    """
    flags: list[int] = []
    for part in selections(ranges):
        text = tx.value(
            f"{part.cte} SELECT string_agg(CAST(flags AS TEXT), ',') FROM (SELECT e.flags FROM {part.source}"
            f" WHERE e.account_id = ? AND e.mailbox_id = ? AND {part.condition} ORDER BY e.uid) AS ordered",
            account_id,
            mailbox_id,
            *part.params,
        )
        if text is not None:
            flags += _NUMBERS.decode(f"[{text}]")
    return flags


def fetch_columns(
    tx: ReadTx,
    account_id: int,
    mailbox_id: int,
    ranges: Sequence[UidRange],
    columns: Sequence[Column],
) -> list[Row]:
    """The columns, in the order asked, of the entries in `ranges`."""
    names = [column.value for column in columns]
    join = (
        " JOIN email m ON m.account_id = e.account_id AND m.email_id = e.email_id"
        if any(name.startswith("m.") for name in names)
        else ""
    )
    rows: list[Row] = []
    for part in selections(ranges):
        rows += tx.rows(
            f"{part.cte} SELECT {', '.join(names)} FROM {part.source}{join} WHERE e.account_id = ? AND e.mailbox_id = ?"
            f" AND {part.condition} ORDER BY e.uid",
            account_id,
            mailbox_id,
            *part.params,
        )
    return rows


def uid_portions(uids: Sequence[int], size: int = PORTION_UIDS) -> Iterator[list[UidRange]]:
    """Ascending UIDs as one range each for `size` of them; for sets that are dense (a whole view)."""
    for start in range(0, len(uids), size):
        yield [(uids[start], uids[min(start + size, len(uids)) - 1])]


def message_blob(tx: ReadTx, account_id: int, mailbox_id: int, uid: int) -> BlobId | None:
    """The content's id, for `store.read_blob`; None if there is no such message."""
    blob_id = tx.value(
        "SELECT m.blob_id FROM entry e JOIN email m ON m.account_id = e.account_id AND m.email_id = e.email_id"
        " WHERE e.account_id = ? AND e.mailbox_id = ? AND e.uid = ?",
        account_id,
        mailbox_id,
        uid,
    )
    return None if blob_id is None else BlobId(blob_id)
