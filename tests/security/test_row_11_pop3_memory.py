"""SECURITY 11, 6: before login a POP3 client can make the server hold a few octets, whatever it sends."""

import asyncio

from postier.pop3.settings import MAX_AUTH_OCTETS
from postier.tls.stream import HIGH_WATER_BYTES
from tests.servers.pop3_server import Pop3Server


async def test_an_endless_line_is_not_kept(sqlite_store):
    async with Pop3Server(sqlite_store) as server:
        client = await server.connect()
        for verb in (b"USER ", b"AUTH PLAIN ", b"FROB "):
            client.send(verb)
            for _ in range(40):
                client.send(b"x" * 100_000)
                await client.writer.drain()
                for stream in server.listener._streams:
                    assert stream._size <= HIGH_WATER_BYTES + 300_000
            client.send(b"\r\n")
            assert await client.line() == b"-ERR the line is too long"


async def test_an_endless_answer_of_sasl_is_not_kept(sqlite_store):
    async with Pop3Server(sqlite_store) as server:
        client = await server.connect()
        assert await client.ask("AUTH PLAIN") == b"+ "
        client.send(b"A" * (MAX_AUTH_OCTETS + 1) + b"\r\n")
        assert await client.line() == b"-ERR the line is too long"
        assert (await client.login()).startswith(b"+OK ")


async def test_a_flood_of_commands_ends_and_others_are_served_meanwhile(sqlite_store):
    async with Pop3Server(sqlite_store) as server:
        flood = await server.connect()
        flood.send(b"FROB\r\n" * 100_000)
        quick = await asyncio.wait_for(server.login(), 5)
        await quick.ok("NOOP")
        await flood.ended()
