"""The other end of a connection: says lines and octets, hears replies, goes over to TLS; every wait has a limit."""

import asyncio
import base64
import ssl
from typing import Self

LIMIT_S = 10


def trusting_nobody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class MailClient:
    """A raw client; `replies` keeps every reply that was heard."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.replies: list[str] = []

    @classmethod
    async def dial(cls, port: int, *, tls: bool = False, first: bytes = b"", host: str = "127.0.0.1") -> Self:
        """Connect; `first` is sent before anything else."""
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection(
                host, port, limit=1 << 20, ssl=trusting_nobody() if tls else None
            )
        if first:
            writer.write(first)
        return cls(reader, writer)

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def hear(self) -> str:
        """One reply, its lines joined; "" when the server has closed."""
        lines = []
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    line = await self.reader.readline()
                except (ConnectionResetError, BrokenPipeError):
                    line = b""
                if not line:
                    break
                assert line.endswith(b"\r\n")
                lines.append(line[:-2].decode())
                if line[3:4] != b"-":
                    break
        self.replies.append("\n".join(lines))
        return self.replies[-1]

    async def say(self, line: str) -> str:
        """Send a line, hear its reply."""
        self.send(line.encode() + b"\r\n")
        return await self.hear()

    async def all(self, *lines: str) -> list[str]:
        """Send lines in one piece, hear a reply to each; their codes."""
        self.send("".join(line + "\r\n" for line in lines).encode())
        return [(await self.hear())[:3] for _ in lines]

    async def greet(self, name: str = "client.test") -> str:
        """Hear the greeting, say EHLO."""
        assert (await self.hear()).startswith("220 ")
        return await self.say(f"EHLO {name}")

    async def start_tls(self, context: ssl.SSLContext | None = None) -> None:
        """The client's side of the handshake, after the 220."""
        async with asyncio.timeout(LIMIT_S):
            await self.writer.start_tls(context or trusting_nobody(), server_hostname="mx.alpha.test")

    async def login(self, name: str, password: str) -> str:
        """AUTH PLAIN."""
        given = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        return await self.say(f"AUTH PLAIN {given}")

    async def mail(self, sender: str, *recipients: str, letter: bytes, words: str = "") -> str:
        """One transaction; the reply to the letter, or to the first command that was refused."""
        for line in (
            f"MAIL FROM:<{sender}>{words}",
            *(f"RCPT TO:<{recipient}>" for recipient in recipients),
            "DATA",
        ):
            reply = await self.say(line)
            if reply[0] not in "23":
                return reply
        self.send(letter.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return await self.hear()

    async def has_ended(self) -> bool:
        """Wait until the server closes; True if it said nothing more."""
        async with asyncio.timeout(LIMIT_S):
            try:
                return await self.reader.read(1) == b""
            except ConnectionResetError:
                return True

    async def close(self) -> None:
        self.writer.close()
        try:
            async with asyncio.timeout(LIMIT_S):
                await self.writer.wait_closed()
        except (OSError, TimeoutError):
            return
