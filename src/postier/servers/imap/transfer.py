"""Messages get another place or leave: COPY, MOVE, EXPUNGE.

Not here: the rows (`mailbox.transfer`, `mailbox.expunge`). Source: RFC 9051 §6.4.3, §6.4.7 to §6.4.9, §7.1 (COPYUID);
RFC 4314 §4. Invariant:
what the client is told of the expunges comes from the change log, at the end of the command.
"""

from array import array
from collections.abc import Sequence
from itertools import chain

from postier.imap.commands.copy import Copy
from postier.imap.commands.expunge import Expunge
from postier.imap.flags import SEEN
from postier.imap.refusals import no
from postier.imap.responses import TRYCREATE, ResponseCode, copy_uid, untagged_ok
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
from postier.servers.imap import events, message_limit
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
    verb, lowest = "MOVE" if command.is_move else "COPY", 0
    if command.is_move:  # RFC 6851 §5
        selected.place.require(Right.DELETE_MESSAGE)
        selected.place.require(Right.EXPUNGE)
        chosen, lowest = message_limit.within(connection, chosen)
    else:
        message_limit.require_within(connection, chosen, verb)
    ranges = uid_ranges(chosen, selected.view.uids)
    done: list[Transferred] = []
    try:
        await _transfer_all(connection, ranges, len(chosen.uids), command, done)
    except MailboxRefusedError as refusal:
        if refusal.refusal is Refusal.NONEXISTENT:
            raise no("No such mailbox", TRYCREATE) from None  # RFC 9051 §6.4.7
        raise
    finally:
        code = _copy_uid(done)
        if command.is_move and code is not None:
            connection.send(untagged_ok("Moved", code))  # RFC 9051 §6.4.8: before the EXPUNGE lines
    if code is None:
        return Done(f"{verb} completed; there was nothing to do")
    if not command.is_move:
        return Done("COPY completed", code)
    return message_limit.ended(connection, Done("MOVE completed", tells_modseq=True), lowest)  # RFC 6851 §4.4


def _copy_uid(done: Sequence[Transferred]) -> ResponseCode | None:
    """COPYUID of all of them; None if nothing was transferred."""
    source = array("I", chain.from_iterable([uids_of(each.source_ranges) for each in done]))
    copies = array("I", chain.from_iterable([uids_of(each.target_ranges) for each in done]))
    return copy_uid(done[0].uidvalidity, source, copies) if source else None


async def _transfer_all(
    connection: Connection, ranges: Sequence[UidRange], count: int, command: Copy, done: list[Transferred]
) -> None:
    """Copy or move; `done` gets what each write did, also when a later one fails. Raises PeerError, MailboxRefusedError, StoreError."""
    selected, store = connection.opened(), connection.store
    place = await store.read(target, connection.account_id, command.mailbox)
    watch = await events.watch_of(connection, place.account_id)
    if selected.account_id == place.account_id:
        write = store.write if count <= INLINE_MESSAGES else store.write_bulk
        place, transferred = await write(
            _transfer,
            selected.place,
            selected.reader_id,
            ranges,
            command.mailbox,
            watch,
            is_move=command.is_move,
        )
        _note(connection, watch, place, transferred, done)
        return
    across = transfer_across(connection, selected.place, ranges, place, watch, is_move=command.is_move)
    async for transferred in across:
        _note(connection, watch, place, transferred, done)


def _note(
    connection: Connection,
    watch: Watch | None,
    place: Place,
    transferred: Transferred,
    done: list[Transferred],
) -> None:
    done.append(transferred)
    if transferred.target_ranges:
        copies = uids_of(transferred.target_ranges)
        there = (place.account_id, place.mailbox_id)
        events.note(connection, watch, Cause.COPY, there, transferred.modseq, copies)


async def expunge(connection: Connection, command: Expunge) -> Done:
    """EXPUNGE and UID EXPUNGE."""
    selected, store = connection.opened(), connection.store
    selected.place.require(Right.EXPUNGE)
    ranges: Sequence[UidRange] | None = None
    if command.messages is not None:
        chosen = await selected.choose(store, command.messages, is_uid=True)
        ranges = uid_ranges(chosen, selected.view.uids)
    write = store.write if selected.view.exists <= INLINE_MESSAGES else store.write_bulk
    # RFC 9738 §3.1: EXPUNGE has no limit
    at_most = 0 if ranges is None else connection.owner.settings.message_limit
    gone = await write(
        expunging.expunge_deleted, selected.account_id, selected.mailbox_id, ranges, at_most=at_most
    )
    done = Done("EXPUNGE completed", tells_modseq=bool(gone.ranges))  # RFC 7162 §3.2.7, §3.2.9
    return message_limit.ended(connection, done, gone.ranges[0][0] if gone.kept else 0)


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
