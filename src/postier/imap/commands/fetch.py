"""FETCH and UID FETCH.

Not here: items (`fetch_items`, `fetch_syntax`), responses (`imap.fetch`). Source: RFC 9051 §6.4.5, §6.4.9.
"""

import msgspec

from postier.imap.fetch_items import FetchItems
from postier.imap.fetch_syntax import parse_fetch_items
from postier.imap.sets import SequenceSet
from postier.imap.tokens import Cursor


class Fetch(msgspec.Struct, frozen=True):
    """Messages by number or UID, and what to tell of them."""

    tag: bytes
    is_uid: bool
    messages: SequenceSet
    items: FetchItems


def parse(cursor: Cursor) -> Fetch:
    """`FETCH` SP sequence-set SP items."""
    return _parse(cursor, is_uid=False)


def parse_uid(cursor: Cursor) -> Fetch:
    """`UID FETCH` SP sequence-set SP items."""
    return _parse(cursor, is_uid=True)


def _parse(cursor: Cursor, *, is_uid: bool) -> Fetch:
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    items = parse_fetch_items(cursor, is_uid=is_uid)
    # RFC 7162 §3.1.4.1 todo: fetch modifiers CHANGEDSINCE and VANISHED
    cursor.end()
    return Fetch(cursor.tag, is_uid, messages, items)
