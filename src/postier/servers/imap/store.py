"""STORE: flags change, and the client is told.

Not here: the rows (`mailbox.flags`). Source: RFC 9051 §6.4.6; RFC 7162 §3.1.3, §3.2.4. Mod-sequences are of whole messages, so
UNCHANGEDSINCE fails for any change of a message (RFC 7162 §3.1.12 is an optimisation that needs one for each flag). Invariants: what others did before is read in the same
transaction, so the client hears of their changes and not of its own silent ones; so are the new values.
"""

import enum
from array import array
from collections.abc import Mapping, Sequence

import msgspec

from postier.imap.commands.store import FlagChange, Store
from postier.imap.fetch import FetchRows, render_columns
from postier.imap.fetch_items import Column, FetchItems
from postier.imap.flags import FlagList
from postier.imap.responses import EXPUNGEISSUED, Status, modified
from postier.imap.rights import Right
from postier.imap.sets import contains, set_text
from postier.imap.view import Chosen
from postier.mailbox import ledger, reading
from postier.mailbox.flags import FlagsStored, StoreMode, store_flags, store_flags_as
from postier.mailbox.keywords import keyword_bits, keywords_of
from postier.mailbox.reading import fetch_columns
from postier.mailbox.rights import Place
from postier.mailbox.seen import overlaid, seen_by
from postier.mailbox.views import MailboxChanges, changes_for
from postier.mta.sieving.events import Cause
from postier.mta.sieving.pending_events import Watch, write_down
from postier.servers.imap import condstore, events, message_limit
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.portions import PORTION
from postier.servers.imap.selected import Selected, uid_ranges, uids_of
from postier.store.transaction import ReadTx, WriteTx
from postier.store.uid_ranges import UidRange, ranges_of

INLINE_MESSAGES = 2_000  # more are changed beside the loop

_MODES = {
    FlagChange.REPLACE: StoreMode.REPLACE,
    FlagChange.ADD: StoreMode.ADD,
    FlagChange.REMOVE: StoreMode.REMOVE,
}
_NONE = array("I")
_TOLD = (reading.Column.UID, reading.Column.FLAGS, reading.Column.MODSEQ)


class Reads(enum.Enum):
    """What is read of the messages after the change."""

    NOTHING = "nothing"
    FLAGS = "flags"
    MODSEQ = "flags and modseq"


class Changed(msgspec.Struct, frozen=True):
    """What one transaction did: the news before it, the change itself, the keywords, and what is told of it."""

    news: MailboxChanges | None
    stored: FlagsStored
    keywords: tuple[str, ...] | None
    mask: int
    uids: "array[int]" = _NONE
    bits: Sequence[int] = ()
    modseqs: Sequence[int] = ()


async def store(connection: Connection, command: Store) -> Done:
    """STORE and UID STORE."""
    selected = connection.opened()
    if command.unchanged_since is not None:
        condstore.client_knows(connection)
    chosen = await selected.choose(connection.store, command.messages, is_uid=command.is_uid)
    if not chosen.uids:
        return Done("STORE completed; there was nothing to do")
    chosen, lowest = message_limit.within(connection, chosen)
    done = await _store(connection, command, chosen, newest_first=lowest > 0)
    return message_limit.ended(connection, done, lowest)


async def _store(connection: Connection, command: Store, chosen: Chosen, *, newest_first: bool) -> Done:
    selected, with_modseq = connection.opened(), connection.session.knows_modseq
    reads = Reads.NOTHING
    if not command.is_silent or command.unchanged_since is not None:
        reads = Reads.MODSEQ if with_modseq else Reads.FLAGS
    changed = await change_flags(
        connection,
        chosen,
        command.change,
        command.flags,
        reads=reads,
        unchanged_since=command.unchanged_since,
    )
    connection.send(await selected.flush(connection.store, may_expunge=False))
    if reads is Reads.NOTHING:
        if with_modseq:  # RFC 7162 §3.1.4.2 example 14: also .SILENT tells the mod-sequence
            uids = uids_of(changed.stored.changed)
            named = Chosen(uids, selected.view.seqs_of(uids))
            modseqs = [changed.stored.modseq] * len(uids)
            await _tell(connection, named, (), modseqs, is_uid=True, newest_first=newest_first)
        return Done("STORE completed")
    connection.send(await selected.learn_keywords(connection.store, changed.bits))
    is_whole = len(changed.uids) == len(chosen.uids)
    there = chosen if is_whole else Chosen(changed.uids, selected.view.seqs_of(changed.uids))
    await _tell_all(connection, command, changed, there, newest_first=newest_first)
    status = Status.OK if is_whole or command.is_uid else Status.NO
    text = "STORE completed" if status is Status.OK else "Some of the messages no longer exist"
    if changed.stored.modified:  # RFC 7162 §3.1.3
        kept = uids_of(changed.stored.modified)
        kept_set = set_text(kept if command.is_uid else selected.view.seqs_of(kept))
        return Done(text, modified(kept_set), status)
    return Done(text, EXPUNGEISSUED if status is Status.NO else None, status)  # RFC 2180 §4.2


async def _tell_all(
    connection: Connection, command: Store, changed: Changed, there: Chosen, *, newest_first: bool
) -> None:
    """The FETCH lines of what was asked to change; what UNCHANGEDSINCE kept is told as it is (RFC 7162 §3.1.3)."""
    if not command.is_silent or not changed.stored.modified:
        bits = () if command.is_silent else changed.bits
        await _tell(
            connection, there, bits, changed.modseqs, is_uid=command.is_uid, newest_first=newest_first
        )
        return
    kept = tuple(changed.stored.modified)
    for is_kept in (False, True):
        places = [place for place, uid in enumerate(there.uids) if contains(kept, uid) is is_kept]
        await _tell(
            connection,
            Chosen(
                array("I", [there.uids[place] for place in places]), [there.seqs[place] for place in places]
            ),
            [changed.bits[place] for place in places] if is_kept else (),
            [changed.modseqs[place] for place in places],
            is_uid=True,
            newest_first=newest_first,
        )


async def _tell(
    connection: Connection,
    there: Chosen,
    bits: Sequence[int],
    modseqs: Sequence[int],
    *,
    is_uid: bool,
    newest_first: bool,
) -> None:
    """FETCH lines with what is given; with mod-sequences there is always the UID (RFC 7162 §3.2.4)."""
    view = connection.opened().view
    columns = [Column.UID] if is_uid or modseqs else []
    if bits:
        columns.append(Column.FLAGS)
    if modseqs:
        columns.append(Column.MODSEQ)
    items = FetchItems(tuple(columns))
    starts = range(0, len(there.uids), PORTION)
    for start in reversed(starts) if newest_first else starts:
        part = slice(start, start + PORTION)
        texts = view.flags_of(there.uids[part], bits[part]) if bits else ()
        rows = FetchRows(
            there.seqs[part], there.uids[part], texts, modseqs=modseqs[part], uid_only=view.uid_only
        )
        connection.send(render_columns(items, rows.turned() if newest_first else rows))
        await connection.drain()


async def change_flags(
    connection: Connection,
    chosen: Chosen,
    change: FlagChange,
    flags: FlagList,
    *,
    reads: Reads = Reads.NOTHING,
    unchanged_since: int | None = None,
) -> Changed:
    """Change flags in one write; what others did before is noted in the view, what this does is not."""
    selected, base = connection.opened(), connection.store
    write = base.write if len(chosen.uids) <= INLINE_MESSAGES else base.write_bulk
    ranges = uid_ranges(chosen, selected.view.uids)
    watch = await events.watch_of(connection, selected.account_id)
    before = await events.flags_before(connection, watch, ranges)
    changed = await write(
        _change,
        selected.place,
        selected.reader_id,
        selected.modseq,
        ranges,
        _MODES[change],
        flags,
        chosen.uids,
        reads=reads,
        unchanged_since=unchanged_since,
        watch=watch,
        before=before,
    )
    _take(selected, changed, _MODES[change])
    if before is not None:
        changed_uids = uids_of(changed.stored.changed)
        place = (selected.account_id, selected.mailbox_id)
        events.note(connection, watch, Cause.FLAG, place, changed.stored.modseq, changed_uids, before)
    return changed


def _change(
    tx: WriteTx,
    place: Place,
    reader_id: int,
    since_modseq: int,
    ranges: Sequence[UidRange],
    mode: StoreMode,
    flags: FlagList,
    uids: "array[int]",
    *,
    reads: Reads,
    unchanged_since: int | None,
    watch: Watch | None,
    before: Mapping[int, int] | None,
) -> Changed:
    account_id, mailbox_id = place.account_id, place.mailbox_id
    is_foreign = account_id != reader_id
    ledger.lock(tx, account_id)
    news = changes_for(tx, account_id, mailbox_id, since_modseq)
    mask, keywords = flags.system, None
    if flags.keywords and Right.WRITE in place.rights:
        mask |= keyword_bits(tx, account_id, flags.keywords, create=mode is not StoreMode.REMOVE)
    if flags.keywords or (news is not None and news.flags):
        keywords = keywords_of(tx, account_id)
    if is_foreign:
        stored = store_flags_as(tx, place, reader_id, ranges, mode, mask, unchanged_since=unchanged_since)
        if news is not None and news.flags:  # told with what they have now, the reader's own \\Seen among it
            named = ranges_of([uid for uid, _, _ in news.flags])
            news = msgspec.structs.replace(news, flags=_own_rows(tx, place, reader_id, named))
    else:
        stored = store_flags(
            tx,
            account_id,
            mailbox_id,
            ranges,
            mode,
            mask,
            unchanged_since=unchanged_since,
            uids=uids if reads is Reads.FLAGS else (),
        )
    if before is not None:
        there, changed_uids = (account_id, mailbox_id), uids_of(stored.changed)
        write_down(tx, watch, Cause.FLAG.value, there, stored.modseq, changed_uids, before)
    if reads is Reads.NOTHING:
        return Changed(news, stored, keywords, mask)
    if stored.flags is not None:
        return Changed(news, stored, keywords, mask, uids, stored.flags)
    # Read here, where the pages are at hand: another connection to the database would read them all again.
    rows = _own_rows(tx, place, reader_id, ranges)
    uids = array("I", [uid for uid, _, _ in rows])
    modseqs = [modseq for _, _, modseq in rows] if reads is Reads.MODSEQ else ()
    return Changed(news, stored, keywords, mask, uids, [flags for _, flags, _ in rows], modseqs)


def _own_rows(
    tx: ReadTx, place: Place, reader_id: int, ranges: Sequence[UidRange]
) -> list[tuple[int, int, int]]:
    """(UID, flags as the reader has them, modseq)."""
    rows = fetch_columns(tx, place.account_id, place.mailbox_id, ranges, _TOLD)
    if place.account_id == reader_id:
        return [*rows]
    seen = seen_by(tx, place.account_id, place.mailbox_id, reader_id)
    own = overlaid(seen, [uid for uid, _, _ in rows], [flags for _, flags, _ in rows])
    return [(uid, flags, modseq) for (uid, _, modseq), flags in zip(rows, own, strict=True)]


def _take(selected: Selected, changed: Changed, mode: StoreMode) -> None:
    news, stored = changed.news, changed.stored
    if news is not None and news.flags and not selected.is_foreign:
        # a message that others changed as well is told of, with what it has now
        ours = tuple(stored.changed)
        news = msgspec.structs.replace(
            news,
            flags=[
                (uid, _after(bits, mode, changed.mask), stored.modseq)
                if contains(ours, uid)
                else (uid, bits, modseq)
                for uid, bits, modseq in news.flags
            ],
        )
    selected.take(news)
    selected.modseq = stored.modseq
    if stored.changed:
        selected.highest_modseq = stored.modseq
    if changed.keywords is not None:
        selected.view.note_keywords(changed.keywords)


def _after(bits: int, mode: StoreMode, mask: int) -> int:
    match mode:
        case StoreMode.ADD:
            return bits | mask
        case StoreMode.REMOVE:
            return bits & ~mask
        case StoreMode.REPLACE:
            return mask
