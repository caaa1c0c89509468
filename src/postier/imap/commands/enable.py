"""ENABLE.

Not here: what each feature switches (`state`). Source: RFC 9051 §6.3.1; RFC 5161.
"""

import msgspec

from postier.imap.refusals import bad
from postier.imap.tokens import Cursor

MAX_NAMES = 100


class Enable(msgspec.Struct, frozen=True):
    """Capability names in upper case, known or not."""

    tag: bytes
    names: tuple[bytes, ...]


def parse(cursor: Cursor) -> Enable:
    """`ENABLE` 1*(SP capability)."""
    names: list[bytes] = []
    while not names or cursor.peek():
        cursor.space()
        names.append(cursor.keyword())
        if len(names) > MAX_NAMES:
            raise bad("Too many names")
    return Enable(cursor.tag, tuple(names))
