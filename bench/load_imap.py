"""A mail program: one connection that counts what comes and keeps it only when asked to."""

import asyncio
from typing import Self

import msgspec

READ_BYTES = 1 << 20
_LINE = b"\r\n* "
_TAIL = 4096  # a tagged reply is no longer


class Answer(msgspec.Struct, frozen=True):
    """What a command brought: octets, untagged lines, and the text when it was kept."""

    octets: int
    lines: int
    text: bytes = b""


class ImapClient(asyncio.BufferedProtocol):
    """One connection. Reads go into one buffer, and only their ends are looked at, so that it costs little."""

    def __init__(self) -> None:
        self._buffer = bytearray(READ_BYTES)
        self._view = memoryview(self._buffer)
        self._tag = b"*"
        self._count = 0
        self._is_kept = False
        self.greeted: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiter = self.greeted
        self._start()

    @classmethod
    async def connect(cls, address: tuple[str, int]) -> Self:
        """Connect and read the greeting."""
        _, client = await asyncio.get_running_loop().create_connection(cls, *address)
        await client.greeted
        return client

    @classmethod
    async def login(cls, address: tuple[str, int], user: str, password: str) -> Self:
        """Connect and log in."""
        client = await cls.connect(address)
        await client.command(f'LOGIN "{user}" "{password}"'.encode())
        return client

    async def command(self, line: bytes, *, keep: bool = False) -> Answer:
        """Say a command and wait for its tagged reply. Raises AssertionError unless it is OK."""
        self._count += 1
        tag = b"t%d" % self._count
        return await self.raw(tag + b" " + line + b"\r\n", tag, keep=keep)

    async def raw(self, text: bytes, tag: bytes, *, keep: bool = False) -> Answer:
        """Send octets and wait for the reply with this tag; b"+" waits for a continuation."""
        self._start(keep=keep)
        self._tag = tag
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(text)
        return await self._waiter

    def line_with(self, word: bytes) -> "asyncio.Future[Answer]":
        """What is done when a line with this word has come (in IDLE)."""
        self._start()
        self._tag = word
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        if not self._waiter.done():
            self._waiter.set_exception(ConnectionResetError(f"the server hung up: {exc}"))

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 # asyncio's signature
        """The one buffer."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Count what came."""
        got = self._view[:nbytes]
        self._octets += nbytes
        self._lines += self._buffer.count(_LINE, 0, nbytes) + (self._tail[-3:] + bytes(got[:3])).count(_LINE)
        if self._is_kept:
            self._kept.append(bytes(got))
        self._tail = (self._tail + bytes(got[-_TAIL:]))[-_TAIL:]
        self._finish()

    def _start(self, *, keep: bool = False) -> None:
        self._octets = self._lines = 0
        self._kept: list[bytes] = []
        self._tail = b"\r\n"
        self._is_kept = keep

    def _finish(self) -> None:
        """Answer the waiter if what it waits for has come."""
        if self._waiter.done() or not self._tail.endswith(b"\r\n"):
            return
        if not self._tag.startswith((b"t", b"z")):  # a word or sign, not a tag
            if self._tag in self._tail[2:]:
                self._waiter.set_result(Answer(self._octets, self._lines, b"".join(self._kept)))
            return
        at = self._tail.rfind(b"\r\n" + self._tag + b" ")
        if at < 0:
            return
        reply = self._tail[at + len(self._tag) + 3 :]
        if reply.startswith(b"OK"):
            self._waiter.set_result(Answer(self._octets, self._lines, b"".join(self._kept)))
        else:
            self._waiter.set_exception(AssertionError(reply.decode(errors="replace").strip()))


async def append(
    client: ImapClient, mailbox: bytes, letters: list[bytes], *, at_once: int, multi: bool = False
) -> None:
    """APPEND letters by LITERAL+: `at_once` commands in a group, or that many letters in one command (`multi`).

    `at_once` 0 waits for the continuation of each.
    """
    if not at_once:
        for letter in letters:
            await client.raw(b"z APPEND %b {%d}\r\n" % (mailbox, len(letter)), b"+")
            await client.raw(letter + b"\r\n", b"z")
        return
    for start in range(0, len(letters), at_once):
        group = letters[start : start + at_once]
        if multi:
            text = b"".join(b" {%d+}\r\n%b" % (len(letter), letter) for letter in group)
            await client.raw(b"z APPEND %b%b\r\n" % (mailbox, text), b"z")
        else:
            last = len(group) - 1
            text = b"".join(
                b"%b APPEND %b {%d+}\r\n%b\r\n" % (b"z" if n == last else b"y", mailbox, len(letter), letter)
                for n, letter in enumerate(group)
            )
            await client.raw(text, b"z")
