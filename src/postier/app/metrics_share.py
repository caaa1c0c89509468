"""The snapshots of all workers, gathered by whichever is asked: each answers on a Unix socket in the data folder's `run`.

Not here: counting (`metrics`), HTTP (`web`). Invariants: nothing is written or sent until somebody asks; a worker that does not
answer within `PATIENCE_S` is left out; the sockets are in a folder that only the server's user may enter. A worker that was
replaced begins at zero, as a restarted server does: a rate over that moment is wrong once.
"""

import asyncio
import contextlib
import os
import socket
import time
from pathlib import Path

import msgspec

from postier.app import metrics
from postier.app.metrics import Metrics, exposition
from postier.mta.queue_figures import queue_figures
from postier.store.transaction import Store, StoreError

PATIENCE_S = 2.0
SUFFIX = ".metrics"


class MetricsShare:
    """A `Service` (app.worker): gives this worker's snapshot away, and gathers those of all."""

    def __init__(self, counted: Metrics, store: Store, folder: Path, number: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._metrics = counted
        self._store = store
        # Paths below a descriptor of the folder: a socket's path may have 107 octets only, a folder's more.
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._name = f"{number}{SUFFIX}"
        self._server: asyncio.Server | None = None

    async def start(self, tasks: asyncio.TaskGroup) -> None:  # noqa: ARG002 (a service's signature)
        """Answer from now on; a predecessor's socket is taken over."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        listening.bind(self._path(self._name))
        self._server = await asyncio.start_unix_server(self._answer, sock=listening)

    def stop_accepting(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()

    async def finish(self, deadline: float) -> None:  # noqa: ARG002 (a service's signature)
        """Nothing is under way that matters."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)

    async def page(self) -> bytes:
        """The numbers of all workers together, as Prometheus reads them."""
        names = [name for name in os.listdir(self._folder) if name.endswith(SUFFIX) and name != self._name]  # noqa: PTH208
        others = await asyncio.gather(*map(self._ask, names))
        found = [self._metrics.snapshot(), await self._queue(), *filter(None, others)]
        return exposition(found)

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self._metrics.snapshot())
            async with asyncio.timeout(PATIENCE_S):
                await writer.drain()
        except (OSError, TimeoutError):  # it will ask again
            writer.transport.abort()
        finally:
            writer.close()

    async def _ask(self, name: str) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE_S):
                reader, writer = await asyncio.open_unix_connection(self._path(name))
                try:
                    snapshot = await reader.read(-1)
                finally:
                    writer.close()
            msgspec.msgpack.decode(snapshot, type=list[metrics.Sample])
        except (OSError, TimeoutError, msgspec.MsgspecError):  # it has just ended, or it is another release's
            return b""
        return snapshot

    async def _queue(self) -> bytes:
        """The queue, which is everybody's: read once."""
        figures = Metrics((metrics.QUEUE_RECIPIENTS, metrics.QUEUE_OLDEST))
        with contextlib.suppress(StoreError):
            queue = await self._store.read_bulk(queue_figures)
            for state, count in queue.recipients.items():
                figures.set(metrics.QUEUE_RECIPIENTS, state, to=count)
            figures.set(
                metrics.QUEUE_OLDEST, to=time.time() - queue.oldest_at / 1e6 if queue.oldest_at else 0.0
            )
        return figures.snapshot()

    def _path(self, name: str) -> str:
        return f"/proc/self/fd/{self._folder}/{name}"
