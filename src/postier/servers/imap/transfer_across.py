r"""COPY and MOVE between mailboxes of different owners: the messages are filed anew.

Not here: copies within one account (`mailbox.transfer`). Source: RFC 9051 §6.4.7, §6.4.8; RFC 4314 §4. Invariants: a command
copies all its messages or none, a move takes MAX_FILED_AT_ONCE in one write (RFC 6851 §3.3: it may end on the way); what is filed has the flags that the actor sees, as far as he may set
them; his \Seen becomes the flag in a mailbox of his own, and his own mark in another's.
"""

from collections.abc import AsyncIterator, Sequence

import msgspec

from postier.imap.flags import SEEN, SYSTEM_MASK, flag_names
from postier.imap.refusals import no
from postier.imap.responses import UNAVAILABLE, message_limit
from postier.mailbox import ledger
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.filing import MAX_FILED_AT_ONCE, Filed, Letter, file_messages
from postier.mailbox.flags import permitted_flags
from postier.mailbox.keywords import keyword_bits, keywords_of
from postier.mailbox.reading import Column, fetch_columns
from postier.mailbox.rights import Place
from postier.mailbox.seen import overlaid, see, seen_by
from postier.mailbox.transfer import Transferred
from postier.mime.index import MessageIndex, index_message
from postier.mta.sieving.events import Cause
from postier.mta.sieving.pending_events import Watch, write_down
from postier.servers.imap.connection import Connection
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, WriteTx
from postier.store.uid_ranges import UidRange, ranges_of

_COLUMNS = (Column.UID, Column.FLAGS, Column.RECEIVED_AT, Column.SIZE_BYTES, Column.BLOB_ID)
BATCH = 50  # contents held at a time


class Original(msgspec.Struct, frozen=True):
    """A message as the actor sees it, and what filing needs of it."""

    uid: int
    system_flags: int
    keywords: tuple[str, ...]
    received_at_us: int
    size_bytes: int
    blob_id: BlobId


async def transfer_across(
    connection: Connection,
    source: Place,
    ranges: Sequence[UidRange],
    target: Place,
    watch: Watch | None,
    *,
    is_move: bool,
) -> AsyncIterator[Transferred]:
    """Copy messages in one write, or move them in as many as it takes. Raises PeerError, MailboxRefusedError, StoreError."""
    originals = await connection.store.read_bulk(_originals, source, connection.account_id, ranges)
    limit = connection.save_limit
    if not is_move and len(originals) > limit:
        text = f"At most {limit} messages at once into another account"
        raise no(text, message_limit(limit, originals[-limit].uid))
    for start in range(0, len(originals), MAX_FILED_AT_ONCE):
        part = originals[start : start + MAX_FILED_AT_ONCE]
        yield await _transferred(connection, source, target, part, watch, is_move=is_move)


async def _transferred(
    connection: Connection,
    source: Place,
    target: Place,
    originals: Sequence[Original],
    watch: Watch | None,
    *,
    is_move: bool,
) -> Transferred:
    store, reader_id = connection.store, connection.account_id
    indexes: list[MessageIndex] = []
    for start in range(0, len(originals), BATCH):
        contents = await store.read_blobs([one.blob_id for one in originals[start : start + BATCH]])
        for content in contents:
            if content is None:
                raise no("Some of the messages can't be read now", UNAVAILABLE)
            indexes.append(index_message(content))
        await connection.drain()
    return await store.write_bulk(
        _file, source, target, reader_id, originals, indexes, watch, is_move=is_move
    )


def _originals(tx: ReadTx, source: Place, reader_id: int, ranges: Sequence[UidRange]) -> list[Original]:
    rows = fetch_columns(tx, source.account_id, source.mailbox_id, ranges, _COLUMNS)
    bits = [row[1] for row in rows]
    if source.account_id != reader_id:
        seen = seen_by(tx, source.account_id, source.mailbox_id, reader_id)
        bits = overlaid(seen, [row[0] for row in rows], bits)
    keywords = keywords_of(tx, source.account_id)
    return [
        Original(
            row[0],
            flags & SYSTEM_MASK,
            tuple(flag_names(flags & ~SYSTEM_MASK, keywords)),
            row[2],
            row[3],
            BlobId(row[4]),
        )
        for row, flags in zip(rows, bits, strict=True)
    ]


def _file(
    tx: WriteTx,
    source: Place,
    target: Place,
    reader_id: int,
    originals: Sequence[Original],
    indexes: Sequence[MessageIndex],
    watch: Watch | None,
    *,
    is_move: bool,
) -> Transferred:
    for account_id in sorted({source.account_id, target.account_id}):
        ledger.lock(tx, account_id)
    there = {
        uid
        for (uid,) in fetch_columns(
            tx,
            source.account_id,
            source.mailbox_id,
            ranges_of([one.uid for one in originals]),
            (Column.UID,),
        )
    }
    kept = [(one, index) for one, index in zip(originals, indexes, strict=True) if one.uid in there]
    letters = [
        Letter(
            index,
            one.blob_id,
            one.size_bytes,
            one.received_at_us,
            flags_in_target(tx, target, reader_id, one.system_flags, one.keywords),
        )
        for one, index in kept
    ]
    filed = file_messages(tx, target.account_id, target.mailbox_id, letters)
    mark_seen(tx, target, reader_id, filed, [one.system_flags for one, _ in kept])
    uids = ranges_of([one.uid for one, _ in kept])
    modseq = filed[-1].modseq if filed else 0
    if is_move and uids:
        expunge_uids(tx, source.account_id, source.mailbox_id, uids)
    uidvalidity = tx.value(
        "SELECT uidvalidity FROM mailbox WHERE account_id = ? AND mailbox_id = ?",
        target.account_id,
        target.mailbox_id,
    )
    copies = [one.uid for one in filed]
    place = (target.account_id, target.mailbox_id)
    write_down(tx, watch, Cause.COPY.value, place, modseq, copies)
    return Transferred(uidvalidity, uids, ranges_of(copies), modseq)


def flags_in_target(
    tx: WriteTx, target: Place, reader_id: int, system_flags: int, keywords: Sequence[str]
) -> int:
    r"""The bits that are stored with a new message (RFC 4314 §4); in another's mailbox \Seen is none of them."""
    permitted = permitted_flags(target.rights)
    bits = system_flags & permitted
    if keywords and permitted & ~SYSTEM_MASK:
        bits |= keyword_bits(tx, target.account_id, keywords)
    return bits if target.account_id == reader_id else bits & ~SEEN


def mark_seen(
    tx: WriteTx, target: Place, reader_id: int, filed: Sequence[Filed], system_flags: Sequence[int]
) -> None:
    r"""In another's mailbox the reader's \Seen is his own."""
    if target.account_id != reader_id and permitted_flags(target.rights) & SEEN:
        uids = [one.uid for one, flags in zip(filed, system_flags, strict=True) if flags & SEEN]
        if uids:
            see(tx, target.account_id, target.mailbox_id, reader_id, ranges_of(uids), is_seen=True)
