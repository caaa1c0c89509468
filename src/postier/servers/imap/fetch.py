r"""FETCH and UID FETCH.

Not here: values of the index (`columns`), octets of messages (`contents`), response lines (`imap.fetch`). Source: RFC 9051
§6.4.5; RFC 7162 §3.1.4, §3.2.6; RFC 9394 §3.3. Invariants: a portion is read, written and mostly taken by the peer before the next is read; \Seen is set in one write
for all messages, before their octets are sent; a message that left meanwhile is passed over.
"""

from bisect import bisect_left

from postier.imap.commands.fetch import Fetch
from postier.imap.commands.store import FlagChange
from postier.imap.fetch import column_blocks
from postier.imap.fetch_items import FetchItems
from postier.imap.flags import SEEN, FlagList
from postier.imap.mailbox_responses import vanished_earlier_line
from postier.imap.responses import EXPUNGEISSUED, UNAVAILABLE, Status
from postier.imap.rights import Right
from postier.imap.sets import MAX_NUMBER, Ranges, ranges_of, ranges_text
from postier.imap.view import Chosen
from postier.mailbox.resync import changed_uids, vanished_since
from postier.servers.imap import condstore, contexts, downgrading, message_limit
from postier.servers.imap.columns import fetch_rows, stored_columns
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.contents import Sent, send_contents
from postier.servers.imap.portions import PORTION, flags_of, portions, read_values
from postier.servers.imap.selected import uid_ranges
from postier.servers.imap.store import change_flags
from postier.store.uid_ranges import UidRange, merged, without

INLINE_MESSAGES = 10_000  # of more the changed ones are looked for beside the loop
PORTION_WITH_EMAIL = 1_000  # of rows with ENVELOPE or BODYSTRUCTURE


async def fetch(connection: Connection, command: Fetch) -> Done:
    """Answer for the messages that exist."""
    selected = connection.opened()
    if command.asks_modseq:
        condstore.client_knows(connection)
    if command.is_uid or command.changed_since is not None:  # the client may ask for what is new
        await contexts.news(connection, may_expunge=command.wants_vanished)
    chosen = await selected.choose(connection.store, command.messages, is_uid=command.is_uid)
    if command.partial is not None:
        stretch = command.partial.span(len(chosen.uids))
        chosen = Chosen(chosen.uids[stretch], chosen.seqs[stretch])
    if command.changed_since is not None:
        if command.wants_vanished:
            asked = command.messages.resolve(selected.told_uidnext - 1)
            await send_vanished(connection, asked, command.changed_since)
        chosen = await changed(connection, chosen, command.changed_since)
    if not chosen.uids:
        return Done("FETCH completed; there was nothing to do")
    lowest = 0
    if command.partial is not None:
        message_limit.require_within(connection, chosen, "FETCH", is_set=False)
    else:
        chosen, lowest = message_limit.within(connection, chosen)
    connection.downgraded.clear()
    done = await _answer(connection, command, chosen, lowest)
    return downgrading.told(connection, message_limit.ended(connection, done, lowest))


async def _answer(connection: Connection, command: Fetch, chosen: Chosen, lowest: int) -> Done:
    selected, items, session = connection.opened(), command.items, connection.session
    if items.is_columns_only:
        done = Sent(await send_columns(connection, chosen, items, newest_first=lowest > 0), 0)
    else:
        now_seen: list[UidRange] = []
        if items.sets_seen and not session.is_read_only and Right.SEEN in selected.rights:
            now_seen = await _set_seen(connection, chosen)
        done = await send_contents(connection, chosen, items, now_seen, newest_first=lowest > 0)
    if done.unreadable:
        return Done("Some of the messages can't be read now", UNAVAILABLE, Status.NO)
    if done.sent < len(chosen.uids) and not command.is_uid:
        return Done("Some of the messages no longer exist", EXPUNGEISSUED, Status.NO)  # RFC 2180 §4.1.2
    return Done("FETCH completed")


async def send_new(connection: Connection, chosen: Chosen, items: FetchItems) -> None:
    r"""Tell of new messages, unasked; \Seen is not set (RFC 5465 §5.2, §7). Raises StoreError."""
    if items.is_columns_only:
        await send_columns(connection, chosen, items)
    else:
        await send_contents(connection, chosen, items, [])
    downgrading.told_unasked(connection)


async def changed(connection: Connection, chosen: Chosen, since_modseq: int) -> Chosen:
    """Those of the messages that came or changed after a modseq (RFC 7162 §3.1.4.1)."""
    selected, store = connection.opened(), connection.store
    if not chosen.uids or selected.highest_modseq <= since_modseq:
        return Chosen(chosen.uids[:0], ())
    read = store.read if len(chosen.uids) <= INLINE_MESSAGES else store.read_bulk
    ranges = uid_ranges(chosen, selected.view.uids)
    uids = await read(changed_uids, selected.account_id, selected.mailbox_id, ranges, since_modseq)
    known = uids[: bisect_left(uids, selected.told_uidnext)]
    return Chosen(known, selected.view.seqs_of(known))


async def send_vanished(
    connection: Connection, asked: Ranges, since_modseq: int, *, above_uid: int = 0
) -> None:
    """VANISHED (EARLIER) for the UIDs of `asked`, those up to `above_uid` left out (RFC 7162 §3.2.10.1).

    Nothing that the client counts among its messages is named: that it will be told of by VANISHED alone.
    """
    selected, store = connection.opened(), connection.store
    if selected.highest_modseq <= since_modseq:
        return
    view = await selected.load(store)
    gone = await store.read_bulk(
        vanished_since, selected.account_id, selected.mailbox_id, asked, since_modseq
    )
    gone = without(gone, merged([(0, above_uid), (selected.told_uidnext, MAX_NUMBER)], ranges_of(view.uids)))
    if gone:
        connection.send(vanished_earlier_line(ranges_text(gone)))


async def send_columns(
    connection: Connection, chosen: Chosen, items: FetchItems, *, newest_first: bool = False
) -> int:
    """Send what the index tells; returns of how many messages."""
    store, selected = connection.store, connection.opened()
    columns = stored_columns(items)
    size = PORTION_WITH_EMAIL if items.needs_envelope or items.needs_structure else PORTION
    sent = 0
    for portion in portions(chosen, size, newest_first=newest_first):
        seqs, values = await read_values(store, selected, portion, columns)
        rows = await fetch_rows(connection, items, seqs, values)
        if newest_first:
            rows = rows.turned()
        for block in column_blocks(items, rows):
            connection.send(block)
        await connection.drain()
        sent += len(seqs)
        connection.progress = sent, len(chosen.uids)
    return sent


async def _set_seen(connection: Connection, chosen: Chosen) -> list[UidRange]:
    r"""Set \Seen where it is not; returns the UIDs that got it. Raises StoreError."""
    for portion in portions(chosen):
        if not all(bits & SEEN for bits in await flags_of(connection, portion)):
            break
    else:
        return []
    changed = await change_flags(connection, chosen, FlagChange.ADD, FlagList(SEEN))
    return changed.stored.changed
