"""What a peer of a line protocol sends, taken a slice at a time, so that a long pipeline lets others have their turn.

Not here: deadlines (the connection sets them). Invariant: nothing is read while some of what came before is still to be looked at.
"""

import asyncio
from collections.abc import Callable

from postier.tls.stream import Stream


class SlicedInput:
    """The input of one connection."""

    __slots__ = ("_slice_octets", "_stream", "_unread")

    def __init__(self, stream: Stream, slice_octets: int) -> None:
        self._stream = stream
        self._slice_octets = slice_octets
        self._unread = b""  # read, and not given away yet

    async def take(self, is_stopping: Callable[[], bool]) -> bytes | None:
        """The next octets; none at the end of the stream, None when the server stops. Raises StreamExpiredError."""
        if self._unread:
            await asyncio.sleep(0)
        while not self._unread:
            if is_stopping():
                return None
            data = await self._stream.read_or_wake()
            if data == b"":
                return data
            self._unread = data or b""
        taken, self._unread = self._unread[: self._slice_octets], self._unread[self._slice_octets :]
        return taken

    def drop(self) -> None:
        """Forget what was not taken: nothing that came in plaintext survives STARTTLS (RFC 2595 §4, SECURITY 7)."""
        self._unread = b""
