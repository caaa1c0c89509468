"""Reading commands off an IMAP connection: lines, literals, and the messages that APPEND streams.

What it is not: the grammar of commands (`tokens`, `commands`), the session's state (`state`), IO. Source:
RFC 9051 §2.2.1, §4.3, §6.3.12; RFC 7888 (non-synchronizing literals); RFC 3502 (several messages in one
APPEND); RFC 6855 §4 (a message as `UTF8 (~{n}` ... `)`, which RFC 9755 took away and Thunderbird says).

The pull form: `receive(data)`, then `next_event()` until it gives NEED_DATA. Each event must be dealt with
before the next is pulled, so pipelining keeps its order, and limits changed by a command hold for the next
one. PAUSED means that `accept_message` or `refuse_message` must be called first.

Invariants: nothing over a limit is ever kept; the events do not depend on how the octets were cut, except
where MessageChunk is cut; after `Refused(is_fatal=True)` no octet is looked at any more.
"""

import enum
import re

from postier.imap.reader_events import (
    BEFORE_LOGIN,
    MAX_ANSWER,
    MAX_CHUNK,
    NEED_DATA,
    PAUSED,
    AnswerLine,
    AppendEnded,
    CommandLine,
    ContinuationWanted,
    Event,
    Limits,
    MessageChunk,
    MessageEnded,
    MessageOffered,
    Refused,
)
from postier.imap.responses import TOOBIG, ResponseCode, Status, continuation


class _Mode(enum.Enum):
    LINE = enum.auto()  # in the text of a command
    LITERAL = enum.auto()  # `_remaining` octets of an ordinary literal come next
    OFFERED = enum.auto()  # a message waits for the owner's decision
    MESSAGE = enum.auto()  # `_remaining` octets of an accepted message come next
    AFTER_MESSAGE = enum.auto()  # in the text behind a message
    SKIP_LITERAL = enum.auto()  # `_remaining` octets of a refused literal are dropped
    SKIP_LINE = enum.auto()  # the rest of a refused command is dropped
    ANSWER = enum.auto()  # a line that is not a command comes next
    CLOSED = enum.auto()


# RFC 9051 §9 tag, command; the UID forms count as verbs of their own
_START = re.compile(
    rb"([!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+) ((?:[Uu][Ii][Dd] )?[A-Za-z][A-Za-z0-9-]*)(?= |\Z)"
)
_TAG = re.compile(rb"([!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+)(?: |\Z)")
_LITERAL_END = re.compile(rb"(~?)\{([0-9]{1,20})(\+?)\}")
_AUTHENTICATE = re.compile(rb"[^ ]+ [Aa][Uu][Tt][Hh][Ee][Nn][Tt][Ii][Cc][Aa][Tt][Ee] ")
_HTTP = re.compile(rb"(?:[A-Z]+ [^ ]* HTTP/|[Hh][Oo][Ss][Tt]: )")

_APPENDING = frozenset([b"APPEND", b"REPLACE", b"UID REPLACE"])  # the verbs whose literals stream
_REPLACED = re.compile(rb" [0-9*]+ ")

_LONGEST_MARK = 24  # `~{` 20 digits `+}`
_CATENATE = b"CATENATE ("
_UTF8_OPENED = b"UTF8 ("


class CommandReader:
    """One connection's reader; holds no more than empty buffers while the client is silent."""

    __slots__ = (
        "_answer_bytes",
        "_buffer",
        "_index",
        "_is_catenating",
        "_is_opened",
        "_is_synchronizing",
        "_literals",
        "_literals_size",
        "_mode",
        "_remaining",
        "_scanned",
        "_segments",
        "_segments_size",
        "_skipped",
        "_start",
        "_tag",
        "_verb",
        "limits",
    )

    def __init__(self, limits: Limits = BEFORE_LOGIN) -> None:
        self.limits = limits
        self._buffer = bytearray()
        self._scanned = 0  # no LF before this place of the buffer
        self._answer_bytes = 0
        self._forget()

    def _forget(self) -> None:
        """Ready for the next command."""
        self._mode = _Mode.LINE
        self._tag: bytes | None = None
        self._verb = b""
        self._start = 0  # where the arguments start in the command's text
        self._segments: list[bytes] | None = None  # the text so far, cut behind each literal's mark
        self._segments_size = 0
        self._literals: list[bytes] | None = None
        self._literals_size = 0
        self._remaining = 0  # octets of the current literal still to come
        self._is_synchronizing = False
        self._is_catenating = False  # parts of a message come, not messages
        self._is_opened = False  # the offered message stands in `UTF8 (` `)`
        self._index = 0  # of the offered message
        self._skipped = 0  # octets of refused literals

    @property
    def buffered_bytes(self) -> int:
        """Octets received and not yet consumed: stop reading from the socket while this is large."""
        return len(self._buffer)

    @property
    def is_closed(self) -> bool:
        """Whether a fatal refusal was given."""
        return self._mode is _Mode.CLOSED

    @property
    def is_idle(self) -> bool:
        """Whether no part of a command has come."""
        return self._mode is _Mode.LINE and not self._buffer and self._tag is None

    def receive(self, data: bytes) -> None:
        """Take octets from the peer."""
        if self._mode is not _Mode.CLOSED:
            self._buffer += data

    def drop_buffered(self) -> int:
        """Forget octets received but not consumed, and say how many: called at STARTTLS (SECURITY 7)."""
        dropped = len(self._buffer)
        self._buffer = bytearray()
        self._scanned = 0
        return dropped

    def expect_answer(self, limit_bytes: int = MAX_ANSWER) -> None:
        """The next line is an answer inside AUTHENTICATE or IDLE, not a command."""
        assert self._mode is _Mode.LINE
        assert self._tag is None
        self._mode = _Mode.ANSWER
        self._answer_bytes = limit_bytes

    def accept_message(self) -> bytes:
        """Let the offered message come; gives what to write first (nothing for a non-synchronizing literal)."""
        assert self._mode is _Mode.OFFERED
        self._mode = _Mode.MESSAGE
        return continuation("Ready for the message") if self._is_synchronizing else b""

    def refuse_message(self) -> None:
        """Drop the offered message and what follows it in this command; the owner answers the tag."""
        assert self._mode is _Mode.OFFERED
        self._skip(None if self._is_synchronizing else self._remaining)

    def next_event(self) -> Event:
        """The next thing that the client said, or why there is none."""
        while True:
            match self._mode:
                case _Mode.LINE | _Mode.AFTER_MESSAGE:
                    event = self._line()
                case _Mode.LITERAL:
                    event = self._literal()
                case _Mode.MESSAGE:
                    return self._message()
                case _Mode.ANSWER:
                    return self._answer()
                case _Mode.SKIP_LITERAL:
                    event = self._skip_literal()
                case _Mode.SKIP_LINE:
                    event = self._skip_line()
                case _Mode.OFFERED:
                    return PAUSED
                case _Mode.CLOSED:
                    return NEED_DATA
            if event is not None:
                return event

    def _find_line(self, limit_bytes: int) -> int | Event:
        """Where the next LF stands, or the event that says why there is no line."""
        end = self._buffer.find(b"\n", self._scanned, limit_bytes + 2)
        if end >= 0:
            self._scanned = 0
            return end
        if len(self._buffer) >= limit_bytes + 2:
            return self._close("Line is too long")
        self._scanned = len(self._buffer)
        return NEED_DATA

    def _cut(self, size: int) -> bytes:
        """Consume octets from the buffer."""
        octets = bytes(self._buffer[:size])
        del self._buffer[:size]
        return octets

    def _line_limit(self) -> int:
        limits = self.limits
        if limits.authenticate_line_bytes > limits.line_bytes and self._segments is None:
            is_authenticate = _AUTHENTICATE.match(bytes(self._buffer[: limits.line_bytes]))
            return limits.authenticate_line_bytes if is_authenticate else limits.line_bytes
        return max(0, limits.line_bytes - self._segments_size)

    def _line(self) -> Event | None:
        end = self._find_line(self._line_limit())
        if not isinstance(end, int):
            return end
        line = self._cut(end + 1)
        text, mark = line[:-2], _literal_mark(line)
        if line[-2:] != b"\r\n":  # RFC 9051 §2.2
            return self._refuse(line, None, "Line must end with CRLF")
        if b"\0" in text or b"\r" in text:
            return self._refuse(text, mark, "Line contains NUL or a bare CR")
        if self._mode is _Mode.AFTER_MESSAGE:
            return self._after_message(text, mark)
        if self._tag is None:
            start = _START.match(text)
            if not start:
                return self._refuse(text, mark, "Expected a tag and a command")
            self._tag, self._verb, self._start = start[1], start[2].upper(), start.end()
        if mark is not None:
            return self._announced(text, mark)
        event = self._command_line(text)
        self._forget()
        return event

    def _command_line(self, text: bytes) -> CommandLine:
        assert self._tag is not None
        if self._segments is None or self._literals is None:
            return CommandLine(self._tag, self._verb, text, self._start)
        whole = b"\r\n".join([*self._segments, text])
        return CommandLine(self._tag, self._verb, whole, self._start, tuple(self._literals))

    def _announced(self, text: bytes, mark: re.Match[bytes]) -> Event | None:
        """A literal ends this part of the command's text."""
        limits = self.limits
        size, is_synchronizing = int(mark[2]), not mark[3]
        if self._verb in _APPENDING and limits.message_bytes and not self._is_mailbox(text, mark):
            return self._offer(text, mark)
        if not is_synchronizing and size > limits.non_sync_bytes:
            return self._too_big(mark, Status.BAD, "Non-synchronizing literal is too large")
        if self._literals_size + size > limits.literals_bytes:
            return self._too_big(mark, Status.NO, "Literal is too large")
        if self._segments is None or self._literals is None:
            self._segments, self._literals = [], []
        self._segments.append(text)
        self._segments_size += len(text) + 2
        self._literals_size += size
        self._mode = _Mode.LITERAL
        self._remaining = size
        return ContinuationWanted(size) if is_synchronizing else None

    def _is_mailbox(self, text: bytes, mark: re.Match[bytes]) -> bool:
        """Whether the literal is the mailbox: no more than a space, or REPLACE's number, stands before its mark."""
        if self._segments is not None:
            return False
        before = text[self._start : mark.start()]
        return before == b" " if self._verb == b"APPEND" else _REPLACED.fullmatch(before) is not None

    def _literal(self) -> Event | None:
        if len(self._buffer) < self._remaining:
            return NEED_DATA
        assert self._literals is not None
        self._literals.append(self._cut(self._remaining))
        self._mode = _Mode.LINE
        return None

    def _offer(self, text: bytes, mark: re.Match[bytes], start: int = 0) -> Event:
        limits = self.limits
        size, is_synchronizing = int(mark[2]), not mark[3]
        if not is_synchronizing and size > limits.non_sync_bytes:
            return self._too_big(mark, Status.BAD, "Non-synchronizing literal is too large")  # RFC 7888 §5
        if size > limits.message_bytes:
            return self._too_big(mark, Status.NO, f"Message is larger than {limits.message_bytes} octets")
        assert self._tag is not None
        line = CommandLine(self._tag, self._verb, text, start) if self._index else self._command_line(text)
        event = MessageOffered(line, size, self._index, bool(mark[1]), is_synchronizing)
        self._segments = self._literals = None
        self._segments_size = self._literals_size = 0
        self._index += 1
        self._mode = _Mode.OFFERED
        self._remaining = size
        self._is_synchronizing = is_synchronizing
        before = text[: mark.start()]
        self._is_catenating = self._is_catenating or _CATENATE in before.upper()
        self._is_opened = bool(mark[1]) and before[-len(_UTF8_OPENED) :].upper() == _UTF8_OPENED
        return event

    def _message(self) -> Event:
        if not self._remaining:
            self._mode = _Mode.AFTER_MESSAGE
            return MessageEnded()
        if not self._buffer:
            return NEED_DATA
        chunk = self._cut(min(self._remaining, MAX_CHUNK))
        self._remaining -= len(chunk)
        return MessageChunk(chunk)

    def _after_message(self, text: bytes, mark: re.Match[bytes] | None) -> Event:
        """The end, or the next literal; what stands in a CATENATE is the owner's to read (`commands.append`)."""
        assert self._tag is not None
        start = int(self._is_opened)
        if text.startswith(b")" * start):
            rest = CommandLine(self._tag, self._verb, text, start) if len(text) > start else None
            if mark is not None and (text.startswith(b" ", start) or self._is_catenating):
                return self._offer(text, mark, start)  # RFC 3502 §3, RFC 4469 §5
            if mark is None and (rest is None or self._is_catenating):
                event = AppendEnded(self._tag, rest)
                self._forget()
                return event
        return self._refuse(text, mark, "Expected the end of APPEND")

    def _answer(self) -> Event:
        end = self._find_line(self._answer_bytes)
        if not isinstance(end, int):
            return end
        self._mode = _Mode.LINE
        return AnswerLine(self._cut(end + 1)[:-1].removesuffix(b"\r"))

    def _skip_literal(self) -> Event | None:
        size = min(self._remaining, len(self._buffer))
        del self._buffer[:size]
        self._remaining -= size
        if self._remaining:
            return NEED_DATA
        self._mode = _Mode.SKIP_LINE
        return None

    def _skip_line(self) -> Event | None:
        end = self._find_line(self.limits.line_bytes)
        if not isinstance(end, int):
            return end
        mark = _literal_mark(self._cut(end + 1))
        return self._skip(int(mark[2]) if mark and mark[3] else None)

    def _skip(self, size: int | None) -> Refused | None:
        """Give up the command. Its text ends here, or goes on behind a non-synchronizing literal of `size` octets.

        RFC 7888 §4: such a literal comes whatever we answer; it is read and dropped up to the size of what would have
        been allowed, and beyond that only closing helps.
        """
        if size is None:
            self._forget()
            return None
        skipped = self._skipped + size
        if skipped > max(self.limits.literals_bytes, self.limits.message_bytes):
            return self._close("Literal is too large", TOOBIG)
        self._forget()
        self._skipped = skipped
        self._remaining = size
        self._mode = _Mode.SKIP_LITERAL
        return None

    def _too_big(self, mark: re.Match[bytes], status: Status, text: str) -> Refused:
        refused = Refused(self._tag, status, text, TOOBIG)
        return self._skip(int(mark[2]) if mark[3] else None) or refused

    def _refuse(self, line: bytes, mark: re.Match[bytes] | None, text: str) -> Refused:
        tag = self._tag
        if tag is None:
            if _HTTP.match(line):  # SECURITY 10: a browser was made to talk to us
                return self._close("This is an IMAP server")
            found = _TAG.match(line)
            tag = found[1] if found else None
        refused = Refused(tag, Status.BAD, text)
        return self._skip(int(mark[2]) if mark and mark[3] else None) or refused

    def _close(self, text: str, code: ResponseCode | None = None) -> Refused:
        refused = Refused(self._tag, Status.BAD, text, code, is_fatal=True)
        self._forget()
        self.drop_buffered()
        self._mode = _Mode.CLOSED
        return refused


def _literal_mark(line: bytes) -> re.Match[bytes] | None:
    """The literal that a line, given with its CRLF, announces at its end (RFC 7888 §3)."""
    if line[-3:] != b"}\r\n":
        return None
    opened = line.rfind(b"{", -_LONGEST_MARK - 2)
    if opened < 0:
        return None
    return _LITERAL_END.fullmatch(line, opened - (line[opened - 1 : opened] == b"~"), len(line) - 2)
