"""Accepts on a socket whose connections begin with TLS: nothing is read from them before the handshake.

Not here: the handshake (`tls.stream`), the limits (`listener`). Why not `create_server`: it reads at once (uvloop ignores
`pause_reading` in `connection_made`), and a ClientHello that has been read can't be given to TLS any more; its own `ssl`
argument would hide connections from the limits until they are encrypted. Source: RFC 8314 §3. Invariant: a shortage of
descriptors pauses accepting, it never ends it.
"""

import asyncio
import socket
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from postier.tls.stream import Stream

BACKLOG = 1024
SHORTAGE_PAUSE_S = 1.0  # as asyncio's own


class Acceptor:
    """Gives a `Stream` for each connection of one listening socket."""

    def __init__(
        self, listening: socket.socket, accepted: Callable[[Stream], None], log: FilteringBoundLogger
    ) -> None:
        self._listening = listening
        self._accepted = accepted
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        listening.setblocking(False)
        listening.listen(BACKLOG)
        self._resume()

    def close(self) -> None:
        """Stop, and close the listening socket in this process; a second time nothing is left to do."""
        if self._listening.fileno() == -1:
            return
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        """One connection a turn: the others may be another worker's."""
        try:
            accepted, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the peer has left
        except OSError as error:
            self._log.error("accept-failed", error=str(error))
            self._loop.remove_reader(self._listening)
            self._pause = self._loop.call_later(SHORTAGE_PAUSE_S, self._resume)
            return
        accepted.setblocking(False)
        try:
            stream = Stream(self._loop, accepted)
        except OSError:  # the peer has left: it has no address any more
            accepted.close()
            return
        self._accepted(stream)
