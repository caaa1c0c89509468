"""The whole server on PostgreSQL: submission, delivery here, IMAP, and IDLE across workers."""

import asyncio
import contextlib
from pathlib import Path

import imapclient
import pytest

from tests.crash.load import SmtpClient
from tests.crash.node import configuration_text, free_ports, populate, stored
from tests.postgres_server import PostgresServer
from tests.server_process import ServerProcess

IDLERS = 4  # over two workers: some of them are served by the worker that does not take the letter in


@pytest.mark.xdist_group("crash")
async def test_the_whole_server_on_postgresql(tmp_path: Path, postgres_server: PostgresServer) -> None:
    smtp_port, submission_port, imap_port, unused = free_ports(4)
    configuration = tmp_path / "postier.toml"
    configuration.write_text(
        f'store.url = "{postgres_server.new_database()}"\n'
        + configuration_text(smtp_port, submission_port, unused, unused)
        + f'[[listener]]\nprotocol = "imap"\nbind = "127.0.0.1:{imap_port}"\ntls = "none"\n'
    )
    await populate(configuration)
    server = ServerProcess(configuration)
    await server.start()
    sessions = await asyncio.to_thread(lambda: [log_in(imap_port) for _ in range(IDLERS)])
    for session in sessions:
        await asyncio.to_thread(session.idle)

    await send_one(smtp_port)

    heard = await asyncio.gather(*(asyncio.to_thread(session.idle_check, 10) for session in sessions))
    assert all((1, b"EXISTS") in lines for lines in heard)
    await asyncio.to_thread(read_and_leave, sessions)
    assert await server.stop() == 0
    assert await stored(configuration) == {"1@elsewhere.test": {1}}


def log_in(port: int) -> imapclient.IMAPClient:
    session = imapclient.IMAPClient("127.0.0.1", port, ssl=False, timeout=20)
    session.login("u1@alpha.test", "secret")
    session.select_folder("INBOX")
    return session


def read_and_leave(sessions: list[imapclient.IMAPClient]) -> None:
    for session in sessions:
        session.idle_done()
        fetched = session.fetch([1], ["BODY[]", "FLAGS"])
        assert b"Message-ID: <1@elsewhere.test>" in fetched[1][b"BODY[]"]
        session.logout()


async def send_one(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.closing(writer):
        client = SmtpClient(reader, writer)
        await client.reply(220)
        for line, code in [
            ("EHLO elsewhere.test", 250),
            ("MAIL FROM:<s@elsewhere.test>", 250),
            ("RCPT TO:<u1@alpha.test>", 250),
            ("DATA", 354),
            ("From: s@elsewhere.test\r\nMessage-ID: <1@elsewhere.test>\r\n\r\nhello\r\n.", 250),
        ]:
            await client.say(line, code)
