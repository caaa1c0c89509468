"""The tables of the index of words, as a search reads them.

Not here: what is in a block (`block`), writing (`keeping`).
"""

import unicodedata
from collections.abc import Iterator, Sequence

import msgspec

from postier.mailbox.ledger import EMAIL_IDS_BITS
from postier.mailbox.words.block import Field
from postier.store.transaction import ReadTx

TABLES = ("word_block", "word_part", "word_progress")
VERSION = f"3 {unicodedata.unidata_version}"  # of what a word is, and of how texts are read
BLOCKS_AT_ONCE = 16  # read by one statement


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


def indexed_to(tx: ReadTx, account_id: int) -> int:
    """The number of the first email that is in no block."""
    sql = "SELECT indexed_to FROM word_progress WHERE account_id = ? AND version = ?"
    return tx.value(sql, account_id, VERSION) or 0


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
    kinds = {kind_of(field, is_dictionary=True): field for field in fields}
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


def bits_of(
    tx: ReadTx, account_id: int, first: int, field: Field, runs: Sequence[int]
) -> list[tuple[int, bytes]]:
    """(run, octets) of the bits of these runs, ascending."""
    return [
        (chunk, bytes(data))
        for chunk, data in tx.rows(
            "SELECT chunk, data FROM word_part WHERE account_id = ? AND first = ? AND kind = ?"
            f" AND chunk IN ({_marks(runs)}) ORDER BY chunk",
            account_id,
            first,
            kind_of(field, is_dictionary=False),
            *runs,
        )
    ]


def kind_of(field: Field, *, is_dictionary: bool) -> int:
    """The number of a kind of part in its table."""
    return 2 * field + (0 if is_dictionary else 1)


def _marks(
    values: Sequence[int] | dict[int, object] | dict[int, Field] | dict[int, dict[Field, bytes]],
) -> str:
    return ",".join("?" * len(values))
