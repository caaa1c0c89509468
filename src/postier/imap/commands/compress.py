"""COMPRESS.

Source: RFC 4978 §3, §5.
"""

import msgspec

from postier.imap.refusals import bad
from postier.imap.tokens import Cursor


class Compress(msgspec.Struct, frozen=True):
    """From the answer on both sides compress with DEFLATE."""

    tag: bytes


def parse(cursor: Cursor) -> Compress:
    """`COMPRESS` SP `DEFLATE`."""
    cursor.space()
    if cursor.keyword() != b"DEFLATE":
        raise bad("Unknown compression mechanism")
    cursor.end()
    return Compress(cursor.tag)
