"""The octets a session has received and not used yet, and the lines in them.

Not here: what the lines mean (`session`). Source: RFC 1939 §3. Invariants: no more than MAX_BUFFERED_OCTETS and one read
are kept; nothing of a line over the limit is; what `line` returns does not depend on how the octets were cut.
"""

import enum

from postier.pop3.settings import MAX_BUFFERED_OCTETS


class LineFault(enum.Enum):
    """Why a line is not one."""

    TOO_LONG = "the line is too long"
    BARE_NEWLINE = "a line ends with CR LF"


class Input:
    """A queue of octets that gives lines."""

    __slots__ = ("_at", "_buffer", "_is_skipping")

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0
        self._is_skipping = False  # the rest of a line that is too long

    def receive(self, data: bytes) -> None:
        """Add octets; BufferError: more are added although those here are not used."""
        rest = len(self)
        if not rest:
            self._buffer = data
        elif rest > MAX_BUFFERED_OCTETS:
            raise BufferError("input is not being used up")
        else:
            self._buffer = self._buffer[self._at :] + data
        self._at = 0

    def __len__(self) -> int:
        return len(self._buffer) - self._at

    def clear(self) -> int:
        """Throw everything away; how many octets that were."""
        count = len(self)
        self._buffer, self._at, self._is_skipping = b"", 0, False
        return count

    def beginning(self, count: int) -> bytes:
        """The first octets of the line that comes next; b"" within a line that is too long."""
        return b"" if self._is_skipping else self._buffer[self._at : self._at + count]

    def line(self, limit: int) -> bytes | LineFault | None:
        """The next line without its CRLF, None if its end is not here yet. A fault is told at the line's end."""
        end = self._buffer.find(b"\n", self._at) + 1
        if not end:
            if self._is_skipping or len(self) > limit:
                self.clear()
                self._is_skipping = True
            return None
        line, self._at = self._buffer[self._at : end], end
        if self._is_skipping or len(line) > limit:
            self._is_skipping = False
            return LineFault.TOO_LONG
        return line[:-2] if line.endswith(b"\r\n") else LineFault.BARE_NEWLINE
