r"""FETCH and UID FETCH.

Not here: values of the index (`columns`), octets of messages (`contents`), response lines (`imap.fetch`). Source: RFC 9051
§6.4.5. Invariants: a portion is read, written and mostly taken by the peer before the next is read; \Seen is set in one write
for all messages, before their octets are sent; a message that left meanwhile is passed over.
"""

from postier.imap.commands.fetch import Fetch
from postier.imap.commands.store import FlagChange
from postier.imap.fetch import column_blocks
from postier.imap.fetch_items import FetchItems
from postier.imap.flags import SEEN, FlagList
from postier.imap.responses import EXPUNGEISSUED, UNAVAILABLE, Status
from postier.imap.view import Chosen
from postier.servers.imap.columns import fetch_rows, stored_columns
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.contents import Sent, send_contents
from postier.servers.imap.portions import PORTION, flags_of, portions, read_values
from postier.servers.imap.store import change_flags
from postier.store.uid_ranges import UidRange

PORTION_WITH_EMAIL = 1_000  # of rows with ENVELOPE or BODYSTRUCTURE


async def fetch(connection: Connection, command: Fetch) -> Done:
    """Answer for the messages that exist."""
    selected, items = connection.opened(), command.items
    if command.is_uid:  # the client may ask for what is new; numbers are not in its question
        connection.send(await selected.news(connection.store, may_expunge=False))
    chosen = await selected.choose(connection.store, command.messages, is_uid=command.is_uid)
    if not chosen.uids:
        return Done("FETCH completed; there was nothing to do")
    if items.is_columns_only:
        done = Sent(await _send_columns(connection, chosen, items), 0)
    else:
        now_seen: list[UidRange] = []
        if items.sets_seen and not connection.session.is_read_only:
            now_seen = await _set_seen(connection, chosen)
        done = await send_contents(connection, chosen, items, now_seen)
    if done.unreadable:
        return Done("Some of the messages can't be read now", UNAVAILABLE, Status.NO)
    if done.sent < len(chosen.uids) and not command.is_uid:
        return Done("Some of the messages no longer exist", EXPUNGEISSUED, Status.NO)  # RFC 2180 §4.1.2
    return Done("FETCH completed")


async def _send_columns(connection: Connection, chosen: Chosen, items: FetchItems) -> int:
    """Send what the index tells; returns of how many messages."""
    store, selected = connection.store, connection.opened()
    columns = stored_columns(items)
    size = PORTION_WITH_EMAIL if items.needs_envelope or items.needs_structure else PORTION
    sent = 0
    for portion in portions(chosen, size):
        seqs, values = await read_values(store, selected, portion, columns)
        rows = await fetch_rows(connection, items, seqs, values)
        for block in column_blocks(items, rows):
            connection.send(block)
        await connection.drain()
        sent += len(seqs)
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
