"""APPEND, REPLACE and UID REPLACE: what stands before, between and behind the literals.

Not here: the octets, which stream (`lexer`). Source: RFC 9051 §6.3.12; RFC 3502 §2 (several messages); RFC 3516 §4.4 (literal8);
RFC 4469 §3, §5 (CATENATE); RFC 8508 §3, §5 (REPLACE). A command is read as steps, piece by piece as it comes. Invariants: a
message begins with its head and ends before the next head; at most MAX_PARTS parts stand in one list.
"""

import enum

import msgspec

from postier.imap.flags import FlagList
from postier.imap.reader_events import CommandLine, MessageOffered
from postier.imap.refusals import bad
from postier.imap.sets import SequenceSet
from postier.imap.tokens import Cursor
from postier.imap.urls import url_text

MAX_PARTS = 1_000  # URLs of one message


class Begin(msgspec.Struct, frozen=True):
    """A message begins; `mailbox` is None from the second message on, `replaces` is REPLACE's message."""

    mailbox: str | None
    flags: FlagList
    internal_s: int | None  # Unix time; None: now
    replaces: SequenceSet | None = None
    is_uid: bool = False  # of `replaces`


class AddUrl(msgspec.Struct, frozen=True):
    """A part of the message, named by a URL (RFC 4469 §3)."""

    url: str


class End(msgspec.Struct, frozen=True):
    """The message that CATENATE put together is whole."""


Step = Begin | AddUrl | End


class Literal(enum.Enum):
    """What the literal that comes next is."""

    MESSAGE = enum.auto()  # all of it
    TEXT = enum.auto()  # a part of it
    URL = enum.auto()  # a URL


class AppendOffer(msgspec.Struct, frozen=True):
    """What was said since the last literal, and what the next one is."""

    tag: bytes
    steps: tuple[Step, ...]
    literal: Literal
    size_bytes: int
    is_literal8: bool = False


class Catenate(msgspec.Struct, frozen=True):
    """A whole command without a literal: every message is put together from URLs."""

    tag: bytes
    steps: tuple[Step, ...]


def parse_offer(offer: MessageOffered, *, utf8: bool, is_open: bool) -> AppendOffer:
    """What stands before a literal; raises PeerError, after which `refuse_message` is called.

    `is_open`: the list of a CATENATE is not closed yet.
    """
    cursor = _cursor(offer.line, utf8=utf8)
    steps, literal = _steps(cursor, offer.line.verb, is_first=not offer.index, is_open=is_open)
    if literal is None:
        raise cursor.error("expected a message literal")
    return AppendOffer(offer.line.tag, steps, literal, offer.size_bytes, offer.is_literal8)


def parse_rest(line: CommandLine, *, utf8: bool) -> tuple[Step, ...]:
    """What stands behind the last literal of a CATENATE; raises PeerError."""
    cursor = _cursor(line, utf8=utf8)
    steps, literal = _steps(cursor, line.verb, is_first=False, is_open=True)
    if literal is not None:
        raise cursor.error("unexpected text")
    return steps


def parse(cursor: Cursor) -> Catenate:
    """An APPEND that came as a whole line."""
    return _whole(cursor, b"APPEND")


def parse_replace(cursor: Cursor) -> Catenate:
    """A REPLACE that came as a whole line."""
    return _whole(cursor, b"REPLACE")


def parse_uid_replace(cursor: Cursor) -> Catenate:
    """A UID REPLACE that came as a whole line."""
    return _whole(cursor, b"UID REPLACE")


def _whole(cursor: Cursor, verb: bytes) -> Catenate:
    steps, literal = _steps(cursor, verb, is_first=True, is_open=False)
    if literal is not None:
        raise cursor.error("expected a message literal")
    return Catenate(cursor.tag, steps)


def _cursor(line: CommandLine, *, utf8: bool) -> Cursor:
    return Cursor(line.text, line.literals, tag=line.tag, pos=line.start, utf8=utf8)


def _steps(
    cursor: Cursor, verb: bytes, *, is_first: bool, is_open: bool
) -> tuple[tuple[Step, ...], Literal | None]:
    steps: list[Step] = []
    while True:
        if not is_open:
            if not is_first and verb != b"APPEND":  # RFC 8508 §4.7
                raise bad("REPLACE takes one message")
            steps.append(_head(cursor, verb, is_first=is_first))
            is_first = False
            if not cursor.try_keyword(b"CATENATE"):
                cursor.message_mark()
                return tuple(steps), Literal.MESSAGE
            cursor.space()
            cursor.expect(b"(")
            is_open = True
        elif cursor.take(b")"):
            steps.append(End())
            is_open = False
            if not cursor.peek():
                return tuple(steps), None
            continue
        else:
            cursor.space()
        literal = _part(cursor, steps)
        if literal is not None:
            return tuple(steps), literal
        if len(steps) > MAX_PARTS:
            raise bad("Too many parts")


def _head(cursor: Cursor, verb: bytes, *, is_first: bool) -> Begin:
    cursor.space()
    mailbox = replaces = None
    if is_first:
        if verb != b"APPEND":
            replaces = cursor.sequence_set()
            (pair,) = replaces.pairs if len(replaces.pairs) == 1 else ((0, 1),)
            if pair[0] != pair[1]:
                raise bad("REPLACE takes one message")
            cursor.space()
        mailbox = cursor.mailbox()
        cursor.space()
    elif cursor.peek() == b" ":
        cursor.space()  # imapclient's multiappend (3.0) says two between messages without flags
    flags = FlagList()
    if cursor.peek() == b"(":
        flags = cursor.flag_list()
        cursor.space()
    internal_s = None
    if cursor.peek() == b'"':
        internal_s = cursor.date_time()
        cursor.space()
    return Begin(mailbox, flags, internal_s, replaces, verb == b"UID REPLACE")


def _part(cursor: Cursor, steps: list[Step]) -> Literal | None:
    """One part of a CATENATE; the kind of the literal if one must come now."""
    if cursor.try_keyword(b"TEXT"):
        cursor.space()
        cursor.message_mark()
        return Literal.TEXT
    if not cursor.try_keyword(b"URL"):
        raise cursor.error("expected TEXT or URL")
    cursor.space()
    if cursor.is_at_mark():
        return Literal.URL
    steps.append(AddUrl(url_text(cursor.astring())))
    return None
