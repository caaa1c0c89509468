"""STATUS, and the status items that LIST returns as well.

Source: RFC 9051 §6.3.11; RFC 3501 §6.3.10 (RECENT); RFC 8438 (SIZE); RFC 9208 §4.1.4; RFC 7889 §3 (APPENDLIMIT);
RFC 7162 §3.1.7 (HIGHESTMODSEQ); RFC 8474 §4.3 (MAILBOXID).
"""

import enum

import msgspec

from postier.imap.refusals import bad
from postier.imap.tokens import Cursor


class StatusItem(enum.Enum):
    """What can be asked of a mailbox; the value is its name in the response."""

    MESSAGES = b"MESSAGES"
    UIDNEXT = b"UIDNEXT"
    UIDVALIDITY = b"UIDVALIDITY"
    UNSEEN = b"UNSEEN"
    DELETED = b"DELETED"
    DELETED_STORAGE = b"DELETED-STORAGE"
    SIZE = b"SIZE"
    RECENT = b"RECENT"
    HIGHESTMODSEQ = b"HIGHESTMODSEQ"
    MAILBOXID = b"MAILBOXID"
    APPENDLIMIT = b"APPENDLIMIT"


class StatusQuery(msgspec.Struct, frozen=True):
    """The STATUS command."""

    tag: bytes
    mailbox: str
    items: tuple[StatusItem, ...]


_ITEMS = {item.value: item for item in StatusItem}


def parse(cursor: Cursor) -> StatusQuery:
    """`STATUS` SP mailbox SP `(` items `)`."""
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.space()
    items = parse_status_items(cursor)
    cursor.end()
    return StatusQuery(cursor.tag, mailbox, items)


def parse_status_items(cursor: Cursor) -> tuple[StatusItem, ...]:
    """`(` status-att *(SP status-att) `)`, without repeats."""
    return tuple(dict.fromkeys(cursor.items(lambda: _item(cursor))))


def _item(cursor: Cursor) -> StatusItem:
    item = _ITEMS.get(cursor.keyword())
    if item is None:
        raise bad("Unknown STATUS item")
    return item
