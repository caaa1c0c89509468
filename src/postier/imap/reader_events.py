"""What the reader of an IMAP connection reports, and the limits under which it reads.

Not here: the reader (`lexer`). Source: RFC 9051 §2.2.1, §4.3, §6.3.12; RFC 7888; RFC 2683 §3.2.1.5.
"""

import enum

import msgspec

from postier.imap.responses import ResponseCode, Status, status_line

MAX_LINE_BEFORE_LOGIN = 1024
MAX_LITERALS_BEFORE_LOGIN = 4096  # total of a command; SECURITY 11
MAX_AUTHENTICATE_LINE = 12_288  # an initial response carries a whole OAuth token (RFC 4959)
MAX_LINE = 65_536  # a command without its literals; RFC 2683 §3.2.1.5 asks for 8,000, clients send more
MAX_LITERALS = 1_048_576  # total of a command, the messages of APPEND apart
MAX_MESSAGE = 52_428_800
MAX_SMALL_NON_SYNC = 4096  # RFC 7888 §5, LITERAL-
MAX_CHUNK = 65_536
MAX_ANSWER = 12_288  # a line inside AUTHENTICATE or IDLE


class Limits(msgspec.Struct, frozen=True):
    """What one command may hold, in octets. `non_sync_bytes` applies to each literal `{n+}`."""

    line_bytes: int = MAX_LINE
    authenticate_line_bytes: int = MAX_LINE
    literals_bytes: int = MAX_LITERALS
    non_sync_bytes: int = MAX_MESSAGE
    message_bytes: int = MAX_MESSAGE  # 0: APPEND does not stream (no mailbox can be open yet)


BEFORE_LOGIN = Limits(
    MAX_LINE_BEFORE_LOGIN, MAX_AUTHENTICATE_LINE, MAX_LITERALS_BEFORE_LOGIN, MAX_SMALL_NON_SYNC, 0
)
AFTER_LOGIN = Limits()


class CommandLine(msgspec.Struct, frozen=True):
    """A complete command: `text[start:]` are its arguments, in which `{n}` CRLF stands for the next of `literals`."""

    tag: bytes
    verb: bytes  # upper case; `UID FETCH` for the UID forms
    text: bytes
    start: int
    literals: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"CommandLine(tag={self.tag!r}, verb={self.verb!r}, {len(self.text)} octets)"  # may be a LOGIN


class ContinuationWanted(msgspec.Struct, frozen=True):
    """The client waits before a literal within the limits: write `responses.continuation()` now."""

    size_bytes: int


class MessageOffered(msgspec.Struct, frozen=True):
    """APPEND reached a message literal: parse `line` (`commands.append`), then accept or refuse the message.

    `index` counts the messages of one command (RFC 3502 §2); from the second on, `line` starts at its flags.
    """

    line: CommandLine
    size_bytes: int
    index: int
    is_literal8: bool
    is_synchronizing: bool


class MessageChunk(msgspec.Struct, frozen=True):
    """Octets of an accepted message, at most MAX_CHUNK."""

    data: bytes


class MessageEnded(msgspec.Struct, frozen=True):
    """All octets of this message came; another may be offered before AppendEnded."""


class AppendEnded(msgspec.Struct, frozen=True):
    """The APPEND command is complete: file its messages and answer. `rest` is what stood behind the last literal."""

    tag: bytes
    rest: CommandLine | None = None


class AnswerLine(msgspec.Struct, frozen=True):
    """The line asked for by `expect_answer`: a SASL response in base64, or DONE."""

    data: bytes

    def __repr__(self) -> str:
        return f"AnswerLine({len(self.data)} octets)"


class Refused(msgspec.Struct, frozen=True):
    """What came is not a command: send `reply()`, drop any message of this APPEND, and close if `is_fatal`."""

    tag: bytes | None
    status: Status
    text: str
    code: ResponseCode | None = None
    is_fatal: bool = False

    def reply(self) -> bytes:
        """The response lines; a fatal refusal is a BYE (RFC 7888 §4)."""
        if self.is_fatal:
            return status_line(Status.BYE, self.text, code=self.code)
        return status_line(self.status, self.text, tag=self.tag, code=self.code)


class Waiting(enum.Enum):
    """Why there is no event."""

    NEED_DATA = "NEED_DATA"
    PAUSED = "PAUSED"


NEED_DATA = Waiting.NEED_DATA
PAUSED = Waiting.PAUSED

Event = (
    CommandLine
    | ContinuationWanted
    | MessageOffered
    | MessageChunk
    | MessageEnded
    | AppendEnded
    | AnswerLine
    | Refused
    | Waiting
)
