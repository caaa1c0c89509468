"""STORE: flags change, and the client is told.

Not here: the rows (`mailbox.flags`). Source: RFC 9051 §6.4.6. Invariants: what others did before is read in the same
transaction, so the client hears of their changes and not of its own silent ones; so are the new values.
"""

from array import array
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
from postier.mailbox.reading import uid_flags
from postier.mailbox.views import MailboxChanges, changes_for
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.portions import PORTION
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
    """What one transaction did: the news before it, the change itself, the keywords, UIDs and flags after it."""

    news: MailboxChanges | None
    stored: FlagsStored
    keywords: tuple[str, ...] | None
    mask: int
    uids: Sequence[int] = ()
    bits: Sequence[int] = ()


async def store(connection: Connection, command: Store) -> Done:
    """STORE and UID STORE."""
    selected = connection.opened()
    chosen = await selected.choose(connection.store, command.messages, is_uid=command.is_uid)
    if not chosen.uids:
        return Done("STORE completed; there was nothing to do")
    changed = await change_flags(
        connection, chosen, command.change, command.flags, reads_flags=not command.is_silent
    )
    connection.send(await selected.flush(connection.store, may_expunge=False))
    if command.is_silent:
        return Done("STORE completed")
    connection.send(await selected.learn_keywords(connection.store, changed.bits))
    items = FetchItems((Column.UID, Column.FLAGS) if command.is_uid else (Column.FLAGS,))
    is_whole = len(changed.uids) == len(chosen.uids)
    seqs = chosen.seqs if is_whole else selected.view.seqs_of(changed.uids)
    for start in range(0, len(changed.uids), PORTION):
        uids = changed.uids[start : start + PORTION]
        texts = selected.view.flags_of(uids, changed.bits[start : start + PORTION])
        connection.send(render_columns(items, FetchRows(seqs[start : start + PORTION], uids, texts)))
        await connection.drain()
    if not is_whole and not command.is_uid:
        return Done("Some of the messages no longer exist", EXPUNGEISSUED, Status.NO)  # RFC 2180 §4.2
    return Done("STORE completed")


async def change_flags(
    connection: Connection, chosen: Chosen, change: FlagChange, flags: FlagList, *, reads_flags: bool = False
) -> Changed:
    """Change flags in one write; what others did before is noted in the view, what this does is not."""
    selected, base = connection.opened(), connection.store
    write = base.write if len(chosen.uids) <= INLINE_MESSAGES else base.write_bulk
    ranges = uid_ranges(chosen, selected.view.uids)
    mode = _MODES[change]
    changed = await write(
        _change,
        selected.account_id,
        selected.mailbox_id,
        selected.modseq,
        ranges,
        mode,
        flags,
        chosen.uids,
        reads_flags=reads_flags,
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
    uids: "array[int]",
    *,
    reads_flags: bool,
) -> Changed:
    ledger.lock(tx, account_id)
    news = changes_for(tx, account_id, mailbox_id, since_modseq)
    mask, keywords = flags.system, None
    if flags.keywords:
        mask |= keyword_bits(tx, account_id, flags.keywords, create=mode is not StoreMode.REMOVE)
    if flags.keywords or (news is not None and news.flags):
        keywords = keywords_of(tx, account_id)
    stored = store_flags(tx, account_id, mailbox_id, ranges, mode, mask, uids=uids if reads_flags else ())
    if not reads_flags:
        return Changed(news, stored, keywords, mask)
    if stored.flags is not None:
        return Changed(news, stored, keywords, mask, uids, stored.flags)
    # Read here, where the pages are at hand: another connection to the database would read them all again.
    rows = uid_flags(tx, account_id, mailbox_id, ranges)
    uids, bits = array("I", [uid for uid, _ in rows]), [flags for _, flags in rows]
    return Changed(news, stored, keywords, mask, uids, bits)


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
