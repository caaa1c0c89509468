"""The other servers: sessions that deliver letters as fast as they are taken.

A session says MAIL, RCPT and DATA of the next letter together with the final dot of the last, as RFC 2920 allows, unless it
is told to wait for each reply, or to connect anew for each letter.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

GREETING = b"EHLO load.test\r\n"


class Taken(msgspec.Struct):
    """What came of a run: seconds from the final dot to 250, by letter."""

    seconds: float = 0.0
    waits_s: list[float] = []

    def percentile_ms(self, part: float) -> float:
        """The wait that this part of the letters did not pass."""
        ordered = sorted(self.waits_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000


class _Session(asyncio.Protocol):
    """One connection; each reply is asked for by one entry of `_expected`."""

    def __init__(
        self, letters: Iterator[tuple[bytes, bytes]], taken: Taken, done: asyncio.Future[None]
    ) -> None:
        self._letters = letters
        self._taken = taken
        self._done = done
        self._left = b""
        self._body = b""
        self._dotted_at = 0.0
        self._state: Callable[[bytes], None] = self._greeted
        self._limit = 0
        self._sent = 0
        self._is_pipelined = True

    def limited(self, limit: int, *, is_pipelined: bool) -> "_Session":
        """At most `limit` letters (0: as many as there are); `is_pipelined`: commands in groups."""
        self._limit, self._is_pipelined = limit, is_pipelined
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionResetError(f"the server hung up: {exc}"))

    def data_received(self, data: bytes) -> None:
        lines = (self._left + data).split(b"\r\n")
        self._left = lines.pop()
        for line in lines:
            if line[3:4] != b"-":
                self._state(line)

    def _greeted(self, line: bytes) -> None:
        self._expect(line, b"220")
        self._transport.write(GREETING)
        self._state = self._helloed

    def _helloed(self, line: bytes) -> None:
        self._expect(line, b"250")
        self._transport.write(self._envelope())

    def _envelope(self, before: bytes = b"") -> bytes:
        """What begins the next letter, behind `before`; QUIT if there is none."""
        following = None if self._limit and self._sent >= self._limit else next(self._letters, None)
        if following is None:
            self._state = self._dotted_last if before else self._quitted
            return before + b"QUIT\r\n"
        self._sent += 1
        recipient, self._body = following
        self._state = self._dotted if before else self._mailed
        if self._is_pipelined:
            return before + b"MAIL FROM:<sender@load.test>\r\nRCPT TO:<" + recipient + b">\r\nDATA\r\n"
        self._recipient = recipient
        return before + b"MAIL FROM:<sender@load.test>\r\n"

    def _mailed(self, line: bytes) -> None:
        self._expect(line, b"250")
        if not self._is_pipelined:
            self._transport.write(b"RCPT TO:<" + self._recipient + b">\r\n")
        self._state = self._named

    def _named(self, line: bytes) -> None:
        self._expect(line, b"250")
        if not self._is_pipelined:
            self._transport.write(b"DATA\r\n")
        self._state = self._invited

    def _invited(self, line: bytes) -> None:
        self._expect(line, b"354")
        body = self._body
        self._dotted_at = time.perf_counter()
        if self._is_pipelined:
            self._transport.write(self._envelope(body + b".\r\n"))
        else:
            self._transport.write(body + b".\r\n")
            self._state = self._dotted

    def _dotted(self, line: bytes) -> None:
        self._count(line)
        if self._is_pipelined:
            self._state = self._mailed
        else:
            self._transport.write(self._envelope())

    def _dotted_last(self, line: bytes) -> None:
        self._count(line)
        self._state = self._quitted

    def _quitted(self, line: bytes) -> None:
        self._expect(line, b"221")
        self._done.set_result(None)
        self._transport.close()

    def _count(self, line: bytes) -> None:
        self._expect(line, b"250")
        self._taken.waits_s.append(time.perf_counter() - self._dotted_at)

    def _expect(self, line: bytes, code: bytes) -> None:
        if line[:3] != code and not self._done.done():
            self._done.set_exception(AssertionError(f"expected {code.decode()}: {line.decode()}"))
            self._transport.abort()


async def deliver(
    address: tuple[str, int],
    letters: Sequence[bytes],
    recipients: Sequence[bytes],
    count: int,
    connections: int,
    *,
    is_pipelined: bool = True,
    letters_each: int = 0,
) -> Taken:
    """Deliver `count` letters over `connections` at one time; with `letters_each` a connection carries no more."""
    stuffed = [body.replace(b"\r\n.", b"\r\n..") for body in letters]
    work = ((recipients[n % len(recipients)], stuffed[n % len(stuffed)]) for n in range(count))
    taken = Taken()

    async def run_session() -> None:
        loop = asyncio.get_running_loop()
        while True:
            before, done = len(taken.waits_s), loop.create_future()
            session = _Session(work, taken, done).limited(letters_each, is_pipelined=is_pipelined)
            await loop.create_connection(lambda: session, *address)  # noqa: B023 # it is called at once
            await done
            if not letters_each or len(taken.waits_s) >= count or len(taken.waits_s) == before:
                return

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(connections, count)):
            tasks.create_task(run_session())
    taken.seconds = time.perf_counter() - started
    if len(taken.waits_s) != count:
        raise AssertionError(f"{len(taken.waits_s)} of {count} letters were taken")
    return taken
