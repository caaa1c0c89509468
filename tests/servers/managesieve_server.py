"""A running ManageSieve server for tests: a listener on loopback over a real store."""

import asyncio
import base64
import re
import socket

from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator
from postier.managesieve.settings import SessionSettings
from postier.servers.listener import ConnectionLimits, Listener
from postier.servers.logins import Logins
from postier.servers.managesieve import ManageSieveConversation, Timeouts
from postier.servers.sieve_checker import SieveChecker
from tests.servers.imap.served import ADDRESSES, LIMIT_S, PASSWORD, found


class ManageSieveServer:
    """`async with ManageSieveServer(store) as server`."""

    def __init__(self, store, *, tls=None, limits=None, timeouts=None, **settings):
        self.store = store
        self._limits = limits or ConnectionLimits(1000, 1000)
        self._authenticator = Authenticator(store, Limiter(store, ()), threads=1)
        settings = {"is_plaintext_login_allowed": True, "mechanisms": ("PLAIN", "LOGIN")} | settings
        self.conversation = ManageSieveConversation(
            "managesieve",
            SessionSettings("mx.alpha.test", extensions=("fileinto",), **settings),
            timeouts or Timeouts(),
            store,
            Logins(self._authenticator),
            SieveChecker(),
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

    async def connect_silently(self):
        client = SieveClient(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24))
        self._clients.append(client)
        return client

    async def connect(self):
        """A client that has read the greeting."""
        client = await self.connect_silently()
        client.greeting = await client.answer()
        return client

    async def login(self, who=0):
        """A client that has logged in."""
        client = await self.connect()
        assert (await client.login(who))[-1].startswith(b"OK")
        return client


class SieveClient:
    """A client that says what the test says, and gives what comes."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

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

    async def answer(self):
        """Lines up to and with OK, NO or BYE."""
        lines = []
        while True:
            lines.append(await self.line())
            assert lines[-1] or not self.reader.at_eof(), lines
            if lines[-1].startswith((b"OK", b"NO", b"BYE")):
                return lines

    async def ask(self, command):
        self.send((command if isinstance(command, bytes) else command.encode()) + b"\r\n")
        return await self.answer()

    async def login(self, who=0, password=PASSWORD):
        """AUTHENTICATE "LOGIN", whose answers are strings."""
        self.send('AUTHENTICATE "LOGIN"\r\n')
        for words in (ADDRESSES[who], password):
            first = await self.line()
            if not first.startswith(b'"'):
                return [first]
            self.send(b'"%s"\r\n' % _base64(words))
        return await self.answer()

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


def _base64(text):
    return base64.b64encode(text.encode())
