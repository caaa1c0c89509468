"""The engine for more than one machine: PostgreSQL, a small pool of threads with a connection each.

Group commit is PostgreSQL's own. `LISTEN`/`NOTIFY` carries wake-ups between all processes and nodes. A storage function
that meets a deadlock, a serialisation failure or a row that another made after its look (READ COMMITTED) is run again from
its start. Source: DESIGN §2.
"""

import asyncio
import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import msgspec
import psycopg
from psycopg import errors, sql

from postier.store import schema
from postier.store.blob_rows import locate_blob, locate_blobs, name_blobs
from postier.store.blobs import BlobDraft, BlobId, BlobStore
from postier.store.transaction import (
    ConflictError,
    ReadTx,
    Row,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
    WriteTx,
)
from postier.store.watchers import WakeUps, Watchers

P = ParamSpec("P")
T = TypeVar("T")

CONNECTIONS = 8  # per process
MAX_RUNS = 10  # of one storage function that others get in the way of
CHANNEL = "postier"
ACCOUNTS_PER_NOTIFY = 200  # a payload may have 7,999 octets
RECONNECT_S = 1.0
LISTEN_SLICE_S = 5.0  # how long closing waits for the listener at most; usually it is woken
FREE_SPACE_AGE_S = 1.0
_MIGRATION_LOCK = 0x706F7374  # any constant of our own

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(WakeUps).decode
_log = logging.getLogger(__name__)


@functools.lru_cache(maxsize=2_000)
def _translated(statement: str) -> str:
    return statement.replace("%", "%%").replace("?", "%s")


class PostgresTx:
    """A transaction on one connection; both `ReadTx` and `WriteTx`."""

    __slots__ = ("_execute", "connection", "now_us", "wake_ups")

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self.connection = connection
        self._execute = connection.execute
        self.now_us = time.time_ns() // 1000
        self.wake_ups = WakeUps()

    def rows(self, statement: str, *params: Any) -> list[Row]:
        """All rows of a query."""
        return self._execute(_sql(statement), params).fetchall()

    def row(self, statement: str, *params: Any) -> Row | None:
        """The first row of a query, or None."""
        return self._execute(_sql(statement), params).fetchone()

    def value(self, statement: str, *params: Any) -> Any:
        """The first column of the first row, or None."""
        row = self._execute(_sql(statement), params).fetchone()
        return None if row is None else row[0]

    def run(self, statement: str, *params: Any) -> int:
        """Run one statement; returns how many rows it changed. Raises ConflictError."""
        try:
            return self._execute(_sql(statement), params).rowcount
        except errors.UniqueViolation as error:
            raise ConflictError(str(error)) from error

    def run_many(self, statement: str, params: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each parameter row."""
        try:
            with self.connection.cursor() as cursor:
                cursor.executemany(_sql(statement), params)
        except errors.UniqueViolation as error:
            raise ConflictError(str(error)) from error

    def touched(self, account_id: int, modseq: int) -> None:
        """See `WriteTx.touched`."""
        self.wake_ups.accounts[account_id] = modseq

    def wake(self, topic: str) -> None:
        """See `WriteTx.wake`."""
        self.wake_ups.topics.add(topic)


def _sql(statement: str) -> sql.SQL:
    # The statements are literals of our own code; psycopg wants that promise in the type.
    return sql.SQL(cast("Any", _translated(statement)))


class PostgresStore:
    """One process's face of a shared store; belongs to the running event loop."""

    def __init__(
        self, url: str, blobs: BlobStore, *, migrations: tuple[str, ...] = schema.MIGRATIONS
    ) -> None:
        """Connect and bring the schema to the newest version. Raises StoreError."""
        self._url = url
        self._blobs = blobs
        self._blobs_lock = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self.commits = 0
        self._watchers = Watchers()
        self._threads = ThreadPoolExecutor(CONNECTIONS, "store")
        self._local = threading.local()
        self._connections: list[psycopg.Connection[Row]] = []
        self._closed = False
        self._free_bytes = (0.0, 0)
        self._migrate(migrations)
        self._stop_listening = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="store-listener", daemon=True)
        self._listener.start()

    async def read(self, fn: Callable[Concatenate[ReadTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Store.read`."""
        return await self._in_thread(lambda: self._read(lambda tx: fn(tx, *args, **kwargs)))

    async def read_bulk(
        self, fn: Callable[Concatenate[ReadTx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Store.read_bulk`; here no different from `read`."""
        return await self._in_thread(lambda: self._read(lambda tx: fn(tx, *args, **kwargs)))

    async def write(
        self, fn: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Store.write`."""
        return await self._in_thread(lambda: self._write(lambda tx: fn(tx, *args, **kwargs), ()))

    async def write_with_blobs(
        self,
        blobs: Sequence[BlobDraft],
        fn: Callable[Concatenate[WriteTx, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """See `Store.write_with_blobs`."""
        return await self._in_thread(lambda: self._write(lambda tx: fn(tx, *args, **kwargs), blobs))

    async def write_bulk(
        self, fn: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Store.write_bulk`; here no different from `write`."""
        return await self._in_thread(lambda: self._write(lambda tx: fn(tx, *args, **kwargs), ()))

    async def read_blob(self, blob_id: BlobId) -> bytes:
        """See `Store.read_blob`."""
        return await self._in_thread(lambda: self._load_blob(blob_id))

    async def read_blobs(self, blob_ids: Sequence[BlobId]) -> list[bytes | None]:
        """See `Store.read_blobs`."""
        return await self._in_thread(lambda: self._load_blobs(blob_ids))

    def may_hold(self, size_bytes: int) -> bool:
        """See `Store.may_hold`; the blobs' side of it (the database's own space is its own affair)."""
        asked_at, free = self._free_bytes
        now = self._loop.time()
        if now - asked_at > FREE_SPACE_AGE_S:
            free = self._blobs.free_bytes()
            self._free_bytes = (now, free)
        return max(size_bytes, 1) <= free  # a size that nobody declared is not none

    def watch(self, account_id: int, callback: Callable[[int], None]) -> Callable[[], None]:
        """See `Store.watch`."""
        return self._watchers.watch(account_id, callback)

    def watch_topic(self, topic: str, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Store.watch_topic`."""
        return self._watchers.watch_topic(topic, callback)

    async def close(self) -> None:
        """See `Store.close`."""
        if self._closed:
            return
        self._closed = True
        self._stop_listening.set()
        with contextlib.suppress(StoreError):
            await self._loop.run_in_executor(self._threads, self._connected, _wake_listeners)
        await self._loop.run_in_executor(None, self._threads.shutdown)
        await self._loop.run_in_executor(None, self._listener.join)
        for connection in self._connections:
            connection.close()
        self._blobs.close()

    # In the pool's threads

    async def _in_thread(self, job: Callable[[], T]) -> T:
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        return await self._loop.run_in_executor(self._threads, job)

    def _read(self, fn: Callable[[PostgresTx], T]) -> T:
        def job(connection: psycopg.Connection[Row]) -> T:
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                return fn(PostgresTx(connection))

        return self._connected(job)

    def _write(self, fn: Callable[[PostgresTx], T], drafts: Sequence[BlobDraft]) -> T:
        locations = []
        if drafts:
            with self._blobs_lock:
                locations = self._blobs.save(drafts)

        def job(connection: psycopg.Connection[Row]) -> tuple[T, WakeUps]:
            with connection.transaction():
                tx = PostgresTx(connection)
                name_blobs(tx, drafts, locations)
                result = fn(tx)
                _notify(connection, tx.wake_ups)
            return result, tx.wake_ups

        result, wake_ups = self._connected(job)
        self.commits += 1  # threads may lose one now and then: it is a figure for operators
        if wake_ups:
            self._loop.call_soon_threadsafe(self._watchers.deliver, wake_ups)
        return result

    def _connected(self, job: Callable[[psycopg.Connection[Row]], T]) -> T:
        for last_run in (*(False,) * (MAX_RUNS - 1), True):
            try:
                return job(self._connection())
            except ConflictError as error:  # the statement's, or the storage function's own
                if last_run or not isinstance(error.__cause__, errors.UniqueViolation):
                    raise
            except psycopg.Error as error:
                if last_run or not isinstance(error, errors.DeadlockDetected | errors.SerializationFailure):
                    raise _store_error(error) from error
        raise AssertionError("the last run returns or raises")

    def _connection(self) -> psycopg.Connection[Row]:
        connection: psycopg.Connection[Row] | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed or connection.broken:
            connection = self._local.connection = psycopg.connect(self._url, autocommit=True)
            self._connections = [each for each in self._connections if not each.closed]
            self._connections.append(connection)
        return connection

    def _load_blob(self, blob_id: BlobId) -> bytes:
        location = self._read(lambda tx: locate_blob(tx, blob_id))
        if location is None:
            raise KeyError(blob_id.hex())
        return self._blobs.load(blob_id, location)

    def _load_blobs(self, blob_ids: Sequence[BlobId]) -> list[bytes | None]:
        locations = self._read(lambda tx: locate_blobs(tx, blob_ids))
        return self._blobs.load_all(blob_ids, locations)

    def _migrate(self, migrations: tuple[str, ...]) -> None:
        try:
            with psycopg.connect(self._url) as connection:
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
                connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
                row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
                version = (row and row[0]) or 0
                if version > len(migrations):
                    raise StoreUnavailableError(
                        f"the database has schema version {version}; this release knows {len(migrations)}:"
                        " use a newer release"
                    )
                for migration in migrations[version:]:
                    for statement in schema.postgres_statements(migration):
                        connection.execute(sql.SQL(cast("Any", statement)))
                connection.execute("INSERT INTO schema_version VALUES (%s)", (len(migrations),))
        except psycopg.Error as error:
            raise _store_error(error) from error

    # In the listener's thread

    def _listen(self) -> None:
        while not self._stop_listening.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    while not self._stop_listening.is_set():
                        for notice in connection.notifies(timeout=LISTEN_SLICE_S, stop_after=1):
                            self._hear(notice.payload)
            except psycopg.Error as error:
                _log.warning("wake-ups from PostgreSQL stopped: %s", error)
                self._stop_listening.wait(RECONNECT_S)

    def _hear(self, payload: str) -> None:
        try:
            wake_ups = _decode(payload)
        except msgspec.DecodeError:  # a newer release's words, during an upgrade
            return
        if not self._closed:
            self._loop.call_soon_threadsafe(self._watchers.deliver, wake_ups)


def _wake_listeners(connection: psycopg.Connection[Row]) -> None:
    connection.execute(
        "SELECT pg_notify(%s, '')", (CHANNEL,)
    )  # says nothing; our own listener looks up and ends


def _notify(connection: psycopg.Connection[Row], wake_ups: WakeUps) -> None:
    accounts, topics = list(wake_ups.accounts.items()), wake_ups.topics
    while accounts or topics:
        payload = _encode(WakeUps(dict(accounts[:ACCOUNTS_PER_NOTIFY]), topics)).decode()
        connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
        accounts, topics = accounts[ACCOUNTS_PER_NOTIFY:], set()


def _store_error(error: psycopg.Error) -> StoreError:
    if isinstance(error, errors.DiskFull | errors.OutOfMemory):
        return StoreFullError(f"PostgreSQL has no space: {error}")
    return StoreUnavailableError(f"PostgreSQL does not answer: {type(error).__name__}: {error}")
