"""SELECT and EXAMINE.

Source: RFC 9051 §6.3.2, §6.3.3.
"""

import msgspec

from postier.imap.tokens import Cursor


class Select(msgspec.Struct, frozen=True):
    """Open a mailbox; `is_examine`: read-only."""

    tag: bytes
    mailbox: str
    is_examine: bool


def parse(cursor: Cursor) -> Select:
    """`SELECT` SP mailbox."""
    return _parse(cursor, is_examine=False)


def parse_examine(cursor: Cursor) -> Select:
    """`EXAMINE` SP mailbox."""
    return _parse(cursor, is_examine=True)


def _parse(cursor: Cursor, *, is_examine: bool) -> Select:
    # RFC 7162 §3.1.8 todo: select parameters CONDSTORE and QRESYNC
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.end()
    return Select(cursor.tag, mailbox, is_examine)
