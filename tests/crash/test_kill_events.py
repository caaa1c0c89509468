"""Kill -9 while mail programs append and scripts follow: each message's script has run once, however often the server was killed.

Programs append letters to an account whose script for IMAP events files a copy of each, flags it and sends it elsewhere; the whole
server is killed at random moments. At the end each letter in INBOX has one copy in Archive, has its flag, and was sent.
"""

import asyncio
import contextlib
import random
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP

from postier.accounts.scripts import put_script
from postier.app.configuration import load
from postier.app.stores import open_store
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.zones import Zones
from postier.store.transaction import WriteTx
from tests.crash.node import (
    PASSWORD,
    SOUND,
    configuration_text,
    contents,
    drain,
    free_ports,
    letter,
    listener,
    populate,
    verify,
)
from tests.crash.test_kill_scripts import ZONES, Elsewhere
from tests.server_process import ServerProcess

KILLS = 5
CONNECTIONS = 4
LONGEST_LIFE_S = 0.3
SCRIPT = b"""require ["imapsieve", "fileinto", "copy", "imap4flags", "environment"];
if environment "imap.cause" "APPEND" {
  fileinto :copy "Archive"; redirect :copy "copies@elsewhere.test"; addflag "\\\\Answered";
}
"""


class Programs:
    """What was acknowledged: Message-IDs."""

    def __init__(self, port: int) -> None:
        self.sent: set[str] = set()
        self.is_over = False
        self._port = port
        self._count = 0

    async def run(self, number: int) -> None:
        """Append without a pause."""
        while not self.is_over:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                with contextlib.closing(writer):
                    await self._talk(reader, writer, number)
            except (OSError, TimeoutError, ConnectionError):
                await asyncio.sleep(0.01)  # the server is down; nothing tells when it is up again

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        async def say(words: bytes) -> None:
            writer.write(b"a " + words + b"\r\n")
            async with asyncio.timeout(20):
                while not (line := await reader.readline()).startswith(b"a "):
                    if not line:
                        raise ConnectionError
            assert line.startswith(b"a OK"), line

        await say(f"LOGIN u1@alpha.test {PASSWORD}".encode())
        while not self.is_over:
            self._count += 1
            message_id = f"{number}.{self._count}@alpha.test"
            content = letter(message_id, b"Hello.\r\n", sender="u1@alpha.test")
            await say(b"APPEND INBOX {%d+}\r\n%s" % (len(content), content))
            self.sent.add(message_id)


def give(tx: WriteTx) -> None:
    account_id = tx.value("SELECT account_id FROM account WHERE address = 'u1@alpha.test'")
    put_script(tx, account_id, "imapsieve", SCRIPT)


async def settled(configuration: Path) -> None:
    """Until no run is to come."""
    store = await open_store(load(configuration, {}))
    try:
        async with asyncio.timeout(60):
            while await store.read(lambda tx: tx.value("SELECT count(*) FROM sieve_event")):
                await asyncio.sleep(0.05)  # another process does it
    finally:
        await store.close()


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("crash")
async def test_each_run_is_done_once(tmp_path: Path) -> None:
    chance = random.Random(5)
    elsewhere = Elsewhere()
    loop = asyncio.get_running_loop()
    taking = await loop.create_server(
        lambda: SMTP(elsewhere, hostname="mx.elsewhere.test", ident="x", loop=loop), "127.0.0.1", 0
    )
    smtp_port, submission_port, imap_port = free_ports(3)
    configuration = tmp_path / "postier.toml"
    programs = Programs(imap_port)
    async with AuthoritativeServer(Zones(ZONES)) as dns, taking:
        sink_port = taking.sockets[0].getsockname()[1]
        text = configuration_text(smtp_port, submission_port, dns.port, sink_port)
        configuration.write_text(text + listener("imap", imap_port))
        await populate(configuration)
        store = await open_store(load(configuration, {}))
        await store.write(give)
        await store.close()
        server = ServerProcess(configuration)
        await server.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(CONNECTIONS):
                    tasks.create_task(programs.run(number))
                for _ in range(KILLS):
                    await asyncio.sleep(chance.uniform(0.05, LONGEST_LIFE_S))  # the moment is what is tried
                    await server.kill()
                    await server.start()
                wanted = len(programs.sent) + 20
                async with asyncio.timeout(60):
                    while len(programs.sent) < wanted:
                        await asyncio.sleep(0.01)
                programs.is_over = True
            await settled(configuration)
            await drain(configuration)
            assert await server.stop() == 0
        finally:
            await server.kill()
    kept = await contents(configuration)
    inbox = [each for each in kept if each.mailbox == "INBOX"]
    assert {each.message_id for each in inbox} >= programs.sent
    assert sorted(each.message_id for each in kept if each.mailbox == "Archive") == sorted(
        each.message_id for each in inbox
    )
    assert [each for each in inbox if not each.flags] == []
    assert {each.message_id for each in inbox} - elsewhere.copies == set()
    assert await verify(configuration) == SOUND
