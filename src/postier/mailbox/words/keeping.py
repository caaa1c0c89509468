"""The index of words is kept: what of an account is to be indexed next, blocks are filed, those of mail that has gone go.

Not here: how blocks are made (`making`), when (`app.indexer`), reading them (`rows`). Invariants: emails before `indexed_to` are in
exactly one block, the others in none; a block is written whole with the step of `indexed_to`, so a crash leaves no half;
two builders do not hurt each other; an index of another version counts as none.
"""

import msgspec

from postier.mailbox.ledger import EMAIL_IDS_BITS
from postier.mailbox.words.block import BLOCK, RUN, Block, Field, Part
from postier.mailbox.words.rows import TABLES, VERSION, indexed_to, kind_of
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, WriteTx


class Stretch(msgspec.Struct, frozen=True):
    """Emails of an account to be made a block: `size` of them from number `first`, in `done` runs up to that number."""

    account_id: int
    first: int
    size: int
    done: int

    @property
    def end(self) -> int:
        """The number behind the last."""
        return self.first + self.size


class Letter(msgspec.Struct, frozen=True):
    """What is needed to read the texts of an email; `place` in its stretch."""

    place: int
    blob_id: BlobId
    size_bytes: int
    parts: bytes
    subject: str


class StoredRun(msgspec.Struct, frozen=True):
    """A run in a stretch, at place `offset`; `alive` are the places whose emails are still there."""

    offset: int
    alive: int
    block: Block


def accounts_to_index(tx: ReadTx) -> list[int]:
    """Accounts with enough new emails for a block; an index of another version counts as none."""
    rows = tx.rows(
        "SELECT a.account_id FROM account a LEFT JOIN word_progress p ON p.account_id = a.account_id AND p.version = ?"
        " WHERE a.next_email_id >= coalesce(p.indexed_to, 0) + ? ORDER BY a.account_id",
        VERSION,
        RUN,
    )
    return [account_id for (account_id,) in rows]


def next_stretch(tx: ReadTx, account_id: int, done: int = 0) -> Stretch | None:
    """What to index next: a whole block if all its emails are there, else a run, else nothing.

    `done` is up to where the caller has made blocks that he has not filed yet.
    """
    next_number = tx.value("SELECT next_email_id FROM account WHERE account_id = ?", account_id) or 0
    done = max(done, indexed_to(tx, account_id))
    whole = done - done % BLOCK
    if whole + BLOCK <= next_number:
        return Stretch(account_id, whole, BLOCK, done)
    return Stretch(account_id, done, RUN, done) if done + RUN <= next_number else None


def letters_in(tx: ReadTx, stretch: Stretch, first: int) -> list[Letter]:
    """The emails of a stretch from number `first` on that are there."""
    base = (stretch.account_id << EMAIL_IDS_BITS) + stretch.first
    return [
        Letter(email_id - base, *rest)
        for email_id, *rest in tx.rows(
            "SELECT email_id, blob_id, size_bytes, parts, search_subject FROM email"
            " WHERE account_id = ? AND email_id >= ? AND email_id < ? ORDER BY email_id",
            stretch.account_id,
            base + first - stretch.first,
            base + stretch.size,
        )
    ]


def runs_in(tx: ReadTx, stretch: Stretch) -> list[StoredRun]:
    """The runs that the block of a stretch replaces."""
    account_id, found = stretch.account_id, []
    base = account_id << EMAIL_IDS_BITS
    for first, size, present, undecided, text_bytes in tx.rows(
        "SELECT first, size, present, undecided, text_bytes FROM word_block"
        " WHERE account_id = ? AND first >= ? AND first < ? ORDER BY first",
        account_id,
        stretch.first,
        stretch.done,
    ):
        parts = tx.rows(
            "SELECT kind, chunk, data FROM word_part WHERE account_id = ? AND first = ? ORDER BY kind, chunk",
            account_id,
            first,
        )
        alive = tx.rows(
            "SELECT email_id FROM email WHERE account_id = ? AND email_id >= ? AND email_id < ?",
            account_id,
            base + first,
            base + first + size,
        )
        block = Block(
            size,
            int.from_bytes(present, "little"),
            int.from_bytes(undecided, "little"),
            text_bytes,
            tuple(_part(*row) for row in parts),
        )
        is_alive = sum(1 << (email_id - base - first) for (email_id,) in alive)
        found.append(StoredRun(first - stretch.first, is_alive, block))
    return found


def file_block(tx: WriteTx, stretch: Stretch, block: Block) -> bool:
    """Store the block of a stretch in place of the runs in it; False if the index has gone on or the account is gone."""
    account_id = stretch.account_id
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
    if indexed_to(tx, account_id) != stretch.done:
        return False
    _put(tx, stretch, block)
    tx.run("UPDATE word_progress SET indexed_to = ? WHERE account_id = ?", stretch.end, account_id)
    return True


def thin_blocks(tx: ReadTx, account_id: int) -> list[Stretch]:
    """The blocks most of whose emails have gone."""
    base = account_id << EMAIL_IDS_BITS
    return [
        Stretch(account_id, first, size, first)
        for first, size, present, left in tx.rows(
            "SELECT b.first, b.size, b.present, (SELECT count(*) FROM email m WHERE m.account_id = b.account_id"
            " AND m.email_id >= b.first + ? AND m.email_id < b.first + b.size + ?) FROM word_block b"
            " WHERE b.account_id = ? ORDER BY b.first",
            base,
            base,
            account_id,
        )
        if left * 2 < int.from_bytes(present, "little").bit_count()
    ]


def replace_block(tx: WriteTx, stretch: Stretch, block: Block) -> bool:
    """Store a block made anew; False if it is no more there as it was."""
    size = tx.value(
        "SELECT b.size FROM word_block b JOIN word_progress p ON p.account_id = b.account_id"
        " WHERE b.account_id = ? AND b.first = ? AND p.version = ?",
        stretch.account_id,
        stretch.first,
        VERSION,
    )
    if size != stretch.size:
        return False
    _put(tx, stretch, block)
    return True


def _put(tx: WriteTx, stretch: Stretch, block: Block) -> None:
    """Store a block in place of what is there."""
    account_id, first = stretch.account_id, stretch.first
    for table in ("word_block", "word_part"):
        tx.run(
            f"DELETE FROM {table} WHERE account_id = ? AND first >= ? AND first < ?",
            account_id,
            first,
            stretch.end,
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
        block.stored_bytes,
    )
    tx.run_many(
        "INSERT INTO word_part (account_id, first, kind, chunk, data) VALUES (?, ?, ?, ?, ?)",
        [
            (account_id, first, kind_of(part.field, is_dictionary=part.is_dictionary), part.chunk, part.data)
            for part in block.parts
        ],
    )


def drop_index(tx: WriteTx, account_id: int) -> None:
    """Forget the index of an account, to be built anew; call through `write_bulk`."""
    for table in TABLES:
        tx.run(f"DELETE FROM {table} WHERE account_id = ?", account_id)


def _part(kind: int, chunk: int, data: bytes) -> Part:
    return Part(Field(kind // 2), kind % 2 == 0, chunk, bytes(data))
