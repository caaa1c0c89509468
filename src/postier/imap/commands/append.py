"""APPEND: what stands before each message.

Not here: the message's octets, which stream (`lexer`). Source: RFC 9051 §6.3.12; RFC 3502 §2 (several
messages); RFC 3516 §4.4 (literal8).
"""

from typing import NoReturn

import msgspec

from postier.imap.flags import FlagList
from postier.imap.reader_events import MessageOffered
from postier.imap.tokens import Cursor


class AppendMessage(msgspec.Struct, frozen=True):
    """One message of an APPEND; `mailbox` is None from the second message on."""

    tag: bytes
    mailbox: str | None
    flags: FlagList
    internal_s: int | None  # Unix time; None: now
    size_bytes: int


def parse_offer(offer: MessageOffered, *, utf8: bool) -> AppendMessage:
    """The grammar before a message literal; raises PeerError, after which `refuse_message` is called."""
    line = offer.line
    cursor = Cursor(line.text, line.literals, tag=line.tag, pos=line.start, utf8=utf8)
    cursor.space()
    mailbox = None
    if not offer.index:
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
    cursor.message_mark()
    return AppendMessage(line.tag, mailbox, flags, internal_s, offer.size_bytes)


def parse(cursor: Cursor) -> NoReturn:
    """An APPEND that came as a whole line has no message literal: BAD."""
    raise cursor.error("expected a message literal")
