"""The promise of DESIGN §3: what was acknowledged with 250 survives kill -9 of the whole server, again and again.

Several connections send without a pause, to mailboxes here and through the queue to a server elsewhere. The server is
killed as soon as a random number of letters has been acknowledged, and started again on the same data. At the end every
acknowledged letter must be where it belongs (more than once is allowed), and the store must be sound.
"""

import asyncio
import base64
import contextlib
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from postier.accounts.accounts import add_account
from postier.accounts.credentials import hash_password
from postier.accounts.domains import add_domain
from postier.app.configuration import load
from postier.app.stores import open_store
from postier.cli.root import root
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.zones import Zones
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.mta.queue_rows import list_messages
from tests.server_process import ServerProcess

ACCOUNTS = 10
SENDERS = 6
MOST_LETTERS_PER_LIFE = 80
DRAIN_S = 60.0
ZONES = {
    "sink.test": "@ MX 10 mx\nmx A 127.0.0.1\n",
    "elsewhere.test": '@ TXT "v=spf1 ip4:127.0.0.1 -all"\n@ MX 10 mx\nmx A 127.0.0.1\n',
}


class Sink:
    """A server elsewhere: takes every letter and remembers its Message-ID."""

    def __init__(self) -> None:
        self.received: set[str] = set()

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._converse, "127.0.0.1", 0)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(b"220 mx.sink.test ESMTP\r\n")
            while line := await reader.readline():
                if line.upper().startswith(b"DATA"):
                    writer.write(b"354 go on\r\n")
                    letter = await reader.readuntil(b"\r\n.\r\n")
                    self.received.add(message_id_in(letter))
                writer.write(b"250 8BITMIME\r\n" if line[:4].upper() == b"EHLO" else b"250 ok\r\n")
        writer.close()


def message_id_in(letter: bytes) -> str:
    start = letter.index(b"Message-ID: <") + 13
    return letter[start : letter.index(b">", start)].decode()


class Load:
    """What was sent, and what of it was acknowledged."""

    def __init__(self, smtp_port: int, submission_port: int) -> None:
        self.local: dict[str, set[int]] = {}  # Message-ID: accounts
        self.remote: set[str] = set()
        self.count = 0
        self.acknowledged = asyncio.Condition()
        self.is_over = False
        self._ports = smtp_port, submission_port

    async def send(self, number: int, chance: random.Random) -> None:
        """Send until it is over; connect again whenever the connection breaks."""
        is_remote = number % 3 == 0
        while not self.is_over:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, Refused):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._ports[is_remote])
                try:
                    await self._converse(Client(reader, writer), number, chance, is_remote=is_remote)
                finally:
                    writer.close()
            await asyncio.sleep(0)

    async def _converse(
        self, client: "Client", number: int, chance: random.Random, *, is_remote: bool
    ) -> None:
        await client.reply(220)
        await client.say("EHLO elsewhere.test", 250)
        if is_remote:
            await client.say("AUTH PLAIN " + base64.b64encode(b"\0u0@alpha.test\0secret").decode(), 235)
        while not self.is_over:
            self.count += 1
            message_id = f"{self.count}.{number}@elsewhere.test"
            sender = "u0@alpha.test" if is_remote else "s@elsewhere.test"
            accounts = set() if is_remote else set(chance.sample(range(ACCOUNTS), chance.randint(1, 3)))
            names = ["x@sink.test"] if is_remote else [f"u{account}@alpha.test" for account in accounts]
            await client.say(f"MAIL FROM:<{sender}>", 250)
            for name in names:
                await client.say(f"RCPT TO:<{name}>", 250)
            await client.say("DATA", 354)
            body = "x" * chance.randint(0, 20_000)
            await client.say(f"From: {sender}\r\nMessage-ID: <{message_id}>\r\n\r\n{body}\r\n.", 250)
            if is_remote:
                self.remote.add(message_id)
            else:
                self.local[message_id] = accounts
            async with self.acknowledged:
                self.acknowledged.notify_all()

    def total(self) -> int:
        return len(self.local) + len(self.remote)


class Refused(Exception):  # noqa: N818
    """The server said something else than was hoped for."""


class Client:
    """The least of an SMTP client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, line: str, code: int) -> None:
        self._writer.write(line.encode() + b"\r\n")
        await self.reply(code)

    async def reply(self, code: int) -> None:
        while True:
            line = await self._reader.readline()
            if not line:
                raise ConnectionResetError
            if line[3:4] == b" ":
                if line[:3] != str(code).encode():
                    raise Refused(line)
                return


def free_ports(count: int) -> list[int]:
    import socket

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def configuration_text(smtp_port: int, submission_port: int, dns_port: int, sink_port: int) -> str:
    return f"""
hostname = "mx.alpha.test"
workers = 2
[dns]
resolvers = ["127.0.0.1:{dns_port}"]
[[listener]]
protocol = "smtp"
bind = "127.0.0.1:{smtp_port}"
tls = "none"
[[listener]]
protocol = "submission"
bind = "127.0.0.1:{submission_port}"
tls = "none"
[limits]
exempt_networks = ["127.0.0.0/8"]
[delivery]
port = {sink_port}
allow_private_addresses = true
retry_first_s = 1
retry_max_s = 1
[access]
plaintext_login = true
[log]
level = "warning"
"""


async def populate(configuration: Path) -> None:
    store = await open_store(load(configuration, {}))
    await store.write(add_domain, "alpha.test")
    secret = hash_password("secret")
    for number in range(ACCOUNTS):
        await store.write(add_account, Address(f"u{number}", "alpha.test"), secret, default_mailboxes)
    await store.close()


async def stored(configuration: Path) -> dict[str, set[int]]:
    """Message-ID: numbers of the accounts that have it."""
    store = await open_store(load(configuration, {}))
    rows = await store.read(
        lambda tx: tx.rows(
            "SELECT e.message_id, a.address FROM email e JOIN account a ON a.account_id = e.account_id"
            " JOIN entry x ON x.account_id = e.account_id AND x.email_id = e.email_id"
        )
    )
    await store.close()
    found: dict[str, set[int]] = {}
    for message_id, address in rows:
        found.setdefault(message_id, set()).add(int(address.partition("@")[0][1:]))
    return found


async def drain(configuration: Path) -> None:
    """Wait until the queue is empty."""
    store = await open_store(load(configuration, {}))
    async with asyncio.timeout(DRAIN_S):
        while await store.read(list_messages):
            await asyncio.sleep(0.05)
    await store.close()


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("crash")
async def test_nothing_acknowledged_is_lost(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    chance = random.Random(1)
    sink = Sink()
    listening = await sink.serve()
    smtp_port, submission_port = free_ports(2)
    async with AuthoritativeServer(Zones(ZONES)) as dns:
        configuration = tmp_path / "postier.toml"
        sink_port = listening.sockets[0].getsockname()[1]
        configuration.write_text(configuration_text(smtp_port, submission_port, dns.port, sink_port))
        await populate(configuration)
        server = ServerProcess(configuration)
        await server.start()
        load_ = Load(smtp_port, submission_port)
        async with asyncio.TaskGroup() as tasks:
            for number in range(SENDERS):
                tasks.create_task(load_.send(number, random.Random(number)))
            for _ in range(request.config.getoption("--kills")):
                wanted = load_.total() + chance.randint(1, MOST_LETTERS_PER_LIFE)
                async with load_.acknowledged, asyncio.timeout(60):
                    await load_.acknowledged.wait_for(lambda wanted=wanted: load_.total() >= wanted)
                await server.kill()
                await server.start()
            load_.is_over = True
        await drain(configuration)
        assert await server.stop() == 0
    listening.close()
    found = await stored(configuration)
    lost = {name: accounts - found.get(name, set()) for name, accounts in load_.local.items()}
    assert {name: accounts for name, accounts in lost.items() if accounts} == {}
    assert load_.remote - sink.received == set()
    assert len(load_.local) > SENDERS
    assert len(load_.remote) > 1
    verified = await asyncio.to_thread(CliRunner().invoke, root, ["verify", "--config", str(configuration)])
    assert (verified.exit_code, verified.output) == (0, "the store is sound\n")
