"""Messages get another place or leave: COPY, MOVE, EXPUNGE.

Not here: the rows (`mailbox.transfer`, `mailbox.expunge`). Source: RFC 9051 §6.4.3, §6.4.7 to §6.4.9, §7.1 (COPYUID);
RFC 4314 §4. Invariant:
what the client is told of the expunges comes from the change log, at the end of the command.
"""

from collections.abc import Sequence

from postier.imap.commands.copy import Copy
from postier.imap.commands.expunge import Expunge
from postier.imap.flags import SEEN
from postier.imap.refusals import no
from postier.imap.responses import TRYCREATE, copy_uid, untagged_ok
from postier.imap.rights import Right
from postier.imap.sets import contains
from postier.mailbox import expunge as expunging
from postier.mailbox.flags import ALL_BITS, StoreMode, permitted_flags, store_flags
from postier.mailbox.refusals import MailboxRefusedError, Refusal
from postier.mailbox.rights import Place, enter
from postier.mailbox.seen import see, seen_by
from postier.mailbox.transfer import Transferred, copy_messages, move_messages
from postier.mta.sieving.events import Cause
from postier.mta.sieving.pending_events import Watch, write_down
from postier.servers.imap import events
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.selected import uid_ranges, uids_of
from postier.servers.imap.transfer_across import transfer_across
from postier.store.transaction import ReadTx, WriteTx
from postier.store.uid_ranges import UidRange, ranges_of

INLINE_MESSAGES = 2_000  # more are changed beside the loop


def target(tx: ReadTx, account_id: int, name: str) -> Place:
    """The mailbox that takes messages. Raises MailboxRefusedError."""
    return enter(tx, account_id, name, actor_id=account_id, right=Right.INSERT)


async def copy(connection: Connection, command: Copy) -> Done:
    """COPY and MOVE, by number or UID."""
    selected, store = connection.opened(), connection.store
    chosen = await selected.choose(store, command.messages, is_uid=command.is_uid)
    verb = "MOVE" if command.is_move else "COPY"
    ranges = uid_ranges(chosen, selected.view.uids)
    if command.is_move:  # RFC 6851 §5
        selected.place.require(Right.DELETE_MESSAGE)
        selected.place.require(Right.EXPUNGE)
    try:
        to, watch, done = await _transferred(connection, ranges, len(chosen.uids), command)
    except MailboxRefusedError as refusal:
        if refusal.refusal is Refusal.NONEXISTENT:
            raise no("No such mailbox", TRYCREATE) from None  # RFC 9051 §6.4.7
        raise
    if not done.source_ranges:
        return Done(f"{verb} completed; there was nothing to do")
    copies = uids_of(done.target_ranges)
    code = copy_uid(done.uidvalidity, uids_of(done.source_ranges), copies)
    events.note(connection, watch, Cause.COPY, (to.account_id, to.mailbox_id), done.modseq, copies)
    if not command.is_move:
        return Done("COPY completed", code)
    connection.send(untagged_ok("Moved", code))  # RFC 9051 §6.4.8: before the EXPUNGE lines
    return Done("MOVE completed", tells_modseq=True)  # RFC 6851 §4.4


async def _transferred(
    connection: Connection, ranges: Sequence[UidRange], count: int, command: Copy
) -> tuple[Place, Watch | None, Transferred]:
    selected, store = connection.opened(), connection.store
    place = await store.read(target, connection.account_id, command.mailbox)
    watch = await events.watch_of(connection, place.account_id)
    if selected.account_id != place.account_id:
        done = await transfer_across(
            connection, selected.place, ranges, place, watch, is_move=command.is_move
        )
        return place, watch, done
    write = store.write if count <= INLINE_MESSAGES else store.write_bulk
    to, done = await write(
        _transfer,
        selected.place,
        selected.reader_id,
        ranges,
        command.mailbox,
        watch,
        is_move=command.is_move,
    )
    return to, watch, done


async def expunge(connection: Connection, command: Expunge) -> Done:
    """EXPUNGE and UID EXPUNGE."""
    selected, store = connection.opened(), connection.store
    selected.place.require(Right.EXPUNGE)
    ranges: Sequence[UidRange] | None = None
    if command.messages is not None:
        chosen = await selected.choose(store, command.messages, is_uid=True)
        ranges = uid_ranges(chosen, selected.view.uids)
    write = store.write if selected.view.exists <= INLINE_MESSAGES else store.write_bulk
    gone = await write(expunging.expunge_deleted, selected.account_id, selected.mailbox_id, ranges)
    return Done("EXPUNGE completed", tells_modseq=bool(gone.ranges))  # RFC 7162 §3.2.7, §3.2.9


def _transfer(
    tx: WriteTx,
    source: Place,
    reader_id: int,
    ranges: Sequence[UidRange],
    name: str,
    watch: Watch | None,
    *,
    is_move: bool,
) -> tuple[Place, Transferred]:
    """Within one account."""
    place = target(tx, reader_id, name)
    transfer = move_messages if is_move else copy_messages
    own_seen = (
        [] if source.account_id == reader_id else seen_by(tx, source.account_id, source.mailbox_id, reader_id)
    )
    done = transfer(tx, source.account_id, source.mailbox_id, ranges, place.mailbox_id)
    if source.account_id != reader_id:
        _settle_flags(tx, place, reader_id, done, own_seen)
    there = (place.account_id, place.mailbox_id)
    write_down(tx, watch, Cause.COPY.value, there, done.modseq, uids_of(done.target_ranges))
    return place, done


def _settle_flags(
    tx: WriteTx, place: Place, reader_id: int, done: Transferred, own_seen: Sequence[UidRange]
) -> None:
    """In another's account a copy has the flags that the actor may set, and what he has seen (RFC 4314 §4)."""
    lost = ~permitted_flags(place.rights) & ~SEEN
    store_flags(tx, place.account_id, place.mailbox_id, done.target_ranges, StoreMode.REMOVE, lost & ALL_BITS)
    pairs = zip(uids_of(done.source_ranges), uids_of(done.target_ranges), strict=True)
    seen = ranges_of([to for uid, to in pairs if contains(tuple(own_seen), uid)])
    if seen and Right.SEEN in place.rights:
        see(tx, place.account_id, place.mailbox_id, reader_id, seen, is_seen=True)
