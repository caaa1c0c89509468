"""The tables of the index of words.

Not here: what is in a block (`block`), who builds (`app.indexer`). Invariants: emails before `indexed_to` are in exactly one
block, the others in none; a block is written whole with the step of `indexed_to`, so a crash leaves no half; two builders
do not hurt each other; an index of another version counts as none.
"""

import unicodedata
from collections.abc import Iterator, Sequence

import msgspec

from postier.mailbox.ledger import EMAIL_IDS_BITS
from postier.mailbox.words.block import BLOCK, RUN, Block, Field
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, WriteTx

VERSION = f"1 {unicodedata.unidata_version}"  # of what a word is, and of how texts are read
BLOCKS_AT_ONCE = 16  # read by one statement

_NUMBER = (1 << EMAIL_IDS_BITS) - 1


class Stretch(msgspec.Struct, frozen=True):
    """Emails of an account to be made a block: `size` of them from number `first`."""

    first: int
    size: int


class Letter(msgspec.Struct, frozen=True):
    """What is needed to read the texts of an email; `place` in its stretch."""

    place: int
    blob_id: BlobId
    size_bytes: int
    parts: bytes
    subject: str


class BlockRow(msgspec.Struct, frozen=True):
    """A block without its parts."""

    first: int
    size: int
    present: int
    undecided: int


class Extent(msgspec.Struct, frozen=True):
    """How far the index of an account is: emails in it and outside, octets of their texts and of the index."""

    indexed: int
    waiting: int
    text_bytes: int
    stored_bytes: int


def number_of(email_id: int) -> int:
    """The number of an email within its account."""
    return email_id & _NUMBER


def accounts_to_index(tx: ReadTx) -> list[int]:
    """Accounts with enough new emails for a block, or with an index of another version."""
    rows = tx.rows(
        "SELECT a.account_id, a.next_email_id, p.indexed_to, p.version FROM account a"
        " LEFT JOIN word_progress p ON p.account_id = a.account_id"
        " WHERE a.next_email_id >= coalesce(p.indexed_to, 0) + ? OR p.version <> ? ORDER BY a.account_id",
        RUN,
        VERSION,
    )
    return [account_id for account_id, _, _, _ in rows]


def next_stretch(tx: ReadTx, account_id: int) -> Stretch | None:
    """What to index next: a whole block if all its emails are there, else a run, else nothing."""
    next_number = tx.value("SELECT next_email_id FROM account WHERE account_id = ?", account_id) or 0
    done = indexed_to(tx, account_id)
    whole = done - done % BLOCK
    if whole + BLOCK <= next_number:
        return Stretch(whole, BLOCK)
    return Stretch(done, RUN) if done + RUN <= next_number else None


def indexed_to(tx: ReadTx, account_id: int) -> int:
    """The number of the first email that is in no block."""
    sql = "SELECT indexed_to FROM word_progress WHERE account_id = ? AND version = ?"
    return tx.value(sql, account_id, VERSION) or 0


def letters_in(tx: ReadTx, account_id: int, stretch: Stretch) -> list[Letter]:
    """The emails of a stretch that are there."""
    base = (account_id << EMAIL_IDS_BITS) + stretch.first
    return [
        Letter(email_id - base, *rest)
        for email_id, *rest in tx.rows(
            "SELECT email_id, blob_id, size_bytes, parts, search_subject FROM email"
            " WHERE account_id = ? AND email_id BETWEEN ? AND ? ORDER BY email_id",
            account_id,
            base,
            base + stretch.size - 1,
        )
    ]


def write_block(tx: WriteTx, account_id: int, first: int, block: Block) -> bool:
    """Store a block in place of the runs in it; False if the index has gone on or the account is gone."""
    if tx.value("SELECT 1 FROM account WHERE account_id = ?", account_id) is None:
        return False
    tx.run(
        "INSERT INTO word_progress (account_id, indexed_to, version) VALUES (?, 0, ?)"
        " ON CONFLICT (account_id) DO UPDATE SET version = word_progress.version",  # locks the row
        account_id,
        VERSION,
    )
    if tx.value("SELECT version FROM word_progress WHERE account_id = ?", account_id) != VERSION:
        drop_index(tx, account_id)
        return False
    done = indexed_to(tx, account_id)
    if not first <= done < first + block.size:
        return False
    for table in ("word_block", "word_part"):
        tx.run(
            f"DELETE FROM {table} WHERE account_id = ? AND first BETWEEN ? AND ?",
            account_id,
            first,
            first + block.size - 1,
        )
    tx.run(
        "INSERT INTO word_block (account_id, first, size, present, undecided, text_bytes, stored_bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        account_id,
        first,
        block.size,
        block.present.to_bytes(block.size // 8, "little"),
        block.undecided.to_bytes(block.size // 8, "little"),
        block.text_bytes,
        sum(len(part.data) for part in block.parts),
    )
    tx.run_many(
        "INSERT INTO word_part (account_id, first, kind, chunk, data) VALUES (?, ?, ?, ?, ?)",
        [
            (account_id, first, _kind(part.field, is_dictionary=part.is_dictionary), part.chunk, part.data)
            for part in block.parts
        ],
    )
    tx.run("UPDATE word_progress SET indexed_to = ? WHERE account_id = ?", first + block.size, account_id)
    return True


def drop_index(tx: WriteTx, account_id: int) -> None:
    """Forget the index of an account, to be built anew; call through `write_bulk`."""
    for table in ("word_block", "word_part", "word_progress"):
        tx.run(f"DELETE FROM {table} WHERE account_id = ?", account_id)


def drop_empty_blocks(tx: WriteTx, account_id: int) -> int:
    """Remove the parts of blocks none of whose emails is left; how many blocks that were."""
    base = account_id << EMAIL_IDS_BITS
    empty = [
        first
        for (first,) in tx.rows(
            "SELECT b.first FROM word_block b WHERE b.account_id = ? AND b.stored_bytes > 0 AND NOT EXISTS"
            " (SELECT 1 FROM email m WHERE m.account_id = b.account_id"
            " AND m.email_id BETWEEN b.first + ? AND b.first + b.size - 1 + ?)",
            account_id,
            base,
            base,
        )
    ]
    for first in empty:
        tx.run("DELETE FROM word_part WHERE account_id = ? AND first = ?", account_id, first)
        tx.run(
            "UPDATE word_block SET stored_bytes = 0, text_bytes = 0 WHERE account_id = ? AND first = ?",
            account_id,
            first,
        )
    return len(empty)


def extent_of(tx: ReadTx, account_id: int) -> Extent:
    """How far the index of an account is."""
    base = account_id << EMAIL_IDS_BITS
    done = indexed_to(tx, account_id)
    emails = "SELECT count(*) FROM email WHERE account_id = ? AND email_id"
    indexed = tx.value(f"{emails} < ?", account_id, base + done)
    waiting = tx.value(f"{emails} >= ?", account_id, base + done)
    row = tx.row(
        "SELECT coalesce(sum(text_bytes), 0), coalesce(sum(stored_bytes), 0) FROM word_block WHERE account_id = ?",
        account_id,
    )
    assert row is not None
    return Extent(indexed, waiting, int(row[0]), int(row[1]))


def blocks_of(tx: ReadTx, account_id: int) -> list[BlockRow]:
    """All blocks of an account."""
    return [
        BlockRow(first, size, int.from_bytes(present, "little"), int.from_bytes(undecided, "little"))
        for first, size, present, undecided in tx.rows(
            "SELECT first, size, present, undecided FROM word_block WHERE account_id = ? ORDER BY first",
            account_id,
        )
    ]


def dictionaries(
    tx: ReadTx, account_id: int, fields: Sequence[Field], blocks: Sequence[BlockRow]
) -> Iterator[tuple[BlockRow, dict[Field, bytes]]]:
    """Each block with its dictionaries of these fields, a few blocks at a time."""
    kinds = {_kind(field, is_dictionary=True): field for field in fields}
    for start in range(0, len(blocks), BLOCKS_AT_ONCE):
        some = blocks[start : start + BLOCKS_AT_ONCE]
        found: dict[int, dict[Field, bytes]] = {block.first: {} for block in some}
        for first, kind, data in tx.rows(
            f"SELECT first, kind, data FROM word_part WHERE account_id = ? AND first IN ({_marks(found)})"
            f" AND kind IN ({_marks(kinds)}) AND chunk = 0",
            account_id,
            *found,
            *kinds,
        ):
            found[first][kinds[kind]] = bytes(data)
        for block in some:
            yield block, found[block.first]


def places_of(
    tx: ReadTx, account_id: int, first: int, field: Field, chunks: Sequence[int]
) -> list[tuple[int, bytes]]:
    """(chunk, octets) of these chunks of places, ascending."""
    return [
        (chunk, bytes(data))
        for chunk, data in tx.rows(
            "SELECT chunk, data FROM word_part WHERE account_id = ? AND first = ? AND kind = ?"
            f" AND chunk IN ({_marks(chunks)}) ORDER BY chunk",
            account_id,
            first,
            _kind(field, is_dictionary=False),
            *chunks,
        )
    ]


def _kind(field: Field, *, is_dictionary: bool) -> int:
    return 2 * field + (0 if is_dictionary else 1)


def _marks(
    values: Sequence[int] | dict[int, object] | dict[int, Field] | dict[int, dict[Field, bytes]],
) -> str:
    return ",".join("?" * len(values))
