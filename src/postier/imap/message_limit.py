"""Which messages of a command are within the limit that MESSAGELIMIT announces: the newest.

Not here: which commands have it (`servers.imap.message_limit`). Source: RFC 9738 §3.1. Invariant: only messages that the command
names count, not all of the mailbox, so that a client can go on below the UID that it was told.
"""

from collections.abc import Callable, Sequence

from postier.imap.search import And, Criterion, Messages, Not, Uids
from postier.imap.sets import MAX_NUMBER, Ranges, SequenceSet, index_ranges, overlap
from postier.imap.view import Chosen

_ALL: Ranges = ((1, MAX_NUMBER),)


def newest(chosen: Chosen, limit: int) -> Chosen:
    """The newest `limit` messages; `chosen` itself if it has no more, or if the limit is 0, which is none."""
    if not limit or len(chosen.uids) <= limit:
        return chosen
    return Chosen(chosen.uids[-limit:], chosen.seqs[-limit:])


def lowest_searched(
    criterion: Criterion,
    uid_ranges: Callable[[SequenceSet, bool], Ranges],
    uids: Sequence[int],
    limit: int,
) -> int:
    """The UID of the last message looked at if only the newest `limit` are that a search is about; 0 if there are no more.

    A search is about the messages that its keys name by number or UID, not about those that match (RFC 9738 §3.1). `uid_ranges`
    is the view's, `uids` are its messages, ascending.
    """
    left = limit
    places = index_ranges(_named(criterion, uid_ranges), uids)
    if sum(stop - start for start, stop in places) <= limit:
        return 0
    for start, stop in reversed(places):
        if stop - start >= left:
            return uids[stop - left]
        left -= stop - start
    raise AssertionError("more than `limit` messages were counted")


def _named(criterion: Criterion, uid_ranges: Callable[[SequenceSet, bool], Ranges]) -> Ranges:
    """The UIDs outside of which nothing can match, as far as the keys that all must match tell it."""
    named, pending = _ALL, [criterion]
    while pending:
        match pending.pop():
            case And(terms):
                pending.extend(terms)
            case Messages(numbers, is_uid):
                named = overlap(named, uid_ranges(numbers, is_uid))
            case Uids(ranges):
                named = overlap(named, ranges)
            case Not(Messages(numbers, is_uid)):
                named = overlap(named, _others(uid_ranges(numbers, is_uid)))
            case Not(Uids(ranges)):
                named = overlap(named, _others(ranges))
            case _:
                pass
    return named


def _others(ranges: Ranges) -> Ranges:
    """The UIDs that are not in `ranges`."""
    others, start = [], 1
    for low, high in ranges:
        if low > start:
            others.append((start, low - 1))
        start = high + 1
    if start <= MAX_NUMBER:
        others.append((start, MAX_NUMBER))
    return tuple(others)
