"""SUBSCRIBE and UNSUBSCRIBE.

Source: RFC 9051 §6.3.7, §6.3.8. Repeating either is no error.
"""

import msgspec

from postier.imap.tokens import Cursor


class Subscribe(msgspec.Struct, frozen=True):
    """Add a name to the subscriptions, or take it out."""

    tag: bytes
    mailbox: str
    is_subscribed: bool


def parse(cursor: Cursor) -> Subscribe:
    """`SUBSCRIBE` SP mailbox."""
    return _parse(cursor, is_subscribed=True)


def parse_unsubscribe(cursor: Cursor) -> Subscribe:
    """`UNSUBSCRIBE` SP mailbox."""
    return _parse(cursor, is_subscribed=False)


def _parse(cursor: Cursor, *, is_subscribed: bool) -> Subscribe:
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.end()
    return Subscribe(cursor.tag, mailbox, is_subscribed)
