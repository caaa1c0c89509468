"""A store that an older release filled is opened by this one: nothing is lost, and everything works as in a new store.

What an older release had written is what this one writes, in the tables and columns that there were then.
"""

import datetime as dt
import functools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from postier.accounts.accounts import account_id_of, add_account
from postier.accounts.credentials import Secrets, hash_password, stored_password
from postier.accounts.dkim_keys import DkimKey, domain_keys, make_keys
from postier.accounts.domains import add_domain
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.folders import default_mailboxes, mailbox_id_of
from postier.mailbox.listing import list_mailboxes
from postier.mailbox.reading import Column, fetch_columns
from postier.mailbox.sort_keys import if_keyed, unkeyed, write_keys
from postier.mailbox.verify import check_account
from postier.mime.address import Address
from postier.mime.index import index_message
from postier.mta.queue_rows import QueueMessage, QueueRecipient, enqueue, lease_due
from postier.store.blobs import draft
from postier.store.packs import PackStore
from postier.store.postgres import PostgresStore
from postier.store.schema import MIGRATIONS
from postier.store.sqlite import SqliteStore
from postier.store.transaction import ReadTx, Store, WriteTx
from tests.mailbox.letters import append, raw_letter

Opener = Callable[[tuple[str, ...]], Store]
EVERYTHING = [(1, 1 << 31)]
TABLE = re.compile(r"CREATE TABLE (\w+) \(\n(.*?)\n\)", re.DOTALL)
COLUMN = re.compile(r"^    (\w+) (?:@int|@bytes|@rowid|TEXT)", re.MULTILINE)
ADDED = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+)")


@pytest.fixture(params=["sqlite", "postgres"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Opener]:
    """`opener(name)` opens the store of that name with the schema that is given; all share their blobs."""
    packs = tmp_path / "packs"

    def of(name: str) -> Opener:
        (tmp_path / name).mkdir()
        if request.param == "sqlite":
            return lambda migrations: SqliteStore(tmp_path / name, PackStore(packs), migrations=migrations)
        url = request.getfixturevalue("postgres_server").new_database()
        return lambda migrations: PostgresStore(url, PackStore(packs), migrations=migrations)

    return of


def columns(migrations: tuple[str, ...]) -> dict[str, list[str]]:
    """The tables of a schema with their columns."""
    text = "\n".join(migrations)
    tables = {name: COLUMN.findall(body) for name, body in TABLE.findall(text)}
    for name, column in ADDED.findall(text):
        tables[name].append(column)
    return tables


def rows_of(tx: ReadTx, tables: dict[str, list[str]]) -> dict[str, list[tuple[object, ...]]]:
    return {name: tx.rows(f"SELECT {', '.join(names)} FROM {name}") for name, names in tables.items()}


def write_rows(tx: WriteTx, tables: dict[str, list[str]], rows: dict[str, list[tuple[object, ...]]]) -> None:
    for name, names in tables.items():
        tx.run(f"DELETE FROM {name}")  # a migration may have put rows there
        if rows[name]:
            marks = ", ".join("?" * len(names))
            tx.run_many(f"INSERT INTO {name} ({', '.join(names)}) VALUES ({marks})", rows[name])


@functools.cache
def signing_keys() -> tuple[DkimKey, ...]:
    return make_keys("beta.test", dt.date(2026, 9, 21))


async def fill(store: Store) -> None:
    """Domain with keys, account with password, letters with flags in two mailboxes, one letter queued."""
    await store.write(add_domain, "beta.test", signing_keys())
    await store.write(
        add_account, Address("carole", "beta.test"), Secrets(hash_password("a b c d"), {}), default_mailboxes
    )
    account_id = await store.read(account_id_of, Address("carole", "beta.test"))
    assert account_id is not None
    boxes = {name: await store.read(mailbox_id_of, account_id, name) for name in ("INBOX", "Archive")}
    await append(store, account_id, boxes["INBOX"], *[raw_letter(n) for n in range(1, 6)])
    await append(store, account_id, boxes["Archive"], raw_letter(9, subject="Old"))
    await store.write(store_flags, account_id, boxes["INBOX"], [(2, 3)], StoreMode.ADD, 3)
    message = QueueMessage(
        queue_id=7,
        trace_id="t7",
        account_id=account_id,
        reverse_path="carole@beta.test",
        blob_id=draft(raw_letter(1)).blob_id,
        size_bytes=10,
        needs_8bit=False,
        needs_utf8=False,
        requires_tls=False,
    )
    recipient = QueueRecipient(recipient_id=1, forward_path="a@alpha.test", destination="alpha.test")
    await store.write(enqueue, message, [recipient])


async def seen(store: Store) -> list[object]:
    """All that a user and an operator find there."""
    account_id = await store.read(account_id_of, Address("carole", "beta.test"))
    assert account_id is not None
    listed = await store.read(list_mailboxes, account_id, actor_id=account_id)
    letters = [
        await store.read(
            fetch_columns,
            account_id,
            await store.read(mailbox_id_of, account_id, one.name),
            EVERYTHING,
            tuple(Column),
        )
        for one in listed
    ]
    texts = [
        await store.read_blob(row[list(Column).index(Column.BLOB_ID)]) for rows in letters for row in rows
    ]
    assert len(texts) == 6
    return [
        listed,
        letters,
        texts,
        await store.read(domain_keys, "beta.test"),
        await store.read(stored_password, "carole@beta.test"),
    ]


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
async def test_what_an_older_release_kept_is_all_there(opener: Callable[[str], Opener], version: int) -> None:
    new, old, then = opener("new"), opener("old"), MIGRATIONS[:version]
    store = new(MIGRATIONS)
    await fill(store)
    before, rows = await seen(store), await store.read(rows_of, columns(then))
    await store.close()
    store = old(then)
    await store.write(write_rows, columns(then), rows)
    await store.close()

    store = old(MIGRATIONS)
    assert await seen(store) == before
    await store.read(rows_of, columns(MIGRATIONS))  # every table and column is there
    account_id = await store.read(account_id_of, Address("carole", "beta.test"))
    assert await store.read(check_account, account_id) == []
    (job,) = await store.write(lease_due, "w1", 10)
    assert job.message.trace_id == "t7"
    # what was filed before there were keys to sort by gets them
    while found := await store.read(unkeyed, account_id):
        raws = [(email_id, await store.read_blob(blob_id)) for email_id, blob_id in found]
        await store.write(write_keys, account_id, [(number, index_message(raw)) for number, raw in raws])
    assert await store.read(if_keyed, account_id, lambda _tx: True)
    await append(store, account_id, 1, raw_letter(20))
    assert await store.read(check_account, account_id) == []
    await store.close()
