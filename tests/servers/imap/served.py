"""A running IMAP server for tests: a listener on loopback over a real store, accounts with passwords, plain clients."""

import asyncio
import random
import re
import socket
import time

from postier.accounts.accounts import add_account
from postier.accounts.credentials import hash_password
from postier.accounts.directory import Directory
from postier.accounts.domains import add_domain
from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.mta.sieving.events import Events
from postier.mta.sieving.origin import Office
from postier.mta.sieving.shelf import Shelf
from postier.servers.imap.conversation import ImapConversation
from postier.servers.imap.settings import ImapSettings
from postier.servers.listener import ConnectionLimits, Listener
from postier.servers.logins import Logins

LIMIT_S = 10
PASSWORD = "correct horse"
SECRET = hash_password(PASSWORD)
ADDRESSES = ("alice@alpha.test", "carole@beta.test")


def letter(number=1, *, subject="Lunch", body="Hello.\r\n", extra=""):
    return (
        f"From: Alice <alice@alpha.test>\r\nTo: carole@beta.test\r\nSubject: {subject}\r\n"
        f"Date: Tue, 24 Nov 2026 01:02:03 +0000\r\nMessage-ID: <{number}@alpha.test>\r\n{extra}\r\n{body}"
    ).encode()


def found(tx, quota_bytes=None):
    """Two domains with an account each; gives the ids."""
    for domain in ("alpha.test", "beta.test"):
        add_domain(tx, domain)
    return [
        add_account(tx, Address.parse(address), SECRET, default_mailboxes, quota_bytes=quota_bytes)
        for address in ADDRESSES
    ]


class Served:
    """The server; `async with Served(store, folder) as served`."""

    def __init__(self, store, folder, *, tls=None, conversation=None, quota_bytes=None, **settings):
        self.store = store
        self._quota_bytes = quota_bytes
        self._authenticator = Authenticator(store, Limiter(store, ()), threads=1)
        settings = {"is_plaintext_login_allowed": True, "sieve_url": "sieve://mx.alpha.test"} | settings
        self._directory = Directory(store, hostname="mx.alpha.test")
        self._shelf = Shelf(store, event_script="imapsieve")
        office = Office("mx.alpha.test", self._directory, lambda: time.time_ns() // 1000, random.getrandbits)
        self.jobs = []
        self.events = Events(store, self._shelf, office, "node/1/0", self.jobs.extend)
        self.conversation = ImapConversation(
            "imap",
            ImapSettings("mx.alpha.test", **settings),
            store,
            Logins(self._authenticator),
            tls,
            folder,
            events=self.events,
            now_us=lambda: time.time_ns() // 1000,
        )
        self._clients = []

    async def __aenter__(self):
        self.ids = await self.store.write(found, self._quota_bytes)
        await self.open()
        return self

    async def open(self):
        """Begin to listen (`__aenter__` does, after making the accounts)."""
        sock = socket.create_server(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        self.listener = Listener([sock], self.conversation, ConnectionLimits(1000, 1000))
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        await self.listener.start(self._tasks)
        return self

    async def __aexit__(self, *_):
        self.listener.stop_accepting()
        for client in self._clients:
            client.close()
        await self.listener.finish(asyncio.get_running_loop().time() + 5)
        await self._tasks.__aexit__(None, None, None)
        self._authenticator.close()
        self._shelf.close()
        self._directory.close()

    async def connect(self, **options):
        """A client that has read the greeting."""
        client = await self.connect_silently(**options)
        client.greeting = await client.line()
        return client

    async def connect_silently(self, **options):
        """A client that has read nothing."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24, **options))
        self._clients.append(client)
        return client

    async def login(self, who=0, mailbox=None):
        """A client that has logged in (and opened a mailbox)."""
        client = await self.connect()
        await client.ok(f'LOGIN {ADDRESSES[who]} "{PASSWORD}"')
        if mailbox:
            await client.ok(f"SELECT {mailbox}")
        return client


class Client:
    """A client that says what the test says, and gives what comes."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.greeting = b""
        self.tag = 0

    def send(self, data):
        self.writer.write(data if isinstance(data, bytes) else data.encode())

    async def line(self):
        """One line with its literals, without its CRLF; b"" at the end of the connection."""
        async with asyncio.timeout(LIMIT_S):
            line = await self.reader.readline()
            while literal := re.search(rb"\{(\d+)\}\r\n\Z", line):
                line += await self.reader.readexactly(int(literal[1]))
                line += await self.reader.readline()
        return line.removesuffix(b"\r\n")

    async def raw_line(self):
        """One line, whatever it is."""
        async with asyncio.timeout(LIMIT_S):
            return (await self.reader.readline()).removesuffix(b"\r\n")

    async def until(self, start):
        """Lines up to and with the one that starts so."""
        lines = []
        while True:
            line = await self.line()
            assert line or not self.reader.at_eof(), f"the connection ended after {lines}"
            lines.append(line)
            if line.startswith(start):
                return lines

    async def command(self, text):
        """Untagged lines, then the tagged one without its tag."""
        self.tag += 1
        tag = b"a%d" % self.tag
        self.send(tag + b" " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        *lines, last = await self.until(tag + b" ")
        return [*lines, last.removeprefix(tag + b" ")]

    async def ok(self, text):
        """The untagged lines of a command that succeeds."""
        *lines, last = await self.command(text)
        assert last.startswith(b"OK"), last
        return lines

    async def refused(self, text):
        """The tagged line of a command that does not succeed."""
        last = (await self.command(text))[-1]
        assert not last.startswith(b"OK"), last
        return last

    async def append(self, message, mailbox="INBOX", rest=""):
        """APPEND with a non-synchronizing literal; the tagged line."""
        head = f"APPEND {mailbox} {rest}{{{len(message)}+}}\r\n".encode()
        return (await self.command(head + message))[-1]

    async def start_idle(self):
        self.tag += 1
        self.send(f"a{self.tag} IDLE\r\n")
        assert (await self.line()).startswith(b"+ ")

    async def done(self):
        self.send("DONE\r\n")
        return await self.until(b"a%d " % self.tag)

    async def ended(self):
        """What comes until the server closes; a reset, which follows octets that it never read, may lose some."""
        came = b""
        async with asyncio.timeout(LIMIT_S):
            try:
                while octets := await self.reader.read(65_536):
                    came += octets
            except ConnectionError:
                pass
        return came

    def close(self):
        self.writer.close()
