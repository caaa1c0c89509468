"""STORE and UID STORE.

Source: RFC 9051 §6.4.6, §6.4.9; RFC 7162 §3.1.3 (UNCHANGEDSINCE); RFC 4466 §2.5 (modifiers).
"""

import enum

import msgspec

from postier.imap.flags import FlagList
from postier.imap.refusals import bad
from postier.imap.sets import SequenceSet
from postier.imap.tokens import Cursor


class FlagChange(enum.Enum):
    """What happens to the named flags."""

    REPLACE = ""
    ADD = "+"
    REMOVE = "-"


class Store(msgspec.Struct, frozen=True):
    """Change flags; `is_silent`: do not tell the new ones. Messages changed after `unchanged_since` stay as they are."""

    tag: bytes
    is_uid: bool
    messages: SequenceSet
    change: FlagChange
    is_silent: bool
    flags: FlagList
    unchanged_since: int | None = None


def parse(cursor: Cursor) -> Store:
    """`STORE` SP sequence-set [SP `(` modifier `)`] SP store-att-flags."""
    return _parse(cursor, is_uid=False)


def parse_uid(cursor: Cursor) -> Store:
    """`UID STORE` SP sequence-set [SP `(` modifier `)`] SP store-att-flags."""
    return _parse(cursor, is_uid=True)


def _parse(cursor: Cursor, *, is_uid: bool) -> Store:
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    unchanged_since = None
    if cursor.take(b"("):
        if cursor.keyword() != b"UNCHANGEDSINCE":
            raise bad("Unknown STORE modifier")
        cursor.space()
        unchanged_since = cursor.number()
        cursor.expect(b")")
        cursor.space()
    name = cursor.keyword()
    change = FlagChange(name[:1].decode("ascii")) if name[:1] in {b"+", b"-"} else FlagChange.REPLACE
    item = name[len(change.value) :]
    if item not in {b"FLAGS", b"FLAGS.SILENT"}:
        raise bad("Unknown STORE item")
    cursor.space()
    flags = cursor.flag_list(may_be_bare=True)
    cursor.end()
    return Store(cursor.tag, is_uid, messages, change, item != b"FLAGS", flags, unchanged_since)
