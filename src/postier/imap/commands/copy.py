"""COPY and UID COPY, MOVE and UID MOVE.

Source: RFC 9051 §6.4.7, §6.4.8, §6.4.9; RFC 6851.
"""

from collections.abc import Callable

import msgspec

from postier.imap.sets import SequenceSet
from postier.imap.tokens import Cursor


class Copy(msgspec.Struct, frozen=True):
    """Messages that get another place; `is_move`: they leave their old one."""

    tag: bytes
    is_uid: bool
    messages: SequenceSet
    mailbox: str
    is_move: bool


def parser(*, is_uid: bool, is_move: bool) -> Callable[[Cursor], Copy]:
    """The parser of one of the four: verb SP sequence-set SP mailbox."""

    def parse(cursor: Cursor) -> Copy:
        cursor.space()
        messages = cursor.sequence_set()
        cursor.space()
        mailbox = cursor.mailbox()
        cursor.end()
        return Copy(cursor.tag, is_uid, messages, mailbox, is_move)

    return parse
