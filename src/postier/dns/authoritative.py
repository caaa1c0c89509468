"""A small authoritative DNS server on one address, UDP and TCP, for `postier demo` and for tests.

Not here: what is answered (`zones`); it is no server for the Internet (no rate limit, no DNSSEC, no transfer).
Sources: RFC 1035 §4.2, RFC 7766 (several queries on one connection). Invariants: no packet ends it; connections and
their idle time are bounded.
"""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self, cast

from postier.dns.zones import Zones

MAX_CONNECTIONS = 64
IDLE_TIMEOUT_S = 10.0  # RFC 7766 §6.2.3: a few seconds
_BIND_ATTEMPTS = 8  # port 0: UDP chooses a port that TCP may not get


class AuthoritativeServer:
    """`async with AuthoritativeServer(zones) as server:` serves on `server.host`, `server.port` until the block ends."""

    def __init__(self, zones: Zones, host: str = "127.0.0.1", port: int = 0) -> None:
        self.zones = zones
        self.host = host
        self.port = port
        self._datagrams: asyncio.DatagramTransport | None = None
        self._streams: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Bind both; raises OSError."""
        loop = asyncio.get_running_loop()
        for attempt in range(_BIND_ATTEMPTS):
            self._datagrams, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self.zones), local_addr=(self.host, self.port)
            )
            port = self._datagrams.get_extra_info("sockname")[1]
            try:
                self._streams = await asyncio.start_server(self._serve, self.host, port)
            except OSError:
                self._datagrams.close()
                if self.port or attempt == _BIND_ATTEMPTS - 1:
                    raise
                continue
            self.port = port
            return

    async def stop(self) -> None:
        """Close both, and what is connected."""
        if self._datagrams is not None:
            self._datagrams.close()
        if self._streams is not None:
            self._streams.close()
            for writer in tuple(self._writers):
                writer.close()
            await self._streams.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: queries in turn (RFC 7766 §6.2.1), until it idles, ends, or says nothing sensible."""
        if len(self._writers) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._writers.add(writer)
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            while True:
                async with asyncio.timeout(IDLE_TIMEOUT_S):
                    size = int.from_bytes(await reader.readexactly(2), "big")
                    query = await reader.readexactly(size)
                    response = self.zones.respond(query, is_udp=False)
                    if response is None:
                        break
                    writer.write(len(response).to_bytes(2, "big") + response)
                    await writer.drain()
        self._writers.discard(writer)
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """One datagram in, one out."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's is no subclass

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Answer to where it came from."""
        response = self._zones.respond(data, is_udp=True)
        if response is not None:
            self._transport.sendto(response, addr)
