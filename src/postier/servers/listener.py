"""One listener: accepts, counts, runs a task per connection, ends them all in peace.

Not here: what is spoken (a `Conversation`). Invariants: a connection's failure ends that connection only and is
logged with its trace (STYLE 15); limits are per worker process.
"""

import asyncio
import ipaddress
import socket
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import msgspec
import structlog

from postier.servers.acceptor import BACKLOG, Acceptor
from postier.servers.tally import NO_TALLY, Tally
from postier.tls.stream import Stream, StreamExpiredError

SWEEP_S = 1.0
LINGER_S = 10.0  # for a peer to take the last words
IPV6_SITE_BITS = 64  # one customer's network counts as one peer


class ConnectionLimits(msgspec.Struct, frozen=True):
    """How many connections at one time: together, and from one IPv4 address or IPv6 /64; `exempt` has no limit."""

    connections: int = 10_000
    connections_per_ip: int = 50
    exempt: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()


class Conversation(Protocol):
    """A protocol's side of a listener."""

    name: str

    @property
    def begins_with_tls(self) -> bool:
        """Whether a connection is given unread, for the conversation to begin with TLS (`Stream.begin_with_tls`)."""
        ...

    async def converse(self, stream: Stream) -> None:
        """Speak with the peer until one of both has ended. It closes nothing; the listener does."""
        ...

    def refuse(self, stream: Stream, why: str) -> None:
        """Write the protocol's "too many connections" to a peer that will not be served."""
        ...

    def say_goodbye(self, stream: Stream) -> None:
        """The server stops: tell a peer that waits between commands, and make its `converse` return soon."""
        ...


class Listener:
    """A `Service` (app.worker) for the sockets of one listener (an address family each)."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        conversation: Conversation,
        limits: ConnectionLimits,
        tally: Tally = NO_TALLY,
    ) -> None:
        self._sockets = sockets
        self._conversation = conversation
        self.limits = limits
        self._tally = tally
        self._streams: dict[Stream, asyncio.Task[None]] = {}
        self._lingering: dict[Stream, float] = {}  # closed by us, not yet taken by the peer: until when
        self._per_peer: Counter[str] = Counter()
        self._tasks: asyncio.TaskGroup | None = None
        self._servers: list[asyncio.Server | Acceptor] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._log = structlog.get_logger().bind(listener=conversation.name)

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to accept."""
        self._tasks = tasks
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            if self._conversation.begins_with_tls:
                self._servers.append(Acceptor(sock, self.accepted, self._log))
                continue
            self._servers.append(
                await loop.create_server(lambda: _Accepted(loop, self), sock=sock, backlog=BACKLOG)
            )
        self._sweep = loop.call_later(SWEEP_S, self._expire)

    def stop_accepting(self) -> None:
        """Close the listening sockets in this process."""
        for server in self._servers:
            server.close()

    async def finish(self, deadline: float) -> None:
        """Say goodbye to every peer; those that are not done at `deadline` (loop time) are cut off."""
        for stream in tuple(self._streams):
            self._conversation.say_goodbye(stream)
        tasks = set(self._streams.values())
        if tasks:
            await asyncio.wait(tasks, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
        for stream in tuple(self._streams):
            stream.abort()
        for stream in self._lingering:
            stream.abort()
        self._lingering.clear()
        if self._sweep is not None:
            self._sweep.cancel()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._streams)

    def accepted(self, stream: Stream) -> None:
        """A connection was made."""
        peer = _peer_key(stream.peer_ip)
        if not self._is_exempt(stream.peer_ip):
            if len(self._streams) >= self.limits.connections:
                self._turn_away(stream, "too many connections", "total")
                return
            if self._per_peer[peer] >= self.limits.connections_per_ip:
                self._turn_away(stream, "too many connections from your network", "network")
                return
        assert self._tasks is not None
        self._tally.opened(self._conversation.name)
        self._per_peer[peer] += 1
        self._streams[stream] = self._tasks.create_task(self._run(stream, peer))

    def _turn_away(self, stream: Stream, why: str, bound: str) -> None:
        self._tally.turned_away(self._conversation.name, bound)
        self._log.info("connection-refused", peer=stream.peer_ip, reason=why)
        self._conversation.refuse(stream, why)
        stream.close()

    async def _run(self, stream: Stream, peer: str) -> None:
        try:
            await self._conversation.converse(stream)
        except StreamExpiredError:
            stream.abort()
        except Exception:  # a bug of ours ends this connection only
            self._log.exception("connection-failed", peer=stream.peer_ip)
            self._tally.failed(self._conversation.name)
        finally:
            self._tally.closed(self._conversation.name)
            stream.close()
            if stream.has_unsent:
                self._lingering[stream] = asyncio.get_running_loop().time() + LINGER_S
            del self._streams[stream]
            self._per_peer[peer] -= 1
            if not self._per_peer[peer]:
                del self._per_peer[peer]

    def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for stream in tuple(self._streams):
            stream.expire_if_late(now)
        for stream, deadline in tuple(self._lingering.items()):
            if now > deadline:  # it takes nothing of what was said last; a close would wait for ever
                stream.abort()
            if now > deadline or stream.is_closed:
                del self._lingering[stream]
        self._sweep = loop.call_later(SWEEP_S, self._expire)

    def _is_exempt(self, ip: str) -> bool:
        if not self.limits.exempt:
            return False
        address = ipaddress.ip_address(ip)
        return any(address in network for network in self.limits.exempt)


class _Accepted(Stream):
    """A stream that tells its listener once, when it is connected (not again after a TLS upgrade)."""

    __slots__ = ("_listener",)

    def __init__(self, loop: asyncio.AbstractEventLoop, listener: Listener) -> None:
        super().__init__(loop)
        self._listener: Listener | None = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.accepted(self)


def _peer_key(ip: str) -> str:
    if ":" not in ip:
        return ip
    return str(ipaddress.ip_network((ip, IPV6_SITE_BITS), strict=False))
