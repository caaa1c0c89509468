"""EXPUNGE and UID EXPUNGE.

Source: RFC 9051 §6.4.3, §6.4.9.
"""

import msgspec

from postier.imap.sets import SequenceSet
from postier.imap.tokens import Cursor


class Expunge(msgspec.Struct, frozen=True):
    r"""Remove messages with \Deleted: all, or only those among `messages` (UIDs)."""

    tag: bytes
    messages: SequenceSet | None = None


def parse(cursor: Cursor) -> Expunge:
    """`EXPUNGE`."""
    cursor.end()
    return Expunge(cursor.tag)


def parse_uid(cursor: Cursor) -> Expunge:
    """`UID EXPUNGE` SP sequence-set."""
    cursor.space()
    messages = cursor.sequence_set()
    cursor.end()
    return Expunge(cursor.tag, messages)
