"""FETCH items that the index answers: from values of the store to those of response lines.

Not here: reading them (`portions`), writing the lines (`imap.fetch`).
"""

from collections.abc import Sequence

from postier.imap import fetch_items
from postier.imap.body_structure import without_extensions
from postier.imap.fetch import FetchRows
from postier.imap.fetch_items import FetchItems
from postier.imap.quoting import string
from postier.mailbox.reading import Column
from postier.servers.imap import downgrading
from postier.servers.imap.connection import Connection
from postier.servers.imap.portions import Values

_COLUMNS = {
    fetch_items.Column.UID: Column.UID,
    fetch_items.Column.FLAGS: Column.FLAGS,
    fetch_items.Column.INTERNALDATE: Column.RECEIVED_AT,
    fetch_items.Column.SIZE: Column.SIZE_BYTES,
    fetch_items.Column.ENVELOPE: Column.ENVELOPE,
    fetch_items.Column.BODY: Column.BODYSTRUCTURE,
    fetch_items.Column.BODYSTRUCTURE: Column.BODYSTRUCTURE,
    fetch_items.Column.MODSEQ: Column.MODSEQ,
    fetch_items.Column.PREVIEW: Column.PREVIEW,
    fetch_items.Column.SAVEDATE: Column.SAVED_AT,
    fetch_items.Column.EMAILID: Column.EMAIL_ID,
    fetch_items.Column.THREADID: Column.THREAD_ID,
}


def stored_columns(items: FetchItems, *more: Column) -> tuple[Column, ...]:
    """What to read for the items."""
    return tuple(dict.fromkeys([*(_COLUMNS[column] for column in items.columns), *more]))


async def fetch_rows(
    connection: Connection, items: FetchItems, seqs: Sequence[int], values: Values
) -> FetchRows:
    """What the response lines are made of; new keywords are told first. Raises StoreError."""
    selected = connection.opened()
    if (items.needs_envelope or items.needs_structure) and not connection.takes_raw_headers:
        values = await downgrading.surrogate_values(connection, values)
    uids = values[Column.UID]
    flags: Sequence[bytes] = ()
    if items.needs_flags:
        connection.send(await selected.learn_keywords(connection.store, values[Column.FLAGS]))
        flags = selected.view.flags_of(uids, values[Column.FLAGS])
    utf8 = connection.session.utf8
    structures = values.get(Column.BODYSTRUCTURE, ())
    return FetchRows(
        seqs=seqs,
        uids=uids,
        flags=flags,
        internal_s=[moment // 1_000_000 for moment in values.get(Column.RECEIVED_AT, ())],
        sizes=values.get(Column.SIZE_BYTES, ()),
        envelopes=values.get(Column.ENVELOPE, ()),
        structures=structures,
        bodies=[*map(without_extensions, structures)] if fetch_items.Column.BODY in items.columns else (),
        modseqs=values.get(Column.MODSEQ, ()),
        saved_s=[moment // 1_000_000 for moment in values.get(Column.SAVED_AT, ())],
        previews=[string(text.encode(), utf8=utf8) for text in values.get(Column.PREVIEW, ())],
        email_ids=values.get(Column.EMAIL_ID, ()),
        thread_ids=values.get(Column.THREAD_ID, ()),
        uid_only=connection.session.uid_only,
    )
