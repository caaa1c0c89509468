"""Connections to the embedded database, and its errors in the store's words."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw

from postier.store import schema
from postier.store.transaction import ConflictError, Row, StoreError, StoreFullError, StoreUnavailableError
from postier.store.watchers import WakeUps

BUSY_TIMEOUT_MS = 10_000  # only a checkpoint or a foreign tool can hold the database outside a turn
CACHE_KIB = 32_768
CHECKPOINT_PAGES = 2_000


class SqliteTx:
    """A transaction on one connection; both `ReadTx` and `WriteTx`."""

    __slots__ = ("_execute", "connection", "now_us", "wake_ups")

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._execute = connection.execute
        self.now_us = 0
        self.wake_ups = WakeUps()

    def rows(self, sql: str, *params: Any) -> list[Row]:
        """All rows of a query."""
        return self._execute(sql, params).fetchall()

    def row(self, sql: str, *params: Any) -> Row | None:
        """The first row of a query, or None."""
        row: Row
        for row in self._execute(sql, params):
            return row
        return None

    def value(self, sql: str, *params: Any) -> Any:
        """The first column of the first row, or None."""
        for row in self._execute(sql, params):
            return row[0]
        return None

    def run(self, sql: str, *params: Any) -> int:
        """Run one statement; returns how many rows it changed. Raises ConflictError."""
        try:
            self._execute(sql, params)
        except apsw.ConstraintError as error:
            raise ConflictError(str(error)) from error
        return self.connection.changes()

    def run_many(self, sql: str, params: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each parameter row."""
        try:
            self.connection.executemany(sql, params)
        except apsw.ConstraintError as error:
            raise ConflictError(str(error)) from error

    def touched(self, account_id: int, modseq: int) -> None:
        """See `WriteTx.touched`."""
        self.wake_ups.accounts[account_id] = modseq

    def wake(self, topic: str) -> None:
        """See `WriteTx.wake`."""
        self.wake_ups.topics.add(topic)


@contextlib.contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn the library's errors into the store's."""
    try:
        yield
    except apsw.Error as error:
        raise store_error(error, path) from error


def store_error(error: apsw.Error, path: Path) -> StoreError:
    """The store's word for a library's error."""
    if isinstance(error, apsw.FullError):
        return StoreFullError(f"no space for {path}: {error}")
    return StoreUnavailableError(f"{path} does not answer: {type(error).__name__}: {error}")


def connect(path: Path, *, read_only: bool) -> apsw.Connection:
    """Open the database file; it must exist for `read_only`."""
    if not read_only:
        make_private(path)
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=400)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}; PRAGMA temp_store = MEMORY")
    if not read_only:
        # FULL: a commit is on disk when it returns, also in WAL mode (DESIGN §2, §3.1)
        connection.execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            f" PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"
        ).fetchall()
    return connection


def make_private(path: Path) -> None:
    """Make the file, for its owner only, before rows with keys and password hashes come in; SQLite gives the files
    that it puts beside it the same rights. An existing file is left as it is.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def migrate(
    connection: apsw.Connection, path: Path, migrations: tuple[str, ...], before: Callable[[int], None]
) -> None:
    """Bring the schema to the newest version in one transaction; call with the turn taken.

    `before(version)` makes the rollback point of a store that has rows already. Raises
    StoreUnavailableError for a store made by a newer release.
    """
    version = _version(connection)
    if version > len(migrations):
        raise StoreUnavailableError(
            f"{path} has schema version {version}; this release knows {len(migrations)}: use a newer release"
        )
    if version == len(migrations):
        return
    if version:
        before(version)
    with connection:
        for migration in migrations[version:]:
            for statement in schema.sqlite_statements(migration):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")


def _version(connection: apsw.Connection) -> int:
    version = connection.pragma("user_version")
    assert isinstance(version, int)
    return version
