"""The whole server on PostgreSQL: letters from elsewhere and from our users, IMAP, and IDLE across workers."""

import asyncio
import base64
import contextlib
from pathlib import Path

import imapclient
import pytest

from tests.crash.load import SmtpClient
from tests.crash.node import (
    PASSWORD,
    SOUND,
    configuration_text,
    free_ports,
    letter,
    listener,
    populate,
    stored,
    verify,
)
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
        + listener("imap", imap_port)
    )
    await populate(configuration)
    server = ServerProcess(configuration)
    await server.start()
    try:
        sessions = await asyncio.to_thread(lambda: [log_in(imap_port) for _ in range(IDLERS)])
        for number, (port, sender) in enumerate(
            ((smtp_port, "s@elsewhere.test"), (submission_port, "u0@alpha.test")), 1
        ):
            for session in sessions:
                await asyncio.to_thread(session.idle)
            await send_one(port, sender, number, is_user=port == submission_port)
            heard = await asyncio.gather(*(asyncio.to_thread(told_of, each, number) for each in sessions))
            assert all(heard)
            await asyncio.to_thread(read, sessions, number)
        await asyncio.to_thread(lambda: [session.logout() for session in sessions])
        assert await server.stop() == 0
    finally:
        await server.kill()
    assert await stored(configuration) == {"1@elsewhere.test": {1}, "2@elsewhere.test": {1}}
    assert await verify(configuration) == SOUND


def log_in(port: int) -> imapclient.IMAPClient:
    session = imapclient.IMAPClient("127.0.0.1", port, ssl=False, timeout=20)
    session.login("u1@alpha.test", PASSWORD)
    session.select_folder("INBOX")
    return session


def told_of(session: imapclient.IMAPClient, number: int) -> bool:
    """Whether IDLE says that there are so many messages; other news may come first."""
    while lines := session.idle_check(10):
        if (number, b"EXISTS") in lines:
            return True
    return False


def read(sessions: list[imapclient.IMAPClient], number: int) -> None:
    for session in sessions:
        session.idle_done()
        fetched = session.fetch([number], ["BODY.PEEK[]", "FLAGS"])
        assert b"Message-ID: <%d@elsewhere.test>" % number in fetched[number][b"BODY[]"]


async def send_one(port: int, sender: str, number: int, *, is_user: bool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.closing(writer):
        client = SmtpClient(reader, writer)
        await client.reply(220)
        await client.say("EHLO elsewhere.test", 250)
        if is_user:
            login = base64.b64encode(f"\0{sender}\0{PASSWORD}".encode()).decode()
            await client.say(f"AUTH PLAIN {login}", 235)
        content = letter(f"{number}@elsewhere.test", b"hello\r\n", sender=sender)
        await client.send(sender, ["u1@alpha.test"], content)
