"""CANCELUPDATE.

Source: RFC 5267 §4.3.5.
"""

import msgspec

from postier.imap.refusals import bad
from postier.imap.tokens import MAX_LIST_ITEMS, Cursor


class CancelUpdate(msgspec.Struct, frozen=True):
    """The tags of the commands whose results need not be kept up to date any longer."""

    tag: bytes
    tags: tuple[bytes, ...]


def parse(cursor: Cursor) -> CancelUpdate:
    """`CANCELUPDATE` 1*(SP quoted)."""
    tags: list[bytes] = []
    while not tags or cursor.peek():
        cursor.space()
        tags.append(cursor.astring())
        if len(tags) > MAX_LIST_ITEMS:
            raise bad("Too many tags")
    return CancelUpdate(cursor.tag, tuple(tags))
