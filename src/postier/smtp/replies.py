"""SMTP replies: the value, its bytes, and the incremental reader of the client side.

Not here: which reply to give (`reason`, `session`). Sources: RFC 5321 §4.2, RFC 2034 (enhanced codes in the
text). Invariants: no reply value can carry CR, LF or another control character, so no text, wherever it comes
from, can start a second reply; a written line never exceeds 512 octets; the reader takes no more than
MAX_REPLY_LINES lines of MAX_REPLY_LINE_OCTETS and ends lines at CRLF only (RFC 5321 §2.3.8).
"""

import re
from typing import Final, Self

import msgspec

from postier.smtp.reason import Reason

MAX_WRITTEN_LINE_OCTETS: Final = 512  # RFC 5321 §4.5.3.1.5, including CRLF
MAX_REPLY_LINE_OCTETS: Final = 2048  # what is read may be longer than what may be sent
MAX_REPLY_LINES: Final = 128  # an EHLO answer has about 20, a policy lecture perhaps 30

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_READ_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)


class Reply(msgspec.Struct, frozen=True):
    """A reply: `code` 200..599, `enhanced` such as "5.1.1" or "" where none belongs, one or more `lines` of text.

    Raises ValueError for a code out of range, an enhanced code of another class (RFC 2034 §4) and for control
    characters in a line. Text from outside goes through `Reply.of`, which never raises for text.
    """

    code: int
    enhanced: str = ""
    lines: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599:
            raise ValueError(f"reply code {self.code} is out of range")
        if self.enhanced and not (
            _ENHANCED.fullmatch(self.enhanced) and ord(self.enhanced[0]) - 48 == self.code // 100
        ):
            raise ValueError(f"enhanced code {self.enhanced!r} does not belong to {self.code}")
        if not self.lines or any(map(_CONTROL.search, self.lines)):
            raise ValueError("a reply has at least one line and no control characters")

    @classmethod
    def of(cls, code: int, enhanced: str, text: str) -> Self:
        """A reply from any text: its line breaks become lines, other control characters a space."""
        lines = [_CONTROL.sub(" ", line).strip() for line in text.splitlines()[:MAX_REPLY_LINES]]
        return cls(code, enhanced, tuple(lines) or ("",))

    @property
    def text(self) -> str:
        """All lines in one."""
        return " ".join(self.lines)

    @property
    def is_positive(self) -> bool:
        """2yz: done. RFC 5321 §4.2.1."""
        return self.code < 300

    @property
    def is_intermediate(self) -> bool:
        """3yz: go on."""
        return 300 <= self.code < 400

    @property
    def is_temporary(self) -> bool:
        """4yz: may work later."""
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        """5yz: will not work."""
        return self.code >= 500

    def encode(self) -> bytes:
        """The wire form; text over the line limit goes on in a further line, non-ASCII becomes '?'."""
        prefix = f"{self.enhanced} " if self.enhanced else ""
        room = MAX_WRITTEN_LINE_OCTETS - 6 - len(prefix)  # "250-" and CRLF
        texts: list[str] = []
        for line in self.lines:
            texts.extend(line[at : at + room] for at in range(0, len(line) or 1, room))
        wire = [f"{self.code}-{prefix}{text}\r\n" for text in texts[:-1]]
        wire.append(f"{self.code} {prefix}{texts[-1]}\r\n")  # the space stays without a text: RFC 5321 §4.2.1
        # RFC 6531 §3.7.4.2: no UTF-8 in replies outside VRFY and EXPN
        return "".join(wire).encode("ascii", "replace")

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))


def reply_of(reason: Reason) -> Reply:
    """The reply that tells a reason."""
    return Reply.of(reason.code, reason.enhanced, reason.text)


class ReplyError(ValueError):
    """What the server sent is not a reply; nothing after it can be trusted, so the connection ends."""


class ReplyReader:
    """Reads replies out of the bytes of a connection, however they are cut."""

    __slots__ = ("_buffer", "_code", "_lines")

    def __init__(self) -> None:
        self._buffer = b""
        self._code = 0
        self._lines: list[str] = []

    def receive(self, data: bytes) -> None:
        """Add octets; call `next_reply` until it returns None after each."""
        self._buffer += data

    @property
    def buffered_octets(self) -> int:
        """How many octets are there that no reply has used up."""
        return len(self._buffer) + sum(map(len, self._lines))

    def next_reply(self) -> Reply | None:
        """The next whole reply, or None until more octets come; raises ReplyError."""
        at = 0
        try:
            while (end := self._buffer.find(b"\n", at)) >= 0:
                line, at = self._buffer[at : end + 1], end + 1
                if self._take_line(line):
                    return self._finish()
            if len(self._buffer) - at > MAX_REPLY_LINE_OCTETS:
                raise ReplyError("reply line is too long")
            return None
        finally:
            self._buffer = self._buffer[at:]

    def _take_line(self, line: bytes) -> bool:
        """Store one line; whether it is the last of its reply."""
        if len(line) > MAX_REPLY_LINE_OCTETS:
            raise ReplyError("reply line is too long")
        # RFC 5321 §2.3.8: CRLF only. A server with bare LF is broken, or somebody is injecting replies.
        match = _READ_LINE.fullmatch(line[:-2]) if line.endswith(b"\r\n") else None
        if match is None or b"\r" in line[:-2]:
            raise ReplyError(f"not an SMTP reply: {line[:80]!r}")
        code = int(match[1])
        if self._lines and code != self._code:
            raise ReplyError(f"a reply that changes its code from {self._code} to {code}")  # RFC 5321 §4.2.1
        if len(self._lines) >= MAX_REPLY_LINES:
            raise ReplyError("reply has too many lines")
        self._code = code
        self._lines.append(_CONTROL.sub(" ", (match[3] or b"").decode("utf-8", "replace")))
        return match[2] != b"-"

    def _finish(self) -> Reply:
        lines, self._lines = self._lines, []
        enhanced, _, _ = lines[0].partition(" ")
        if not (_ENHANCED.fullmatch(enhanced) and ord(enhanced[0]) - 48 == self._code // 100):
            return Reply(self._code, "", tuple(lines))
        # RFC 2034 §4: the code stands in every line of the text
        return Reply(self._code, enhanced, tuple(line.removeprefix(enhanced).lstrip(" ") for line in lines))
