"""A running POP3 server for tests: a listener on loopback over a real store, accounts with passwords, a plain client."""

import asyncio
import socket

from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator
from postier.mailbox.folders import mailbox_id_of
from postier.mailbox.names import INBOX
from postier.pop3.settings import SessionSettings
from postier.servers.listener import ConnectionLimits, Listener
from postier.servers.logins import Logins
from postier.servers.pop3.connection import Timeouts
from postier.servers.pop3.conversation import Pop3Conversation
from tests.mailbox.letters import append
from tests.servers.imap.served import ADDRESSES, LIMIT_S, PASSWORD, found


class Pop3Server:
    """`async with Pop3Server(store) as server`; alice is `ids[0]`."""

    def __init__(self, store, *, tls=None, limits=None, timeouts=None, **settings):
        self.store = store
        self._limits = limits or ConnectionLimits(1000, 1000)
        self._authenticator = Authenticator(store, Limiter(store, ()), threads=1)
        settings = {"is_plaintext_login_allowed": True, "mechanisms": ("PLAIN", "LOGIN")} | settings
        self.conversation = Pop3Conversation(
            "pop3",
            SessionSettings("mx.alpha.test", **settings),
            timeouts or Timeouts(),
            store,
            Logins(self._authenticator),
            tls,
        )
        self._clients = []

    async def __aenter__(self):
        self.ids = await self.store.write(found)
        sock = socket.create_server(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        self.listener = Listener([sock], self.conversation, self._limits)
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

    async def file(self, *letters, who=0):
        """File letters into INBOX; gives their UIDs."""
        inbox = await self.store.read(mailbox_id_of, self.ids[who], INBOX)
        return [filed.uid for filed in await append(self.store, self.ids[who], inbox, *letters)]

    async def connect(self, **options):
        """A client that has read the greeting."""
        client = await self.connect_silently(**options)
        client.greeting = await client.line()
        return client

    async def connect_silently(self, **options):
        """A client that has read nothing."""
        client = Pop3Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24, **options))
        self._clients.append(client)
        return client

    async def login(self, who=0, **options):
        """A client that has logged in."""
        client = await self.connect(**options)
        assert (await client.login(who)).startswith(b"+OK ")
        return client


class Pop3Client:
    """A client that says what the test says, and gives what comes."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.greeting = b""

    def send(self, data):
        self.writer.write(data if isinstance(data, bytes) else data.encode())

    async def line(self):
        """One line without its CRLF; b"" at the end of the connection."""
        async with asyncio.timeout(LIMIT_S):
            return (await self.reader.readline()).removesuffix(b"\r\n")

    async def ask(self, command):
        """The status line that a command gets."""
        self.send(command + "\r\n")
        return await self.line()

    async def ok(self, command):
        """The status line of a command that succeeds."""
        line = await self.ask(command)
        assert line.startswith(b"+OK"), line
        return line

    async def lines(self, command=None):
        """What a multi-line answer holds, unstuffed."""
        if command is not None:
            await self.ok(command)
        lines = []
        while (line := await self.line()) != b".":
            assert line or not self.reader.at_eof(), lines[-3:]
            lines.append(line.removeprefix(b".") if line.startswith(b".") else line)
        return lines

    async def login(self, who=0, password=PASSWORD):
        """USER and PASS; the answer to PASS."""
        await self.ok(f"USER {ADDRESSES[who]}")
        return await self.ask(f"PASS {password}")

    async def quit(self):
        """QUIT; its answer, after which the server closes."""
        answer = await self.ask("QUIT")
        assert await self.line() == b""
        return answer

    async def ended(self):
        """What comes until the server closes; a reset may lose some of it."""
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
