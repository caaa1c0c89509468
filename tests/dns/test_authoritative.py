"""`dns.authoritative`: the server on a socket, asked by our resolver and by noise."""

import asyncio

import dns.message
import pytest
import uvloop

from postier.dns import authoritative
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailauth.questions import AddressQuestion, MxQuestion, Status, TxtQuestion

TEXT = "@ IN MX 10 mail\nmail IN A 192.0.2.1\nlong IN TXT " + " ".join(['"' + "x" * 200 + '"'] * 10)


def zones(**options) -> Zones:
    return Zones({"alpha.test": TEXT}, **options)


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_our_resolver_asks_it(loop_factory):
    async def main():
        async with AuthoritativeServer(zones(authenticated=True)) as server:
            resolver = Resolver([(server.host, server.port)])
            mx = await resolver.query(MxQuestion("alpha.test"))
            assert mx.records[0].exchange == "mail.alpha.test"
            assert mx.authenticated
            assert (await resolver.query(AddressQuestion("x.alpha.test", 4))).status is Status.NXDOMAIN
            assert (await resolver.query(TxtQuestion("long.alpha.test"))).records == (b"x" * 2000,)
        assert (await Resolver([(server.host, server.port)]).query(MxQuestion("alpha.test"))).is_error

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


async def tcp(server):
    return await asyncio.open_connection(server.host, server.port)


def framed(octets: bytes) -> bytes:
    return len(octets).to_bytes(2, "big") + octets


async def test_several_queries_on_one_connection():
    async with AuthoritativeServer(zones()) as server:
        reader, writer = await tcp(server)
        query = dns.message.make_query("alpha.test", "MX").to_wire()
        writer.write(framed(query) * 3)
        for _ in range(3):
            size = int.from_bytes(await reader.readexactly(2), "big")
            assert (await reader.readexactly(size))[:2] == query[:2]
        writer.close()


async def test_noise_does_not_end_it():
    async with AuthoritativeServer(zones()) as server:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(server.host, server.port)
        )
        for noise in (
            b"",
            b"\xff" * 3,
            b"\0" * 12,
            b"\xff" * 600,
            b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1",
        ):
            transport.sendto(noise)
        transport.close()
        for noise in (b"\0\0", framed(b"\0" * 12), framed(b"\xff" * 300), b"\xff\xffhalf"):
            _, writer = await tcp(server)
            writer.write(noise)
            await writer.drain()
            writer.close()
        resolver = Resolver([(server.host, server.port)])
        assert (await resolver.query(MxQuestion("alpha.test"))).records


async def test_an_idle_connection_is_closed(monkeypatch):
    monkeypatch.setattr(authoritative, "IDLE_TIMEOUT_S", 0.01)
    async with AuthoritativeServer(zones()) as server:
        reader, writer = await tcp(server)
        assert await reader.read() == b""
        writer.close()


async def test_connections_are_bounded(monkeypatch):
    monkeypatch.setattr(authoritative, "MAX_CONNECTIONS", 1)
    async with AuthoritativeServer(zones()) as server:
        query = dns.message.make_query("alpha.test", "MX").to_wire()
        reader, writer = await tcp(server)
        writer.write(framed(query))
        await reader.readexactly(2)
        refused, other = await tcp(server)
        assert await refused.read() == b""
        other.close()
        writer.close()


async def test_a_taken_port_is_an_error():
    async with AuthoritativeServer(zones()) as server:
        with pytest.raises(OSError, match=r"(?i)in use"):
            await AuthoritativeServer(zones(), port=server.port).start()


async def test_a_zone_changes_while_it_runs():
    async with AuthoritativeServer(zones()) as server:
        server.zones.put("alpha.test", "@ IN TXT new")
        assert (await Resolver([(server.host, server.port)]).query(TxtQuestion("alpha.test"))).records == (
            b"new",
        )
