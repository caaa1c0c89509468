"""GETQUOTA and GETQUOTAROOT.

Not here: SETQUOTA, which is not offered: limits are set by the administrator. Source: RFC 9208 §4.1, §7.
"""

import msgspec

from postier.imap.tokens import Cursor


class GetQuota(msgspec.Struct, frozen=True):
    """What a quota root has used, and its limits."""

    tag: bytes
    root: bytes


class GetQuotaRoot(msgspec.Struct, frozen=True):
    """The quota roots of a mailbox, which need not exist."""

    tag: bytes
    mailbox: str


def parse(cursor: Cursor) -> GetQuota:
    """`GETQUOTA` SP quota-root-name."""
    cursor.space()
    root = cursor.astring()
    cursor.end()
    return GetQuota(cursor.tag, root)


def parse_root(cursor: Cursor) -> GetQuotaRoot:
    """`GETQUOTAROOT` SP mailbox."""
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.end()
    return GetQuotaRoot(cursor.tag, mailbox)
