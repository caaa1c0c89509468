"""A command's messages in portions, and their rows with the sequence numbers that the client knows them by.

Not here: what is made of the rows (`fetch`, `store`). Invariant: a portion's rows are those of its messages that still
exist, ascending; a portion is small enough that other connections have their turn in between.
"""

from collections.abc import Iterator, Sequence

from postier.imap.view import Chosen
from postier.mailbox.reading import Column, fetch_columns
from postier.servers.imap.connection import Connection
from postier.servers.imap.selected import Selected, uid_ranges
from postier.store.transaction import Row, Store

PORTION = 2_000


def portions(chosen: Chosen, size: int = PORTION) -> Iterator[Chosen]:
    """The messages, `size` at a time."""
    for start in range(0, len(chosen.uids), size):
        yield Chosen(chosen.uids[start : start + size], chosen.seqs[start : start + size])


async def read_rows(
    store: Store, selected: Selected, portion: Chosen, columns: Sequence[Column]
) -> tuple[Sequence[int], list[Row]]:
    """The sequence numbers and rows of the messages that exist; UID is to be the first of `columns`."""
    ranges = uid_ranges(portion, selected.view.uids)
    rows = await store.read(fetch_columns, selected.account_id, selected.mailbox_id, ranges, columns)
    if len(rows) == len(portion.uids):
        return portion.seqs, rows  # every row is one of them, so these are they
    return selected.view.seqs_of([row[0] for row in rows]), rows


async def flag_rows(
    connection: Connection, portion: Chosen
) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """UIDs, sequence numbers, bits of the flags; new keywords are told first."""
    store, selected = connection.store, connection.opened()
    seqs, rows = await read_rows(store, selected, portion, (Column.UID, Column.FLAGS))
    uids, bits = [uid for uid, _ in rows], [flags for _, flags in rows]
    connection.send(await selected.learn_keywords(store, bits))
    return uids, seqs, bits
