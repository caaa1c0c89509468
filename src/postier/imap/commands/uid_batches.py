"""UIDBATCHES.

Not here: the ranges (`imap.uid_batches`). Source: RFC 10022 §3.1, §4.
"""

import msgspec

from postier.imap.refusals import PeerError, no
from postier.imap.responses import CLIENTBUG, TOOFEW, TOOMANY
from postier.imap.tokens import Cursor

MIN_BATCH = 500  # messages; RFC 10022 §3.1.3.2
MAX_SPAN = 100_000  # messages in the batches that one command names; RFC 10022 §3.1.5
MAX_BATCHES = 1_000_000


class UidBatches(msgspec.Struct, frozen=True):
    """The mailbox in batches of `size` messages, the newest first; only the batches `first` to `last`, from 1 on."""

    tag: bytes
    size: int
    first: int = 1
    last: int = MAX_BATCHES


def parse(cursor: Cursor) -> UidBatches:
    """`UIDBATCHES` SP size [SP first `:` last]."""
    cursor.space()
    size = cursor.nz_number()
    first, last = 1, MAX_BATCHES
    is_range = cursor.take(b" ")
    if is_range:
        first = cursor.nz_number()
        cursor.expect(b":")
        last = cursor.nz_number()
    cursor.end()
    if first > last:
        raise PeerError("Invalid batch range", code=CLIENTBUG)
    if size < MIN_BATCH:
        raise no(f"Minimum batch size is {MIN_BATCH}", TOOFEW)
    if is_range and (last - first + 1) * size > MAX_SPAN:
        raise no(f"At most {MAX_SPAN} messages in the batches of one command", TOOMANY)
    return UidBatches(cursor.tag, size, first, last)
