"""QUOTA and QUOTAROOT lines.

Source: RFC 9208 §4.2, §5.1 (units of 1024 octets), §7 with eid8846 (the list may be empty).
"""

from collections.abc import Iterable

import msgspec

from postier.imap.mailbox_names import encode_mailbox
from postier.imap.quoting import astring

STORAGE_UNIT = 1024


class Resource(msgspec.Struct, frozen=True):
    """One limit of a quota root."""

    name: bytes
    usage: int
    limit: int


def storage(used_bytes: int, limit_bytes: int) -> Resource:
    """STORAGE; what is used is rounded up."""
    return Resource(b"STORAGE", -(-used_bytes // STORAGE_UNIT), limit_bytes // STORAGE_UNIT)


def quota_line(root: bytes, resources: Iterable[Resource]) -> bytes:
    """The QUOTA line; a resource that is not named has no limit."""
    listed = b" ".join([b"%b %d %d" % (one.name, one.usage, one.limit) for one in resources])
    return b"* QUOTA %b (%b)\r\n" % (astring(root), listed)


def quota_root_line(mailbox: str, root: bytes, *, utf8: bool) -> bytes:
    """The QUOTAROOT line of a mailbox with one root."""
    return b"* QUOTAROOT %b %b\r\n" % (encode_mailbox(mailbox, utf8=utf8), astring(root))
