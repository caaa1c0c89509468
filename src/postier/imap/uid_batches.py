"""A mailbox cut into ranges of UIDs with equally many messages, the newest first.

Source: RFC 10022 §3.1. Invariants: the ranges touch each other, so that a message is in exactly one, whichever UIDs are
missing; the first begins below UIDNEXT, the last of all ends with 1.
"""

from collections.abc import Sequence

from postier.imap.quoting import tag_string
from postier.imap.sets import Range


def uid_batches(uids: Sequence[int], uidnext: int, size: int, first: int, last: int) -> list[Range]:
    """Batches `first` to `last` (from 1 on) of ascending UIDs, each as (highest, lowest)."""
    count = len(uids)
    found = []
    for batch in range(first, min(last, -(-count // size)) + 1):
        stop = count - (batch - 1) * size  # its newest message is the one before this place
        start = max(0, stop - size)
        highest = uidnext - 1 if stop == count else uids[stop] - 1
        found.append((highest, uids[start] if start else 1))
    return found


def uid_batches_line(tag: bytes, batches: Sequence[Range]) -> bytes:
    """The UIDBATCHES line."""
    listed = b",".join([b"%d:%d" % batch for batch in batches])
    return b"* UIDBATCHES (TAG %b)%b\r\n" % (tag_string(tag), b" " + listed if listed else b"")
