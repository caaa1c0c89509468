"""Load that remembers: what was sent over SMTP, submission and IMAP, and what of it the server has acknowledged.

Every connection goes on until the load is over and connects again when it breaks. What was sent and not answered is in
doubt: it may be there or not.
"""

import asyncio
import base64
import contextlib
import random
import re
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from tests.crash.node import ACCOUNTS, PASSWORD, letter

APPEND_UID = re.compile(rb"\[APPENDUID \d+ (\d+)\]")
LINE_OCTETS = 38  # of random data, twice as many in hexadecimal digits
MOST_LINES = 300
ANSWER_S = 30.0


class RefusedError(Exception):
    """The server said something else than was hoped for."""


class SmtpClient:
    """The least of a client that sends a transaction in two pieces."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, line: str, code: int) -> str:
        self._writer.write(line.encode() + b"\r\n")
        return await self.reply(code)

    async def reply(self, code: int) -> str:
        """The last line of a reply. Raises RefusedError, ConnectionError, TimeoutError."""
        while True:
            async with asyncio.timeout(ANSWER_S):
                line = await self._reader.readline()
            if not line.endswith(b"\n"):
                raise ConnectionResetError
            if line[3:4] == b" ":
                if line[:3] != str(code).encode():
                    raise RefusedError(line)
                return line.decode()

    async def send(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """One transaction, pipelined."""
        lines = [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{name}>" for name in recipients), "DATA"]
        self._writer.write("".join(line + "\r\n" for line in lines).encode())
        for _ in lines[:-1]:
            await self.reply(250)
        await self.reply(354)
        self._writer.write(content + b".\r\n")
        return await self.reply(250)


class ImapClient:
    """The least of a client that files, flags and deletes messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0

    async def say(self, command: bytes) -> bytes:
        """The tagged line of a command that succeeds. Raises RefusedError, ConnectionError, TimeoutError."""
        self._number += 1
        tag = b"a%d" % self._number
        self._writer.write(tag + b" " + command + b"\r\n")
        while True:
            async with asyncio.timeout(ANSWER_S):
                line = await self._reader.readline()
            if not line.endswith(b"\n"):
                raise ConnectionResetError
            if line.startswith(tag + b" "):
                if not line.startswith(tag + b" OK"):
                    raise RefusedError(line)
                return line

    async def append(self, content: bytes) -> int:
        """File a message in INBOX; its UID."""
        found = APPEND_UID.search(await self.say(b"APPEND INBOX {%d+}\r\n%b" % (len(content), content)))
        assert found is not None
        return int(found[1])


class Filed(msgspec.Struct):
    """A message that APPEND has acknowledged. None: asked for and not answered."""

    account: int
    uid: int
    is_flagged: bool | None = False
    is_expunged: bool | None = False


class Load:
    """What was acknowledged, by Message-ID."""

    def __init__(self, smtp_port: int, submission_port: int, imap_port: int) -> None:
        self.accounts: dict[str, set[int]] = {}  # who must have a letter here
        self.remote: set[str] = set()  # what must have reached the server elsewhere
        self.filed: dict[str, Filed] = {}
        self.is_over = False
        self.refusals: list[str] = []
        self._count = 0
        self._news = asyncio.Condition()
        self._talks: tuple[tuple[int, Callable[..., Awaitable[None]]], ...] = (
            (smtp_port, self._receive),
            (submission_port, self._submit),
            (imap_port, self._file),
        )

    def total(self) -> int:
        """How much was acknowledged."""
        return len(self.accounts) + len(self.remote) + len(self.filed)

    async def reach(self, total: int) -> None:
        """Wait until that much was acknowledged."""
        async with self._news, asyncio.timeout(ANSWER_S):
            await self._news.wait_for(lambda: self.total() >= total)

    async def reach_of_each(self, count: int) -> None:
        """Wait until that much of each kind was acknowledged."""
        async with self._news, asyncio.timeout(ANSWER_S):
            await self._news.wait_for(
                lambda: min(len(self.accounts), len(self.remote), len(self.filed)) >= count
            )

    async def run(self, number: int) -> None:
        """One connection after the other, until the load is over; the number decides what it speaks."""
        chance = random.Random(number)
        port, talk = self._talks[number % len(self._talks)]
        while not self.is_over:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                with contextlib.closing(writer):
                    await talk(reader, writer, number, chance)
            except RefusedError as refusal:
                self.refusals.append(str(refusal))
            except (OSError, TimeoutError):
                await asyncio.sleep(0.01)  # the server is down; nothing tells when it is up again

    async def _receive(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, chance: random.Random
    ) -> None:
        """Letters from elsewhere to one or several mailboxes."""
        client = SmtpClient(reader, writer)
        await client.reply(220)
        await client.say("EHLO elsewhere.test", 250)
        while not self.is_over:
            message_id, content = self._letter(number, chance)
            accounts = set(chance.sample(range(ACCOUNTS), chance.randint(1, 3)))
            await client.send("s@elsewhere.test", [f"u{each}@alpha.test" for each in accounts], content)
            self.accounts[message_id] = accounts
            await self._tell()

    async def _submit(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, chance: random.Random
    ) -> None:
        """A user's letters: always to somebody elsewhere, often to mailboxes here too."""
        client = SmtpClient(reader, writer)
        await client.reply(220)
        await client.say("EHLO client.test", 250)
        login = base64.b64encode(f"\0u0@alpha.test\0{PASSWORD}".encode()).decode()
        await client.say(f"AUTH PLAIN {login}", 235)
        while not self.is_over:
            message_id, content = self._letter(number, chance, sender="u0@alpha.test")
            accounts = set(chance.sample(range(ACCOUNTS), chance.randint(0, 2)))
            names = ["x@sink.test", *(f"u{each}@alpha.test" for each in accounts)]
            await client.send("u0@alpha.test", names, content)
            self.remote.add(message_id)
            if accounts:
                self.accounts[message_id] = accounts
            await self._tell()

    async def _file(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, chance: random.Random
    ) -> None:
        """Messages that a user files in INBOX; some are flagged, some deleted again."""
        client = ImapClient(reader, writer)
        account = number % ACCOUNTS
        await client.say(f"LOGIN u{account}@alpha.test {PASSWORD}".encode())
        await client.say(b"SELECT INBOX")
        while not self.is_over:
            message_id, content = self._letter(number, chance)
            filed = self.filed[message_id] = Filed(account, await client.append(content))
            await self._tell()
            if chance.random() < 0.5:
                filed.is_flagged = None
                await client.say(b"UID STORE %d +FLAGS.SILENT (\\Flagged)" % filed.uid)
                filed.is_flagged = True
            if chance.random() < 0.3:
                await client.say(b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % filed.uid)
                filed.is_expunged = None
                await client.say(b"UID EXPUNGE %d" % filed.uid)
                filed.is_expunged = True

    def _letter(
        self, number: int, chance: random.Random, *, sender: str = "s@elsewhere.test"
    ) -> tuple[str, bytes]:
        self._count += 1
        message_id = f"{self._count}.{number}@elsewhere.test"
        lines = [chance.randbytes(LINE_OCTETS).hex() for _ in range(chance.randint(1, MOST_LINES))]
        return message_id, letter(message_id, ("\r\n".join(lines) + "\r\n").encode(), sender=sender)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()
