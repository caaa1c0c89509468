"""The input cut into commands: lines of tokens, literals with their octets.

Not here: which command it is (`commands`). Source: RFC 5804 §1.2, §4. Invariants: nothing recursive; a literal's size is judged
before an octet of it is kept, and one that is too large is thrown away as it comes; where a command ends does not depend on
whether it makes sense, so a mistake never shifts what follows; cutting the input differently changes nothing.
"""

import enum
import re
from collections.abc import Callable, Sequence

import msgspec

from postier.managesieve.settings import (
    MAX_BUFFERED_OCTETS,
    MAX_LINE_OCTETS,
    MAX_SKIPPED_OCTETS,
    MAX_STRING_OCTETS,
    MAX_TOKENS,
)

_TOKEN = re.compile(rb'"((?:[^"\\\r\n\x00]++|\\["\\])*)"|([!#-\'*-\[\]-z|-~]++)')
_LITERAL = re.compile(rb"(?:(?<= )|(?<!.))\{(0|[1-9][0-9]{0,9})\+\}\Z", re.DOTALL)
_ESCAPED = re.compile(rb'\\(["\\])')


class Fault(enum.Enum):
    """Why a command can't be looked at."""

    SYNTAX = "syntax error"
    TOO_LONG = "the line is too long"
    STRING_TOO_LARGE = "the string is too large"
    TOO_MANY_ARGUMENTS = "too many arguments"
    ENDLESS = "the string is far too large"  # ends the connection


class Atom(bytes):
    """A word or number; strings are plain `bytes`."""


Token = bytes


class Line(msgspec.Struct, frozen=True):
    """One command, or one answer in an exchange: its tokens, and the first fault."""

    tokens: tuple[Token, ...]
    fault: Fault | None = None

    def __repr__(self) -> str:
        return f"Line({len(self.tokens)} tokens, {self.fault})"  # a password may be among them


# The largest literal that may come after the tokens read so far.
LiteralLimit = Callable[[Sequence[Token]], int]


class Reader:
    """Octets in, lines out."""

    __slots__ = ("_at", "_buffer", "_fault", "_is_skipping", "_pieces", "_remaining", "_tokens")

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0
        self._tokens: list[Token] = []
        self._fault: Fault | None = None
        self._is_skipping = False  # the rest of a line that is too long
        self._remaining = -1  # octets of a literal to come; -1 within a line
        self._pieces: list[bytes] | None = None  # of a literal; None when it is thrown away

    def receive(self, data: bytes) -> None:
        """Add octets; BufferError: more are added although those here are not used."""
        rest = len(self._buffer) - self._at
        if rest > MAX_BUFFERED_OCTETS:
            raise BufferError("input is not being used up")
        self._buffer = self._buffer[self._at :] + data if rest else data
        self._at = 0

    @property
    def beginning(self) -> bytes:
        """The first octet that comes next, where a line begins; else b""."""
        is_inside = self._tokens or self._fault or self._remaining >= 0 or self._is_skipping
        return b"" if is_inside else self._buffer[self._at : self._at + 1]

    def clear(self) -> int:
        """Throw everything away; how many octets that were."""
        count = len(self._buffer) - self._at
        self.__init__()  # type: ignore[misc] # all fields are as at the beginning
        return count

    def next_line(self, limit_of: LiteralLimit) -> Line | None:
        """The next line with its literals; None if its end is not here yet."""
        while True:
            if self._remaining >= 0 and not self._take_literal():
                return None
            end = self._buffer.find(b"\n", self._at) + 1
            if not end:
                if self._is_skipping or len(self._buffer) - self._at > MAX_LINE_OCTETS:
                    self._buffer, self._at, self._is_skipping = b"", 0, True
                return None
            part, self._at = self._buffer[self._at : end], end
            if self._is_skipping or len(part) > MAX_LINE_OCTETS:
                self._is_skipping = False
                self._blame(Fault.TOO_LONG)
                return self._finished()
            if not part.endswith(b"\r\n"):
                self._blame(Fault.SYNTAX)
                return self._finished()
            literal = _LITERAL.search(part, 0, len(part) - 2)
            stop = len(part) - 2 if literal is None else literal.start()
            self._read_tokens(part[:stop], is_first=not self._tokens, has_literal=literal is not None)
            if literal is None:
                return self._finished()
            if not self._begin_literal(int(literal[1]), limit_of):
                return self._finished()

    def _take_literal(self) -> bool:
        """Whether the literal is complete."""
        piece = self._buffer[self._at : self._at + self._remaining]
        self._at += len(piece)
        self._remaining -= len(piece)
        if self._pieces is not None and piece:
            self._pieces.append(piece)
        if self._remaining:
            return False
        self._remaining = -1
        self._tokens.append(b"".join(self._pieces) if self._pieces is not None else b"")
        self._pieces = None
        return True

    def _begin_literal(self, size: int, limit_of: LiteralLimit) -> bool:
        """Whether to go on: a literal beyond all bounds is not waited for."""
        if size > MAX_SKIPPED_OCTETS:
            self._fault = Fault.ENDLESS
            return False
        if len(self._tokens) >= MAX_TOKENS:
            self._blame(Fault.TOO_MANY_ARGUMENTS)
            self._tokens.pop()
        if self._fault is None and size > limit_of(self._tokens):
            self._blame(Fault.STRING_TOO_LARGE)
        self._pieces = [] if self._fault is None else None
        self._remaining = size
        return True

    def _read_tokens(self, text: bytes, *, is_first: bool, has_literal: bool) -> None:
        """Add the tokens of one line, which are one space apart; after a literal a space comes first."""
        if self._fault is not None:
            return
        if not is_first:
            if not text and not has_literal:
                return
            if not text.startswith(b" "):
                self._blame(Fault.SYNTAX)
                return
            text = text[1:]
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                self._blame(Fault.SYNTAX)
                return
            if len(self._tokens) == MAX_TOKENS:
                self._blame(Fault.TOO_MANY_ARGUMENTS)
                return
            quoted, atom = match.groups()
            if quoted is None:
                self._tokens.append(Atom(atom))
            elif len(quoted) > MAX_STRING_OCTETS:
                quoted = _ESCAPED.sub(rb"\1", quoted)
                if len(quoted) > MAX_STRING_OCTETS and not self._is_auth():
                    self._blame(Fault.STRING_TOO_LARGE)
                    return
                self._tokens.append(quoted)
            else:
                self._tokens.append(_ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted)
            at = match.end()
            if at < len(text) or has_literal:
                if text[at : at + 1] != b" ":
                    self._blame(Fault.SYNTAX)
                    return
                at += 1
                if at == len(text) and not has_literal:
                    return  # a space at the end, which some clients send

    def _is_auth(self) -> bool:
        """Many clients send a SASL answer as one long quoted string, whatever RFC 5804 §4 says of its length."""
        return not self._tokens or self._tokens[0].upper() == b"AUTHENTICATE"

    def _blame(self, fault: Fault) -> None:
        if self._fault is None:
            self._fault = fault

    def _finished(self) -> Line:
        line = Line(tuple(self._tokens), self._fault)
        self._tokens.clear()
        self._fault = None
        return line
