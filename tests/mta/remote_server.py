"""Another server, as good or bad as a test wants it: one loopback address, scripted replies, everything kept."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec

HANG_UP = ""  # as a reply: closes the connection instead
EXTENSIONS = ("PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


class Taken(msgspec.Struct, frozen=True):
    """A letter that the server said 250 to (or heard to its end)."""

    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes
    is_encrypted: bool


class Remote:
    """`replies` maps the beginning of a line ("RCPT TO:<b@", "DATA", "." for the end of a letter, "" for the greeting)
    to what is said instead of the usual, a list to what is said in turn.
    """

    def __init__(
        self,
        replies: Mapping[str, str | list[str]] | None = None,
        *,
        extensions: tuple[str, ...] = EXTENSIONS,
        tls: ssl.SSLContext | None = None,
        injected: bytes = b"",
        closes_on_421: bool = True,
    ) -> None:
        self.replies = dict(replies or {})
        self.extensions = extensions
        self.tls = tls
        self.closes_on_421 = closes_on_421
        self.injected = injected  # said in plaintext right behind the 220 of STARTTLS
        self.connections = 0
        self.letters: list[Taken] = []
        self.lines: list[str] = []
        self.gate: asyncio.Event | None = None  # nothing is answered to MAIL until it is set
        self.is_deaf = False  # takes no octet of a letter
        self._writers: set[asyncio.StreamWriter] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await self._converse(reader, writer)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        envelope: list[str] = []
        is_encrypted = False
        if not self._say(writer, "", "220 remote ESMTP"):
            return
        while line := (await reader.readline()).decode("utf-8", "backslashreplace").rstrip("\r\n"):
            self.lines.append(line)
            verb = line.partition(" ")[0].upper()
            if verb == "EHLO":
                offers = [*self.extensions, *(["STARTTLS"] if self.tls and not is_encrypted else [])]
                usual = "\r\n".join(["250-remote", *(f"250-{each}" for each in offers), "250 HELP"])
            else:
                usual = {"DATA": "354 go on", "QUIT": "221 bye", "STARTTLS": "220 go on"}.get(
                    verb, "250 2.0.0 ok"
                )
            if verb == "MAIL":
                envelope = [line[11:].partition(">")[0]]
                if self.gate is not None:
                    await self.gate.wait()
            answer = self._say(writer, line, usual)
            if verb == "RCPT" and answer.startswith("2"):
                envelope.append(line[9:].partition(">")[0])
            if verb == "STARTTLS" and answer.startswith("2") and self.tls is not None:
                writer.write(self.injected)
                await writer.start_tls(self.tls)
                is_encrypted = True
            if verb == "DATA" and self.is_deaf:
                writer.transport.pause_reading()  # type: ignore[attr-defined]
                await asyncio.Event().wait()
            if verb == "DATA" and answer.startswith("3"):
                content = await self._letter(reader)
                if content is not None:
                    self.lines.append(".")
                    answer = self._say(writer, ".", "250 2.0.0 taken")
                    self.letters.append(Taken(envelope[0], tuple(envelope[1:]), content, is_encrypted))
            if not answer or verb == "QUIT" or (answer.startswith("421") and self.closes_on_421):
                await writer.drain()
                return

    async def _letter(self, reader: asyncio.StreamReader) -> bytes | None:
        lines = []
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                return None
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def _say(self, writer: asyncio.StreamWriter, line: str, usual: str) -> str:
        begins = [
            key for key in self.replies if line == key or (key and line.upper().startswith(key.upper()))
        ]
        answer = self.replies[max(begins, key=len)] if begins else usual
        if isinstance(answer, list):  # each once, the last for ever
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer:
            writer.write(answer.encode() + b"\r\n")
        return answer

    @asynccontextmanager
    async def at(self, address: str, port: int) -> AsyncIterator[None]:
        """Serve there until the block ends."""
        server = await asyncio.start_server(self._serve, address, port, limit=1 << 22)
        try:
            yield
        finally:
            server.close()
            for writer in tuple(self._writers):
                writer.transport.abort()
            await server.wait_closed()


def shared_port() -> int:
    """A port that is free on every address of the loopback network."""
    with socket.socket() as bound:
        bound.bind(("0.0.0.0", 0))  # noqa: S104 (never listened on)
        return int(bound.getsockname()[1])
