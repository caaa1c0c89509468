"""The octets a session has received and not used yet, and the lines in them.

Not here: what the lines mean (`session`). Source: RFC 5321 §2.3.8 and §4.5.3.1.4. Invariants: no more than
MAX_BUFFERED_OCTETS and one read are kept; of a line over the limit only its beginning is; what `line` returns does
not depend on how the octets were cut.
"""

from enum import Enum

from postier.smtp.settings import MAX_BUFFERED_OCTETS

MAX_LOGGED_OCTETS = 80  # of a line that is refused


class LineFault(Enum):
    """Why a line is not one."""

    TOO_LONG = "too-long"
    BARE_NEWLINE = "bare-newline"


class Input:
    """`buffer` from `at` on is unused; both are open to the readers of bodies, which use whole pieces of it."""

    __slots__ = ("at", "beginning", "buffer", "is_skipping")

    def __init__(self) -> None:
        self.buffer = b""
        self.at = 0
        self.is_skipping = False  # the rest of a line that is too long
        self.beginning = b""  # of the line that had a fault, for the log

    def receive(self, data: bytes) -> None:
        """Add octets; BufferError: more are added although those here are not used."""
        rest = len(self.buffer) - self.at
        if not rest:
            self.buffer = data
        elif rest > MAX_BUFFERED_OCTETS:
            raise BufferError("input is not being used up")
        else:
            self.buffer = self.buffer[self.at :] + data
        self.at = 0

    def __len__(self) -> int:
        return len(self.buffer) - self.at

    def clear(self) -> int:
        """Throw everything away; how many octets that were."""
        count = len(self)
        self.buffer, self.at = b"", 0
        return count

    def take(self, count: int) -> bytes:
        """The next octets, `count` at most."""
        octets = self.buffer[self.at : self.at + count]
        self.at += len(octets)
        return octets

    def starts_with(self, octet: bytes) -> bool:
        """Whether a line begins here, and with this octet."""
        return not self.is_skipping and self.buffer[self.at : self.at + 1] == octet

    def line(self, limit: int) -> bytes | LineFault | None:
        """The next line without its CRLF, None if its end is not here yet. A fault is told at the line's end."""
        buffer, at = self.buffer, self.at
        end = buffer.find(b"\n", at) + 1
        if not end:
            if self.is_skipping or len(buffer) - at > limit:
                if not self.is_skipping:
                    self.is_skipping = True
                    self.beginning = buffer[at : at + MAX_LOGGED_OCTETS]
                self.clear()
            return None
        self.at = end
        if self.is_skipping:
            self.is_skipping = False
            return LineFault.TOO_LONG
        if end - at <= limit and end - at >= 2 and buffer[end - 2] == 13:
            return buffer[at : end - 2]
        self.beginning = buffer[at : min(end, at + MAX_LOGGED_OCTETS)]
        return LineFault.TOO_LONG if end - at > limit else LineFault.BARE_NEWLINE
