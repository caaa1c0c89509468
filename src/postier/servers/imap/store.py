"""STORE: flags change, and the client is told.

Not here: the rows (`mailbox.flags`). Source: RFC 9051 §6.4.6. Invariants: what others did before is read in the same
transaction, so the client hears of their changes and not of its own silent ones; new values are read after the change.
"""

from collections.abc import Sequence

import msgspec

from postier.imap.commands.store import FlagChange, Store
from postier.imap.fetch import FetchRows, render_columns
from postier.imap.fetch_items import Column, FetchItems
from postier.imap.flags import FlagList
from postier.imap.responses import EXPUNGEISSUED, Status
from postier.imap.view import Chosen
from postier.mailbox import ledger
from postier.mailbox.flags import FlagsStored, StoreMode, store_flags
from postier.mailbox.keywords import keyword_bits, keywords_of
from postier.mailbox.views import MailboxChanges, changes_for
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.portions import flag_rows, portions
from postier.servers.imap.selected import Selected, uid_ranges
from postier.store.transaction import WriteTx
from postier.store.uid_ranges import UidRange

INLINE_MESSAGES = 2_000  # more are changed beside the loop

_MODES = {
    FlagChange.REPLACE: StoreMode.REPLACE,
    FlagChange.ADD: StoreMode.ADD,
    FlagChange.REMOVE: StoreMode.REMOVE,
}


class Changed(msgspec.Struct, frozen=True):
    """What one transaction did: the news before it, the change itself, the keywords after it."""

    news: MailboxChanges | None
    stored: FlagsStored
    mask: int
    keywords: tuple[str, ...] | None


async def store(connection: Connection, command: Store) -> Done:
    """STORE and UID STORE."""
    selected = connection.opened()
    chosen = await selected.choose(connection.store, command.messages, is_uid=command.is_uid)
    if not chosen.uids:
        return Done("STORE completed; there was nothing to do")
    changed = await change_flags(connection, chosen, command.change, command.flags)
    connection.send(await selected.flush(connection.store, may_expunge=False))
    if command.is_silent:
        return Done("STORE completed")
    columns = (Column.UID, Column.FLAGS) if command.is_uid else (Column.FLAGS,)
    items = FetchItems(columns)
    told = 0
    for portion in portions(chosen):
        uids: Sequence[int] = portion.uids
        seqs: Sequence[int] = portion.seqs
        bits: Sequence[int] = [changed.mask] * len(portion.uids)
        if command.change is not FlagChange.REPLACE:
            uids, seqs, bits = await flag_rows(connection, portion)
        texts = selected.view.flags_of(uids, bits)
        connection.send(render_columns(items, FetchRows(seqs, uids, texts)))
        await connection.drain()
        told += len(uids)
    if told < len(chosen.uids) and not command.is_uid:
        return Done("Some of the messages no longer exist", EXPUNGEISSUED, Status.NO)  # RFC 2180 §4.2
    return Done("STORE completed")


async def change_flags(
    connection: Connection, chosen: Chosen, change: FlagChange, flags: FlagList
) -> Changed:
    """Change flags in one write; what others did before is noted in the view, what this does is not."""
    selected, base = connection.opened(), connection.store
    write = base.write if len(chosen.uids) <= INLINE_MESSAGES else base.write_bulk
    ranges = uid_ranges(chosen, selected.view.uids)
    mode = _MODES[change]
    changed = await write(
        _change, selected.account_id, selected.mailbox_id, selected.modseq, ranges, mode, flags
    )
    _take(selected, changed, ranges, mode)
    return changed


def _change(
    tx: WriteTx,
    account_id: int,
    mailbox_id: int,
    since_modseq: int,
    ranges: Sequence[UidRange],
    mode: StoreMode,
    flags: FlagList,
) -> Changed:
    ledger.lock(tx, account_id)
    news = changes_for(tx, account_id, mailbox_id, since_modseq)
    mask, keywords = flags.system, None
    if flags.keywords:
        create = mode is not StoreMode.REMOVE
        mask |= keyword_bits(tx, account_id, flags.keywords, create=create)
    if flags.keywords or (news is not None and news.flags):
        keywords = keywords_of(tx, account_id)
    return Changed(news, store_flags(tx, account_id, mailbox_id, ranges, mode, mask), mask, keywords)


def _take(selected: Selected, changed: Changed, ranges: Sequence[UidRange], mode: StoreMode) -> None:
    news = changed.news
    if news is not None and news.flags:
        # a message that others changed as well is told of, with what it has now
        news = msgspec.structs.replace(
            news,
            flags=[
                (uid, _after(bits, mode, changed.mask) if _is_in(ranges, uid) else bits)
                for uid, bits in news.flags
            ],
        )
    selected.take(news)
    selected.modseq = changed.stored.modseq
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


def _is_in(ranges: Sequence[UidRange], uid: int) -> bool:
    return any(first <= uid <= last for first, last in ranges)
