"""STORE and UID STORE.

Source: RFC 9051 §6.4.6, §6.4.9.
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
    """Change flags; `is_silent`: do not tell the new ones."""

    tag: bytes
    is_uid: bool
    messages: SequenceSet
    change: FlagChange
    is_silent: bool
    flags: FlagList


def parse(cursor: Cursor) -> Store:
    """`STORE` SP sequence-set SP store-att-flags."""
    return _parse(cursor, is_uid=False)


def parse_uid(cursor: Cursor) -> Store:
    """`UID STORE` SP sequence-set SP store-att-flags."""
    return _parse(cursor, is_uid=True)


def _parse(cursor: Cursor, *, is_uid: bool) -> Store:
    # RFC 7162 §3.1.3 todo: the UNCHANGEDSINCE modifier
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    name = cursor.keyword()
    change = FlagChange(name[:1].decode("ascii")) if name[:1] in {b"+", b"-"} else FlagChange.REPLACE
    item = name[len(change.value) :]
    if item not in {b"FLAGS", b"FLAGS.SILENT"}:
        raise bad("Unknown STORE item")
    cursor.space()
    flags = cursor.flag_list(may_be_bare=True)
    cursor.end()
    return Store(cursor.tag, is_uid, messages, change, item != b"FLAGS", flags)
