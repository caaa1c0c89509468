"""One connection as its task sees it: read what came, write what goes out, upgrade to TLS, all with a deadline.

Not here: any protocol. Deadlines cost nothing per read: the listener looks over all its streams once a second
(`expire_if_late`). What is written in one step of the task leaves as one piece, so that a pipelined group of commands is
answered by one system call and one segment (RFC 2920 §3.2). Invariants: what is unread is bounded (reading pauses above `HIGH_WATER_BYTES`); what arrived
before a TLS upgrade is dropped (RFC 3207 §4.2, SECURITY 7); a connection that begins with TLS is not read before it.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, cast

HIGH_WATER_BYTES = (
    256 * 1024
)  # unread octets at which reading pauses; also unsent octets at which writing waits
MAX_GATHERED_BYTES = 16 * 1024  # a larger piece is sent at once, behind what was gathered before it


# A server's side of the handshake: `Stream.accept_tls` or `Stream.begin_with_tls`
AcceptTls = Callable[[ssl.SSLContext, float], Awaitable[ssl.SSLObject]]


class StreamExpiredError(Exception):
    """The peer was silent for longer than its deadline, or did not take what was sent."""


class Stream(asyncio.Protocol):
    """A byte stream; belongs to one task."""

    __slots__ = (
        "_can_write",
        "_chunks",
        "_gathered",
        "_is_interrupted",
        "_is_paused",
        "_is_shaking_hands",
        "_loop",
        "_size",
        "_socket",
        "_transport",
        "_waiter",
        "deadline",
        "is_closed",
        "is_ended",
        "is_expired",
        "peer_ip",
        "peer_port",
        "tls",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, accepted: socket.socket | None = None) -> None:
        """For a transport to connect; or, to `begin_with_tls`, of an `accepted` socket that nobody reads yet."""
        self._loop = loop
        self._socket = accepted
        self._is_shaking_hands = False
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._gathered: list[bytes | bytearray | memoryview] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._can_write: asyncio.Future[None] | None = None
        self._is_paused = False
        self._is_interrupted = False
        self.deadline = float("inf")  # loop time after which the peer is late
        self.is_ended = False  # the peer sends no more
        self.is_closed = False  # the connection is gone
        self.is_expired = False
        self.tls: ssl.SSLObject | None = None
        self.peer_ip = ""
        self.peer_port = 0
        if accepted is not None:
            self._know_peer(accepted.getpeername())

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; also called again after a TLS upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._know_peer(transport.get_extra_info("peername"))
        raw: socket.socket | None = transport.get_extra_info("socket")
        if raw is not None and raw.family != socket.AF_UNIX:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Keep what came and wake the reader."""
        self._chunks.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER_BYTES and not self._is_paused and self._transport is not None:
            self._transport.pause_reading()
            self._is_paused = True
        self._wake()

    def eof_received(self) -> bool:
        """The peer sends no more; what we still have to say may go out."""
        self.is_ended = True
        self._wake()
        return self.tls is None  # TLS has no half-closed state that peers agree on

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        """The connection is gone, by whomever."""
        self.is_ended = self.is_closed = True
        self._gathered.clear()
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The peer takes less than we send."""
        if self._can_write is None:
            self._can_write = self._loop.create_future()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        if self._can_write is not None and not self._can_write.done():
            self._can_write.set_result(None)
        self._can_write = None

    # What the task calls

    def expire_in(self, seconds: float) -> None:
        """Set the deadline for whatever the task waits for next."""
        self.deadline = self._loop.time() + seconds

    def expire_if_late(self, now: float) -> None:
        """Called once a second by the listener."""
        if now > self.deadline and not self.is_expired:
            self.is_expired = True
            self._wake()
            self.resume_writing()

    async def read(self) -> bytes:
        """What came since the last call, at least one octet; b"" at the end. Raises StreamExpiredError."""
        while self._is_silent():
            await self._wait()
        return self._take()

    async def read_or_wake(self) -> bytes | None:
        """Like `read`, but None when `interrupt` was called before anything came, also before this call."""
        if self._is_silent() and not self._is_interrupted:
            await self._wait()
        self._is_interrupted = False
        return None if self._is_silent() else self._take()

    def interrupt(self) -> None:
        """End the `read_or_wake` that waits, or else the next: there is something else to do."""
        self._is_interrupted = True
        self._wake()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, at the latest when the task waits; nothing happens if the connection is gone.

        A buffer that is not `bytes` must not change afterwards.
        """
        if not data or self._transport is None or self.is_closed:
            return
        if not self._gathered:
            if len(data) > MAX_GATHERED_BYTES:
                self._transport.write(data)
                return
            self._loop.call_soon(self._send_gathered)
        self._gathered.append(data)
        if len(data) > MAX_GATHERED_BYTES:
            self._send_gathered()

    @property
    def has_unread(self) -> bool:
        """Whether something came that was not read yet."""
        return self._size > 0

    @property
    def has_unsent(self) -> bool:
        """Whether the peer has not taken all that was written."""
        transport = self._transport
        if transport is None or self.is_closed:
            return False
        return bool(self._gathered) or transport.get_write_buffer_size() > 0

    @property
    def is_blocked(self) -> bool:
        """Whether the peer has much to take before more can be sent."""
        return self._can_write is not None

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was sent. Raises StreamExpiredError."""
        self._send_gathered()
        waiting = self._can_write
        if waiting is not None and not self.is_closed:
            await waiting
            if self.is_expired:
                raise StreamExpiredError

    async def accept_tls(self, context: ssl.SSLContext, timeout_s: float) -> ssl.SSLObject:
        """Become a TLS server on this connection. Raises OSError or ssl.SSLError when the handshake fails or takes
        longer than `timeout_s`.
        """
        return await self._start_tls(context, None, timeout_s)

    async def begin_with_tls(self, context: ssl.SSLContext, timeout_s: float) -> ssl.SSLObject:
        """As `accept_tls`, on an accepted socket on which nothing is said before TLS (RFC 8314 §3)."""
        assert self._socket is not None
        self._is_shaking_hands = True  # from now on the loop closes the socket
        transport, _ = await self._loop.connect_accepted_socket(
            lambda: self, self._socket, ssl=context, ssl_handshake_timeout=timeout_s
        )
        self._socket = None
        return self._encrypted(transport)

    async def connect_tls(
        self, context: ssl.SSLContext, server_hostname: str, timeout_s: float
    ) -> ssl.SSLObject:
        """Become a TLS client on this connection; raises as `accept_tls`."""
        return await self._start_tls(context, server_hostname, timeout_s)

    async def _start_tls(
        self, context: ssl.SSLContext, server_hostname: str | None, timeout_s: float
    ) -> ssl.SSLObject:
        assert self._transport is not None
        self._send_gathered()  # the reply to STARTTLS goes out in plaintext
        self._chunks.clear()  # RFC 3207 §4.2: nothing that came in plaintext survives
        self._size = 0
        self._is_paused = False
        transport = await self._loop.start_tls(
            self._transport,
            self,
            context,
            server_side=server_hostname is None,
            server_hostname=server_hostname,
            ssl_handshake_timeout=timeout_s,
        )
        return self._encrypted(transport)

    def _encrypted(self, transport: asyncio.Transport | None) -> ssl.SSLObject:
        if transport is None or self.is_closed:
            raise ConnectionResetError("the peer left during the TLS handshake")
        self._transport = transport
        self.tls = cast("ssl.SSLObject", transport.get_extra_info("ssl_object"))
        return self.tls

    def close(self) -> None:
        """Send what is written, then close."""
        self._send_gathered()
        self._drop_socket()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what was written and is not on its way is dropped."""
        self._gathered.clear()
        self._drop_socket()
        if self._transport is not None:
            self._transport.abort()

    def extra(self, name: str) -> Any:
        """The transport's own facts, as `asyncio.BaseTransport.get_extra_info` has them."""
        return None if self._transport is None else self._transport.get_extra_info(name)

    def _know_peer(self, peer: object) -> None:
        if isinstance(peer, tuple):
            self.peer_ip, self.peer_port = peer[0].partition("%")[0], peer[1]
            if self.peer_ip.startswith("::ffff:") and "." in self.peer_ip:
                self.peer_ip = self.peer_ip[7:]

    def _drop_socket(self) -> None:
        """Until `begin_with_tls` is done there is no transport to close; a handshake under way fails."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is closed, or the peer has gone
                self._socket.shutdown(socket.SHUT_RDWR)
            if not self._is_shaking_hands:
                self._socket.close()

    def _send_gathered(self) -> None:
        gathered = self._gathered
        if gathered and self._transport is not None:
            self._transport.write(gathered[0] if len(gathered) == 1 else b"".join(gathered))
            gathered.clear()

    def _is_silent(self) -> bool:
        return not (self._chunks or self.is_ended or self.is_expired)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _take(self) -> bytes:
        if self.is_expired:
            raise StreamExpiredError
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
        return data

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
