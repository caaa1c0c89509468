"""One query to one server and its response: UDP with a fresh random port and id, TCP when the answer is cut.

Not here: which server is asked and how often (`resolver`), what the octets mean (`wire`). Sources: RFC 1035 §4.2,
RFC 7766 (TCP). Invariants: a datagram counts only if it comes from the server's address (the socket is connected),
has our id and repeats our question; everything else is dropped and the wait goes on, so that a forger gains nothing.
"""

import asyncio
import ipaddress
import random

import msgspec

from postier.dns import wire

_CHANCE = random.SystemRandom()  # the operating system's generator: a forger must not predict ids


class Server(msgspec.Struct, frozen=True):
    """A recursive server. Its AD bit counts only if `trusted` (RFC 4035 §4.9.3)."""

    host: str
    port: int = 53
    trusted: bool = False

    @property
    def is_loopback(self) -> bool:
        """Whether the path to it cannot be tampered with."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class _Waiting(asyncio.DatagramProtocol):
    """A connected UDP socket that waits for the one response it may get."""

    def __init__(self, ident: bytes, query: wire.Query, *, exact_case: bool) -> None:
        self._ident = ident
        self._query = query
        self._exact_case = exact_case
        self.response: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _addr: object) -> None:
        """Keep the first datagram that answers; drop what does not."""
        if (
            data[:2] == self._ident
            and not self.response.done()
            and wire.answers(data, self._query.question, exact_case=self._exact_case)
        ):
            self.response.set_result(data)

    def error_received(self, exc: Exception) -> None:
        """ICMP says that nobody listens: no need to wait for the timeout."""
        if not self.response.done():
            self.response.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone; whoever still waits is told."""
        if not self.response.done():
            if exc is None:
                self.response.cancel()
            else:
                self.response.set_exception(exc)


async def ask_udp(server: Server, query: wire.Query, *, exact_case: bool = False) -> bytes:
    """The response datagram. Raises OSError; waits for ever (the caller holds the clock)."""
    ident = _CHANCE.randbytes(2)
    transport, waiting = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Waiting(ident, query, exact_case=exact_case), remote_addr=(server.host, server.port)
    )
    try:
        transport.sendto(ident + query.octets)
        return await waiting.response
    finally:
        transport.close()


async def ask_tcp(server: Server, query: wire.Query, *, exact_case: bool = False) -> bytes:
    """The response over a connection of its own (RFC 7766 §5). Raises OSError, MalformedResponseError."""
    ident = _CHANCE.randbytes(2)
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        message = ident + query.octets
        writer.write(
            len(message).to_bytes(2, "big") + message
        )  # RFC 7766 §8: one write for length and message
        await writer.drain()
        size = int.from_bytes(await reader.readexactly(2), "big")
        response = await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise wire.MalformedResponseError("the connection ended inside the response") from error
    finally:
        writer.close()
    if response[:2] != ident or not wire.answers(response, query.question, exact_case=exact_case):
        raise wire.MalformedResponseError("the response belongs to another query")
    return response


def mixed_case(name: bytes) -> bytes:
    """The name in wire form with random letter case (a few more bits that a forger must guess)."""
    return wire.mix_case(name, _CHANCE.getrandbits(256))
