"""What a client says that it knows of a mailbox, so that it is told only what has changed since.

Not here: reading it (`commands.select`), what changed (`mailbox.resync`). Source: RFC 7162 §3.2.5. Invariant: nothing is
expanded; the work grows with the text of the command, never with the numbers in it.
"""

import functools
from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from postier.imap.sets import Range, Ranges, SequenceSet


class Match(msgspec.Struct, frozen=True):
    """`count` sequence numbers from `seq` on, and the UIDs from `uid` on that they had."""

    seq: int
    uid: int
    count: int


class Known(msgspec.Struct, frozen=True):
    """The QRESYNC parameter; `uids` is None when the client means all."""

    uid_validity: int
    modseq: int
    uids: Ranges | None = None
    matches: tuple[Match, ...] = ()


def is_ascending(numbers: SequenceSet) -> bool:
    """Whether the set was written in ascending order, without `*`, `$` and repeats (RFC 7162 §3.2.5.2)."""
    if numbers.is_saved_result or numbers.has_star:
        return False
    last = 0
    for low, high in numbers.pairs:
        if low <= last:
            return False
        last = high
    return True


def paired(seqs: Sequence[Range], uids: Sequence[Range]) -> tuple[Match, ...] | None:
    """The numbers of two ascending sets item by item; None if one set has more."""
    matches: list[Match] = []
    uid, last_uid, place = 1, 0, 0
    for low, high in seqs:
        seq = low
        while seq <= high:
            if uid > last_uid:
                if place == len(uids):
                    return None
                uid, last_uid = uids[place]
                place += 1
            count = min(high - seq, last_uid - uid) + 1
            matches.append(Match(seq, uid, count))
            seq += count
            uid += count
    return tuple(matches) if uid > last_uid and place == len(uids) else None


def known_up_to(matches: Sequence[Match], uids: Sequence[int]) -> int:
    """The highest UID up to which the client knows of every expunge; 0 if no pair fits `uids`, the mailbox's.

    RFC 7162 §3.2.5.2. Within a match the UIDs of the mailbox grow at least as fast as the client's, so the last place
    where both are alike is found by bisection.
    """
    for match in reversed(matches):
        ahead = functools.partial(_ahead, match, uids)
        alike = bisect_right(range(min(match.count, len(uids) - match.seq + 1)), 0, key=ahead)
        if alike and not ahead(alike - 1):
            return match.uid + alike - 1
    return 0


def _ahead(match: Match, uids: Sequence[int], step: int) -> int:
    """How far the mailbox's UID is ahead of the client's."""
    return uids[match.seq - 1 + step] - match.uid - step
