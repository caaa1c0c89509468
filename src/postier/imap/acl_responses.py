"""ACL, LISTRIGHTS and MYRIGHTS lines.

Source: RFC 4314 §3.6 to §3.8, §2.1.1.
"""

from collections.abc import Iterable

from postier.imap.mailbox_names import encode_mailbox
from postier.imap.quoting import astring
from postier.imap.rights import Right, rights_text

# Each right can be given by itself; d and c stand alone then (RFC 4314 §2.1.1).
_GRANTABLE = b" ".join([right.value.encode() for right in Right] + [b"c", b"d"])


def acl_line(mailbox: str, grants: Iterable[tuple[str, frozenset[Right]]], *, utf8: bool) -> bytes:
    """Who has which rights."""
    words = [encode_mailbox(mailbox, utf8=utf8)]
    for identifier, rights in grants:
        words += [astring(identifier.encode()), astring(rights_text(rights).encode())]
    return b"* ACL %b\r\n" % b" ".join(words)


def list_rights_line(mailbox: str, identifier: str, required: frozenset[Right], *, utf8: bool) -> bytes:
    """Which rights one always has, and which can be given; nothing more can be given to who has all."""
    given = b"" if required else b" " + _GRANTABLE
    return b"* LISTRIGHTS %b %b %b%b\r\n" % (
        encode_mailbox(mailbox, utf8=utf8),
        astring(identifier.encode()),
        astring(rights_text(required).encode()),
        given,
    )


def my_rights_line(mailbox: str, rights: frozenset[Right], *, utf8: bool) -> bytes:
    """Which rights one has oneself."""
    return b"* MYRIGHTS %b %b\r\n" % (
        encode_mailbox(mailbox, utf8=utf8),
        astring(rights_text(rights).encode()),
    )
