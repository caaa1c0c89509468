"""SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS.

Not here: whom identifiers mean (`mailbox.rights`). Source: RFC 4314 §3.
"""

import enum

import msgspec

from postier.imap.refusals import bad
from postier.imap.rights import Right, parse_rights
from postier.imap.tokens import Cursor


class RightsChange(enum.Enum):
    """What happens to the named rights."""

    REPLACE = ""
    ADD = "+"
    REMOVE = "-"


class SetAcl(msgspec.Struct, frozen=True):
    """Give or take rights; DELETEACL is REPLACE with none."""

    tag: bytes
    mailbox: str
    identifier: str
    change: RightsChange
    rights: frozenset[Right]
    is_delete: bool = False


class GetAcl(msgspec.Struct, frozen=True):
    """Who has which rights."""

    tag: bytes
    mailbox: str


class ListRights(msgspec.Struct, frozen=True):
    """Which rights somebody can be given."""

    tag: bytes
    mailbox: str
    identifier: str


class MyRights(msgspec.Struct, frozen=True):
    """Which rights one has."""

    tag: bytes
    mailbox: str


def parse_set(cursor: Cursor) -> SetAcl:
    """`SETACL` SP mailbox SP identifier SP rights."""
    mailbox, identifier = _mailbox(cursor), _text(cursor)
    text = _text(cursor, may_be_empty=True)
    change = RightsChange(text[:1]) if text[:1] in {"+", "-"} else RightsChange.REPLACE
    cursor.end()
    return SetAcl(cursor.tag, mailbox, identifier, change, parse_rights(text[len(change.value) :]))


def parse_delete(cursor: Cursor) -> SetAcl:
    """`DELETEACL` SP mailbox SP identifier."""
    mailbox, identifier = _mailbox(cursor), _text(cursor)
    cursor.end()
    return SetAcl(cursor.tag, mailbox, identifier, RightsChange.REPLACE, frozenset(), is_delete=True)


def parse_get(cursor: Cursor) -> GetAcl:
    """`GETACL` SP mailbox."""
    mailbox = _mailbox(cursor)
    cursor.end()
    return GetAcl(cursor.tag, mailbox)


def parse_list(cursor: Cursor) -> ListRights:
    """`LISTRIGHTS` SP mailbox SP identifier."""
    mailbox, identifier = _mailbox(cursor), _text(cursor)
    cursor.end()
    return ListRights(cursor.tag, mailbox, identifier)


def parse_my(cursor: Cursor) -> MyRights:
    """`MYRIGHTS` SP mailbox."""
    mailbox = _mailbox(cursor)
    cursor.end()
    return MyRights(cursor.tag, mailbox)


def _mailbox(cursor: Cursor) -> str:
    cursor.space()
    return cursor.mailbox()


def _text(cursor: Cursor, *, may_be_empty: bool = False) -> str:
    cursor.space()
    try:
        text = cursor.astring().decode("utf-8")
    except UnicodeDecodeError:
        raise bad("This is not UTF-8") from None
    if not text and not may_be_empty:
        raise bad("The identifier is empty")
    return text
