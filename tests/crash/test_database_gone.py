"""PostgreSQL goes away and comes back: everybody is told to try later, nothing acknowledged is lost, nobody need help."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from postier.dns.authoritative import AuthoritativeServer
from postier.dns.zones import Zones
from tests.crash.load import ImapClient, RefusedError, SmtpClient
from tests.crash.node import (
    PASSWORD,
    SOUND,
    configuration_text,
    drain,
    free_ports,
    letter,
    listener,
    populate,
    stored,
    verify,
)
from tests.crash.sink import Sink
from tests.postgres_server import PostgresServer
from tests.server_process import ServerProcess

RECOVERY_S = 30.0
SENDER = "s@elsewhere.test"


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that this test may crash."""
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@contextlib.asynccontextmanager
async def greeted(port: int):
    """An SMTP client that has said EHLO."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.closing(writer):
        client = SmtpClient(reader, writer)
        await client.reply(220)
        await client.say("EHLO elsewhere.test", 250)
        yield client


async def eventually(act: Callable[[], Awaitable[object]]) -> None:
    """Try until it is not refused any more."""
    async with asyncio.timeout(RECOVERY_S):
        while True:
            try:
                await act()
            except RefusedError:
                await asyncio.sleep(0.1)
            else:
                return


@pytest.mark.xdist_group("crash")
async def test_a_database_that_is_gone_defers_and_loses_nothing(
    tmp_path: Path, own_postgres: PostgresServer
) -> None:
    smtp_port, imap_port, submission_port, sink_port = free_ports(4)
    configuration = tmp_path / "postier.toml"
    zones = {"sink.test": "@ MX 10 mx\nmx A 127.0.0.1\n"}
    async with AuthoritativeServer(Zones(zones)) as dns:
        configuration.write_text(
            f'store.url = "{own_postgres.new_database()}"\n'
            + configuration_text(smtp_port, submission_port, dns.port, sink_port)
            + listener("imap", imap_port)
        )
        await populate(configuration)
        server = ServerProcess(configuration)
        await server.start()
        try:
            await _live_through(server, own_postgres, (smtp_port, submission_port, imap_port, sink_port))
            await drain(configuration)
            assert await server.stop() == 0
        finally:
            await server.kill()
    found = await stored(configuration)
    assert {"before@x", "during@x", "after@x"} - set(found) == {"during@x"}
    assert await verify(configuration) == SOUND


async def _live_through(server: ServerProcess, postgres: PostgresServer, ports: tuple[int, ...]) -> None:
    smtp_port, submission_port, imap_port, sink_port = ports
    reader, writer = await asyncio.open_connection("127.0.0.1", imap_port)
    imap = ImapClient(reader, writer)
    await imap.say(f"LOGIN u1@alpha.test {PASSWORD}".encode())
    await imap.say(b"SELECT INBOX")
    async with greeted(smtp_port) as smtp, greeted(submission_port) as user:
        await smtp.send(SENDER, ["u1@alpha.test"], letter("before@x", b"one\r\n"))
        await user.say("AUTH PLAIN AHUwQGFscGhhLnRlc3QAc2VjcmV0", 235)
        await user.send(
            "u0@alpha.test", ["x@sink.test"], letter("queued@x", b"two\r\n", sender="u0@alpha.test")
        )
        await smtp.say(f"MAIL FROM:<{SENDER}>", 250)
        await smtp.say("RCPT TO:<u1@alpha.test>", 250)
        await smtp.say("DATA", 354)

        await asyncio.to_thread(postgres.crash)
        await smtp.say((letter("during@x", b"three\r\n") + b".").decode(), 451)
        await smtp.say(f"MAIL FROM:<{SENDER}>", 250)
        await smtp.say("RCPT TO:<u2@alpha.test>", 451)
        await smtp.say("RSET", 250)
        for command in (b"UID STORE 1 +FLAGS (\\Seen)", b'CREATE "New"', b"SELECT Junk"):
            with pytest.raises(RefusedError, match=r"NO \[UNAVAILABLE\]"):
                await imap.say(command)
        with pytest.raises(RefusedError, match=r"NO \[UNAVAILABLE\]"):
            await imap.append(letter("during@x", b"three\r\n"))
        await imap.say(b"NOOP")

        sink = Sink()
        async with await sink.serve(sink_port):
            await asyncio.to_thread(postgres.resume)
            await eventually(lambda: smtp.send(SENDER, ["u1@alpha.test"], letter("after@x", b"four\r\n")))
            await eventually(lambda: imap.say(b"SELECT INBOX"))
            await imap.say(b"UID STORE 1 +FLAGS (\\Seen)")
            async with asyncio.timeout(RECOVERY_S):
                while "queued@x" not in sink.received:
                    await asyncio.sleep(0.05)
    writer.close()
    assert "Traceback" not in server.log.read_text()
