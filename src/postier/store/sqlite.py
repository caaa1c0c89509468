"""The embedded engine: SQLite in WAL mode with group commit.

All writes that wait when the turn comes go into one commit: the longer it is waited for, the more share what a cycle
costs. One cycle:

    thread: the turn taken; blobs of the whole batch appended and synced; BEGIN IMMEDIATE
    loop:   the storage functions (in the thread instead if one of them is bulk); if one raises, all again, a savepoint each
    thread: COMMIT (synced), the turn given
    loop:   every caller answered, wake-ups sent

Storage functions run on the loop because a second thread that fights for the interpreter loses more at each statement
than the statements cost; the thread does what waits for the disk or for other processes. Source: DESIGN §2, §3.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from postier.store.blob_rows import locate_blob, locate_blobs, name_blobs
from postier.store.blobs import BlobDraft, BlobId, BlobLocation, BlobStore
from postier.store.schema import MIGRATIONS
from postier.store.socket_bus import SocketBus
from postier.store.sqlite_connection import (
    SqliteTx,
    connect,
    make_private,
    migrate,
    sqlite_errors,
    store_error,
)
from postier.store.transaction import ReadTx, StoreUnavailableError, WriteTx
from postier.store.turn import Turn
from postier.store.watchers import WakeUps, Watchers

P = ParamSpec("P")
T = TypeVar("T")

MAX_BATCH_WRITES = 500
BULK_READERS = 2
INLINE_BLOB_BYTES = 65_536  # a larger blob is read and decompressed beside the loop
FREE_SPACE_AGE_S = 1.0


class _Write:
    """One caller's write on its way."""

    __slots__ = ("answer", "bulk", "drafts", "error", "fn", "result", "wake_ups")

    def __init__(
        self,
        fn: Callable[[SqliteTx], Any],
        drafts: Sequence[BlobDraft],
        answer: "asyncio.Future[Any]",
        *,
        bulk: bool,
    ) -> None:
        self.fn = fn
        self.drafts = drafts
        self.answer = answer
        self.bulk = bulk
        self.result: Any = None
        self.error: BaseException | None = None
        self.wake_ups = WakeUps()


class SqliteStore:
    """One process's face of the embedded store; belongs to the running event loop."""

    def __init__(self, folder: Path, blobs: BlobStore, *, migrations: tuple[str, ...] = MIGRATIONS) -> None:
        """Open (or make) the store in `folder`. Raises StoreError."""
        self._path = folder / "postier.sqlite"
        self._blobs = blobs
        self._loop = asyncio.get_running_loop()
        self._watchers = Watchers()
        self._pending: deque[_Write] = deque()  # the loop adds at one end, the thread takes at the other
        self._busy = False
        self._closed = False
        self.commits = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._free_bytes = (0.0, 0)
        try:
            self._turn = Turn(folder / "store.turn")
            self._turn.take()
            try:
                self._writer = connect(self._path, read_only=False)
                migrate(self._writer, self._path, migrations, self._copy_before_migration)
            finally:
                self._turn.give()
            self._reader = connect(self._path, read_only=True)
        except apsw.Error as error:
            raise store_error(error, self._path) from error
        except OSError as error:
            raise StoreUnavailableError(f"the store in {folder} can't be opened: {error}") from error
        self._tx = SqliteTx(self._reader)
        self._bus = SocketBus(folder / "run", self._watchers.deliver)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()
        self._bulk = ThreadPoolExecutor(BULK_READERS, "store-reader")
        self._bulk_local = threading.local()
        self._bulk_connections: list[apsw.Connection] = []

    async def read(self, fn: Callable[Concatenate[ReadTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Store.read`; runs on the loop."""
        return self._read(self._tx, fn, *args, **kwargs)

    async def read_bulk(
        self, fn: Callable[Concatenate[ReadTx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Store.read_bulk`; runs in a thread with a connection of its own."""
        return await self._loop.run_in_executor(
            self._bulk, lambda: self._read(self._bulk_tx(), fn, *args, **kwargs)
        )

    async def write(
        self, fn: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Store.write`."""
        result: T = await self._enqueue(lambda tx: fn(tx, *args, **kwargs), (), bulk=False)
        return result

    async def write_with_blobs(
        self,
        blobs: Sequence[BlobDraft],
        fn: Callable[Concatenate[WriteTx, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """See `Store.write_with_blobs`."""
        result: T = await self._enqueue(lambda tx: fn(tx, *args, **kwargs), blobs, bulk=False)
        return result

    async def write_bulk(
        self, fn: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Store.write_bulk`."""
        result: T = await self._enqueue(lambda tx: fn(tx, *args, **kwargs), (), bulk=True)
        return result

    async def read_blob(self, blob_id: BlobId) -> bytes:
        """See `Store.read_blob`."""
        location = self._read(self._tx, locate_blob, blob_id)
        if location is None:
            raise KeyError(blob_id.hex())
        if location.stored_bytes <= INLINE_BLOB_BYTES:
            return self._blobs.load(blob_id, location)
        return await self._loop.run_in_executor(self._bulk, self._blobs.load, blob_id, location)

    async def read_blobs(self, blob_ids: Sequence[BlobId]) -> list[bytes | None]:
        """See `Store.read_blobs`; reads on the loop, so callers ask in portions."""
        locations = self._read(self._tx, locate_blobs, blob_ids)
        return self._blobs.load_all(blob_ids, locations)

    def may_hold(self, size_bytes: int) -> bool:
        """See `Store.may_hold`; the file system is asked once a second."""
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
        await self._idle.wait()
        self._jobs.put(None)
        await self._loop.run_in_executor(self._bulk, self._thread.join)
        self._bulk.shutdown()
        self._bus.close()
        for connection in (self._reader, *self._bulk_connections, self._writer):
            connection.close()
        self._turn.close()
        self._blobs.close()

    # Reading

    def _read(
        self, tx: SqliteTx, fn: Callable[Concatenate[ReadTx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with sqlite_errors(self._path):
            tx.connection.execute("BEGIN")
            try:
                return fn(tx, *args, **kwargs)
            finally:
                tx.connection.execute("COMMIT")

    def _bulk_tx(self) -> SqliteTx:
        tx: SqliteTx | None = getattr(self._bulk_local, "tx", None)
        if tx is None:
            with sqlite_errors(self._path):
                tx = self._bulk_local.tx = SqliteTx(connect(self._path, read_only=True))
            self._bulk_connections.append(tx.connection)
        return tx

    # Writing: see the cycle in the module's docstring

    def _enqueue(
        self, fn: Callable[[SqliteTx], Any], drafts: Sequence[BlobDraft], *, bulk: bool
    ) -> "asyncio.Future[Any]":
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._pending.append(_Write(fn, drafts, answer, bulk=bulk))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(
                self._jobs.put, self._prepare
            )  # what else this step of the loop writes joins in
        return answer

    def _prepare(self) -> None:
        self._turn.take()
        pending = self._pending
        batch = [pending.popleft() for _ in range(min(len(pending), MAX_BATCH_WRITES))]
        locations = self._save_blobs(batch)
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            self._turn.give()
            _fail_all(batch, store_error(error, self._path))
            self._later(self._answer, batch)
            return
        if any(write.bulk for write in batch):
            self._run(batch, locations)
            self._commit(batch)
        else:
            self._later(self._run_then_commit, batch, locations)

    def _save_blobs(self, batch: list[_Write]) -> dict[BlobId, BlobLocation]:
        drafts = {draft.blob_id: draft for write in batch for draft in write.drafts}
        if not drafts:
            return {}
        try:
            return dict(zip(drafts, self._blobs.save(list(drafts.values())), strict=True))
        except Exception as error:
            _fail_all([write for write in batch if write.drafts], error)
            return {}

    def _run_then_commit(self, batch: list[_Write], locations: dict[BlobId, BlobLocation]) -> None:
        self._run(batch, locations)
        self._jobs.put(lambda: self._commit(batch))

    def _run(self, batch: list[_Write], locations: dict[BlobId, BlobLocation]) -> None:
        """Run all writes without a savepoint each; if one fails, which is rare, all of them again with."""
        try:
            if not self._run_all(batch, locations) and self._writer.in_transaction:
                self._writer.execute("ROLLBACK; BEGIN IMMEDIATE")
                self._run_each(batch, locations)
        except apsw.Error as error:  # the disk fails even for that; the turn must go on all the same
            _fail_all(batch, store_error(error, self._path))
            self._roll_back()

    def _run_all(self, batch: list[_Write], locations: dict[BlobId, BlobLocation]) -> bool:
        tx = SqliteTx(self._writer)
        tx.now_us = time.time_ns() // 1000
        for write in batch:
            if write.error is None and not write.answer.cancelled():
                tx.wake_ups = write.wake_ups
                try:
                    self._run_one(tx, write, locations)
                except Exception as error:
                    if (
                        not self._writer.in_transaction
                    ):  # SQLite gave up the whole transaction (full, I/O error)
                        _fail_all(batch, self._told(error))
                    return False
        return True

    def _run_each(self, batch: list[_Write], locations: dict[BlobId, BlobLocation]) -> None:
        connection = self._writer
        tx = SqliteTx(connection)
        tx.now_us = time.time_ns() // 1000
        for write in batch:
            if write.error is not None or write.answer.cancelled():
                continue
            tx.wake_ups = write.wake_ups = WakeUps()
            try:
                connection.execute("SAVEPOINT one")
                self._run_one(tx, write, locations)
                connection.execute("RELEASE one")
            except Exception as error:
                write.error = self._told(error)
                if not connection.in_transaction:
                    _fail_all(batch, write.error)
                    return
                connection.execute("ROLLBACK TO one; RELEASE one")

    def _run_one(self, tx: SqliteTx, write: _Write, locations: dict[BlobId, BlobLocation]) -> None:
        if write.drafts:
            name_blobs(tx, write.drafts, [locations[draft.blob_id] for draft in write.drafts])
        write.result = write.fn(tx)

    def _told(self, error: Exception) -> Exception:
        return store_error(error, self._path) if isinstance(error, apsw.Error) else error

    def _commit(self, batch: list[_Write]) -> None:
        try:
            if self._writer.in_transaction:
                self._writer.execute("COMMIT")
                self.commits += 1
        except apsw.Error as error:
            _fail_all(batch, store_error(error, self._path))
            self._roll_back()
        finally:
            self._turn.give()
        self._later(self._answer, batch)

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            with contextlib.suppress(apsw.Error):  # what then stands in the way is told to the next batch
                self._writer.execute("ROLLBACK")

    def _answer(self, batch: list[_Write]) -> None:
        wake_ups = WakeUps()
        for write in batch:
            if write.error is None and write.wake_ups:
                wake_ups.add(write.wake_ups)
            if (
                write.answer.done()
            ):  # the caller was cancelled; its change is committed or rolled back as a whole
                continue
            if write.error is None:
                write.answer.set_result(write.result)
            else:
                write.answer.set_exception(write.error)
        if wake_ups:
            self._bus.publish(wake_ups)
            self._watchers.deliver(wake_ups)
        if self._pending:
            self._jobs.put(self._prepare)
        else:
            self._busy = False
            self._idle.set()

    def _later(self, callback: Callable[..., None], *args: Any) -> None:
        self._loop.call_soon_threadsafe(callback, *args)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _copy_before_migration(self, version: int) -> None:
        path = self._path.with_name(f"postier.sqlite.v{version}")
        make_private(path)
        copy = apsw.Connection(str(path))
        with copy.backup("main", self._writer, "main") as backup:
            backup.step()
        copy.close()


def _fail_all(batch: Sequence[_Write], error: BaseException) -> None:
    for write in batch:
        if write.error is None:
            write.error = error
