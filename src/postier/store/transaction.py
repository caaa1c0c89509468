"""What storage functions are given: transactions; and what callers are given: the store.

A storage function is synchronous and takes a `ReadTx` or `WriteTx` first. It may be run again from its start (a
deadlock or serialisation failure in PostgreSQL), so it changes nothing but rows. SQL is written once for both engines:
`?` placeholders, no engine's own functions, integers for times (microseconds since 1970) and flags, `INSERT ... ON
CONFLICT` and `RETURNING` as both have them.

Invariant (DESIGN §3.1): `Store.write` returns only after rows and blobs are on disk. Nothing is acknowledged earlier.
"""

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from postier.store.blobs import BlobDraft, BlobId

P = ParamSpec("P")
T = TypeVar("T")

Row = tuple[Any, ...]


class StoreError(Exception):
    """The store can't do it now; nothing was changed. The peer is told to try later (4xx, NO [UNAVAILABLE], 503)."""


class StoreFullError(StoreError):
    """No space is left for rows or blobs."""


class StoreUnavailableError(StoreError):
    """The database or the disk does not answer, or answers with errors."""


class ConflictError(Exception):
    """A uniqueness rule of the schema refused the change; it ends the transaction, so it is let through, and the
    caller of the store names what it was.
    """


class ReadTx(Protocol):
    """A consistent view of the rows."""

    def rows(self, sql: str, *params: Any) -> list[Row]:
        """All rows of a query."""
        ...

    def row(self, sql: str, *params: Any) -> Row | None:
        """The first row of a query, or None."""
        ...

    def value(self, sql: str, *params: Any) -> Any:
        """The first column of the first row, or None."""
        ...


class WriteTx(ReadTx, Protocol):
    """A transaction that may change rows; a function that takes one says so in its name."""

    @property
    def now_us(self) -> int:
        """The time of this transaction, microseconds since 1970; the same for its whole length."""
        ...

    def run(self, sql: str, *params: Any) -> int:
        """Run one statement; returns how many rows it changed. Raises ConflictError."""
        ...

    def run_many(self, sql: str, params: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each parameter row; prefer one set-based statement."""
        ...

    def touched(self, account_id: int, modseq: int) -> None:
        """After the commit, tell every watcher of this account that it is now at `modseq`."""
        ...

    def wake(self, topic: str) -> None:
        """After the commit, tell every watcher of this topic, on any worker and node."""
        ...


class Store(Protocol):
    """An engine. Its methods belong to one event loop. `commits` counts the write transactions of this process."""

    commits: int

    async def read(self, fn: Callable[Concatenate[ReadTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short storage function (well under a millisecond on an embedded store)."""
        ...

    async def read_bulk(
        self, fn: Callable[Concatenate[ReadTx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a storage function that may take long, beside the event loop."""
        ...

    async def write(
        self, fn: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a short storage function in a write transaction and commit it; see the invariant above."""
        ...

    async def write_with_blobs(
        self,
        blobs: Sequence[BlobDraft],
        fn: Callable[Concatenate[WriteTx, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like `write`, after the blobs are durable and their rows are in the same transaction."""
        ...

    async def write_bulk(
        self, fn: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like `write`, for a function that may change very many rows; runs beside the event loop."""
        ...

    async def read_blob(self, blob_id: BlobId) -> bytes:
        """The whole content. Raises KeyError if no such blob, StoreUnavailableError if it is damaged."""
        ...

    async def read_blobs(self, blob_ids: Sequence[BlobId]) -> list[bytes | None]:
        """Several contents in order, None for each that is unknown; one look-up for all."""
        ...

    def may_hold(self, size_bytes: int) -> bool:
        """Whether there is room for that many octets more; asked before DATA (DESIGN §3.2)."""
        ...

    def watch(self, account_id: int, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call back on the loop with the modseq after each change of the account, whichever process made
        it; returns what ends the watch. A wake-up may be lost: look again at long intervals.
        """
        ...

    def watch_topic(self, topic: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back on the loop after a commit that woke this topic; returns what ends the watch."""
        ...

    async def close(self) -> None:
        """Finish what is running, refuse what comes, release files and connections; once is enough."""
        ...
