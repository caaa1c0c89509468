"""What a mail program is shown of a message with headers in UTF-8, if it has not asked for UTF-8.

Not here: the surrogate itself (`mime.surrogate`). Source: RFC 9755 §6, §8, §9; RFC 6858. Invariants: the message that is stored
stays as it is, and a program that enables UTF-8 gets it so; RFC822.SIZE is that of the stored message (RFC 6858 §3); which messages
were made is told (DOWNGRADED). A header in another charset than UTF-8 is shown as it stands.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from postier.imap.responses import ResponseCode, downgraded, untagged_ok
from postier.imap.sets import set_text
from postier.mailbox.reading import Column, fetch_columns
from postier.mime.index import MessageIndex, index_message
from postier.mime.part import load_parts
from postier.mime.scan import find
from postier.mime.surrogate import surrogate_of
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.portions import Values
from postier.store.blobs import BlobId
from postier.store.uid_ranges import ranges_of

BATCH = 50  # contents held at a time
INLINE_BYTES = 256 << 10  # a larger surrogate is indexed beside the loop
_GLOBAL = b"global"  # of message/global, as it stands in a BODYSTRUCTURE and among the stored parts
_COMPOSITE = (b"multipart", b"message")  # whose parts have headers
_INDEXED = (Column.ENVELOPE, Column.BODYSTRUCTURE)
_COLUMNS = (Column.UID, Column.BLOB_ID, Column.HEADER_BYTES, Column.PARTS)


def surrogate_content(
    connection: Connection, uid: int, raw: bytes, header_bytes: int, parts: bytes
) -> bytes | None:
    """The octets that stand for a message; None: its own do."""
    if raw.isascii() and _GLOBAL not in parts:
        return None
    if raw[:header_bytes].isascii() and not any(kind in parts for kind in _COMPOSITE):
        return None  # measured: spares most 8-bit bodies the look at their parts
    made = surrogate_of(raw, load_parts(parts))
    if made is not None:
        connection.downgraded.append(uid)
    return made


async def surrogate_values(connection: Connection, values: Values) -> Values:
    """The values with ENVELOPE and BODYSTRUCTURE of the surrogates where there are any. Raises StoreError."""
    asked = [column for column in _INDEXED if column in values]
    uids = values[Column.UID]
    wanted = sorted({uids[place] for column in asked for place in _places(column, values[column])})
    if not wanted:
        return values
    places = {uid: place for place, uid in enumerate(uids)}
    changed = {column: [*values[column]] for column in asked}
    selected, store = connection.opened(), connection.store
    for start in range(0, len(wanted), BATCH):
        ranges = ranges_of(wanted[start : start + BATCH])
        rows = await store.read(fetch_columns, selected.account_id, selected.mailbox_id, ranges, _COLUMNS)
        contents = await store.read_blobs([BlobId(blob_id) for _, blob_id, _, _ in rows])
        for (uid, _, header_bytes, parts), raw in zip(rows, contents, strict=True):
            found = None if raw is None else surrogate_content(connection, uid, raw, header_bytes, parts)
            if found is None or uid not in places:
                continue
            index = await _indexed(found)
            for column in asked:
                changed[column][places[uid]] = (
                    index.envelope if column is Column.ENVELOPE else index.bodystructure
                )
        await connection.drain()
    return values | changed


async def _indexed(content: bytes) -> MessageIndex:
    if len(content) <= INLINE_BYTES:
        return index_message(content)
    return await asyncio.get_running_loop().run_in_executor(None, index_message, content)


def _places(column: Column, texts: Sequence[bytes]) -> list[int]:
    """Where a text stands that a surrogate may have to replace."""
    places: list[int] = []
    if not all(map(bytes.isascii, texts)):
        places = [place for place, text in enumerate(texts) if not text.isascii()]
    if column is Column.BODYSTRUCTURE and find(b"".join(texts), _GLOBAL) >= 0:
        places += [place for place, text in enumerate(texts) if _GLOBAL in text]
    return places


def told(connection: Connection, done: Done) -> Done:
    """The end of a FETCH, which says of which messages surrogates were shown (RFC 6858 §3)."""
    if done.code is None and connection.downgraded:
        return msgspec.structs.replace(done, code=_code(connection))
    told_unasked(connection)
    return done


def told_unasked(connection: Connection) -> None:
    """The same where the tagged answer says something else, or is none of a FETCH."""
    if connection.downgraded:
        connection.send(untagged_ok("Shown without UTF-8", _code(connection)))


def _code(connection: Connection) -> ResponseCode:
    uids, connection.downgraded = sorted({*connection.downgraded}), []
    return downgraded(set_text(uids))
