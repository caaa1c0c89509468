"""Kill -9 while scripts file, redirect and answer: all of a letter's effects are there, or the letter was never acknowledged.

Letters come from many senders to an account whose script files each, sends a copy to a server elsewhere and answers its sender; the
whole server is killed at random moments. At the end each acknowledged letter lies in the script's mailbox and nowhere else, its copy
has arrived, and so has an answer to its sender: one, and no second one but by an attempt whose reply was lost.
"""

import asyncio
import contextlib
import email
import random
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from postier.accounts.scripts import activate_script, put_script
from postier.app.configuration import load
from postier.app.stores import open_store
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.zones import Zones
from postier.store.transaction import WriteTx
from tests.crash.load import RefusedError, SmtpClient
from tests.crash.node import SOUND, configuration_text, contents, drain, free_ports, letter, populate, verify
from tests.server_process import ServerProcess

KILLS = 5
CONNECTIONS = 6
LONGEST_LIFE_S = 0.3
ZONES = {"elsewhere.test": '@ TXT "v=spf1 ip4:127.0.0.1 -all"\n@ MX 10 mx\nmx A 127.0.0.1\n'}
SCRIPT = b"""require ["fileinto", "vacation", "copy", "duplicate"];
redirect :copy "copies@elsewhere.test";
vacation :days 7 :addresses "u1@alpha.test" "Away.";
if duplicate { fileinto "Trash"; } else { fileinto "Archive"; }
"""


class Elsewhere:
    """The server that takes copies and answers; `handle_DATA` is aiosmtpd's hook."""

    def __init__(self) -> None:
        self.copies: set[str] = set()
        self.answers: dict[str, set[str]] = {}  # recipient: Message-IDs of the answers

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        assert isinstance(envelope.original_content, bytes)
        message = email.message_from_bytes(envelope.original_content)
        if envelope.rcpt_tos == ["copies@elsewhere.test"]:
            self.copies.add(str(message["Message-ID"]).strip("<>"))
        else:
            self.answers.setdefault(envelope.rcpt_tos[0], set()).add(str(message["Message-ID"]))
        return "250 2.0.0 taken"


class Senders:
    """What was acknowledged: Message-ID, sender."""

    def __init__(self, port: int) -> None:
        self.sent: dict[str, str] = {}
        self.is_over = False
        self._port = port
        self._count = 0

    async def run(self, number: int) -> None:
        """Letters without a pause; each sender writes a few."""
        while not self.is_over:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                with contextlib.closing(writer):
                    await self._talk(SmtpClient(reader, writer), number)
            except (OSError, TimeoutError, RefusedError):
                await asyncio.sleep(0.01)  # the server is down; nothing tells when it is up again

    async def _talk(self, client: SmtpClient, number: int) -> None:
        await client.reply(220)
        await client.say("EHLO elsewhere.test", 250)
        while not self.is_over:
            self._count += 1
            message_id = f"{number}.{self._count}@elsewhere.test"
            sender = f"s{number}.{self._count // 20}@elsewhere.test"
            content = b"To: u1@alpha.test\r\n" + letter(message_id, b"Hello.\r\n", sender=sender)
            await client.send(sender, ["u1@alpha.test"], content)
            self.sent[message_id] = sender


def give(tx: WriteTx) -> None:
    account_id = tx.value("SELECT account_id FROM account WHERE address = 'u1@alpha.test'")
    put_script(tx, account_id, "main", SCRIPT)
    activate_script(tx, account_id, "main")


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("crash")
async def test_effects_are_whole(tmp_path: Path) -> None:
    chance = random.Random(3)
    elsewhere = Elsewhere()
    loop = asyncio.get_running_loop()
    taking = await loop.create_server(
        lambda: SMTP(elsewhere, hostname="mx.elsewhere.test", ident="x", loop=loop), "127.0.0.1", 0
    )
    smtp_port, submission_port = free_ports(2)
    configuration = tmp_path / "postier.toml"
    senders = Senders(smtp_port)
    async with AuthoritativeServer(Zones(ZONES)) as dns, taking:
        sink_port = taking.sockets[0].getsockname()[1]
        configuration.write_text(configuration_text(smtp_port, submission_port, dns.port, sink_port))
        await populate(configuration)
        store = await open_store(load(configuration, {}))
        await store.write(give)
        await store.close()
        server = ServerProcess(configuration)
        await server.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(CONNECTIONS):
                    tasks.create_task(senders.run(number))
                for _ in range(KILLS):
                    await asyncio.sleep(chance.uniform(0.05, LONGEST_LIFE_S))  # the moment is what is tried
                    await server.kill()
                    await server.start()
                wanted = len(senders.sent) + 20
                async with asyncio.timeout(60):
                    while len(senders.sent) < wanted:
                        await asyncio.sleep(0.01)
                senders.is_over = True
            await drain(configuration)
            assert await server.stop() == 0
        finally:
            await server.kill()
    kept = await contents(configuration)
    assert {each.message_id for each in kept if each.mailbox == "Archive"} >= set(senders.sent)
    assert {each.mailbox for each in kept} <= {"Archive", "Trash"}
    assert set(senders.sent) - elsewhere.copies == set()
    assert set(senders.sent.values()) - set(elsewhere.answers) == set()
    assert [ids for ids in elsewhere.answers.values() if len(ids) != 1] == []
    assert await verify(configuration) == SOUND
