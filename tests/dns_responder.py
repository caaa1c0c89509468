"""A UDP server on loopback whose answers a function of the test makes: for what no honest DNS server says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import dns.message
import dns.rrset


class Responder(asyncio.DatagramProtocol):
    """A UDP server whose answers a function of the test makes: octets in, datagrams out."""

    def __init__(self, respond: Callable[[bytes], list[bytes]]) -> None:
        self.asked: list[bytes] = []
        self.heard = asyncio.Event()
        self._respond = respond

    def connection_made(self, transport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, addr) -> None:
        self.asked.append(data)
        self.heard.set()
        for answer in self._respond(data):
            self._transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def responder(respond: Callable[[bytes], list[bytes]], port: int = 0) -> AsyncIterator[Responder]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Responder(respond), local_addr=("127.0.0.1", port)
    )
    try:
        yield protocol
    finally:
        transport.close()


def reply(query: bytes, *records: str, rcode: int = 0, flags: int = 0) -> bytes:
    """A well-formed response with `records` ("name ttl type data") as its answer section."""
    message = dns.message.make_response(dns.message.from_wire(query))
    message.set_rcode(rcode)
    message.flags |= flags
    for record in records:
        name, ttl, rdtype, data = record.split(" ", 3)
        message.answer.append(dns.rrset.from_text(name, int(ttl), "IN", rdtype, data))
    return message.to_wire()
