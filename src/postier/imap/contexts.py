"""Contexts: results that a client keeps, and what it is told when they change.

Not here: finding what matches (`search_match` and above), when it is told. Source: RFC 5267 §4.3. Invariants: `results` is what the
client has, in its order; applying the lines in the order in which they were made keeps it so. Positions of a SEARCH are
0: its results are in the order of the mailbox by themselves.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby

from postier.imap.fetch_items import FetchItems
from postier.imap.search import Criterion
from postier.imap.search_results import esearch_start
from postier.imap.sets import ordered_set_text, set_text
from postier.imap.sorting import SortKey

MAX_CONTEXTS = 8  # of one selected mailbox
MAX_RESULTS = 250_000  # of all of them together; the first may have more (RFC 5267 §4.3.1: at least one)

Numbers = Callable[[Sequence[int]], Sequence[int]]  # what a client calls messages, by their UIDs


class Context:
    """One result that is kept up to date; `keys` is None for SEARCH. Sequence numbers in the criterion are frozen."""

    __slots__ = ("criterion", "is_uid", "items", "keys", "results", "start", "tag")

    def __init__(
        self,
        tag: bytes,
        criterion: Criterion,
        results: Sequence[int],
        *,
        is_uid: bool,
        keys: tuple[SortKey, ...] | None = None,
        start: bytes = b"",
        items: FetchItems | None = None,
    ) -> None:
        """`start`: how its lines begin, where that is not the usual `esearch_start`. `items` are told of new messages."""
        self.items = items
        self.tag = tag
        self.criterion = criterion
        self.is_uid = is_uid
        self.keys = keys
        self.start = start or esearch_start(tag, is_uid=is_uid)
        self.results = array("I", results)

    def remove(self, gone: AbstractSet[int], numbers: Numbers) -> bytes:
        """Take messages out of the result; the line that says so (RFC 5267 §4.3.4)."""
        leaving = [place for place, uid in enumerate(self.results) if uid in gone]
        if not leaving:
            return b""
        told = numbers(array("I", [self.results[place] for place in leaving]))
        if self.keys is None:
            pairs = [b"0 " + set_text(told)]
        else:  # from the last to the first, so that the places before them stay
            pairs = [
                b"%d %b" % (start + 1, ordered_set_text(part))
                for start, part in reversed([*_runs(leaving, told)])
            ]
        self.results = array("I", [uid for uid in self.results if uid not in gone])
        return self._line(b"REMOVEFROM", pairs)

    def add(self, came: AbstractSet[int], ordered: Sequence[int], numbers: Numbers) -> bytes:
        """The result is now `ordered`, in which `came` is new; the line that says so (RFC 5267 §4.3.3)."""
        arriving = [place for place, uid in enumerate(ordered) if uid in came]
        self.results = array("I", ordered)
        if not arriving:
            return b""
        told = numbers(array("I", [ordered[place] for place in arriving]))
        if self.keys is None:
            pairs = [b"0 " + set_text(told)]
        else:  # from the first to the last: what stands before each is there already
            pairs = [b"%d %b" % (start + 1, ordered_set_text(part)) for start, part in _runs(arriving, told)]
        return self._line(b"ADDTO", pairs)

    def _line(self, item: bytes, pairs: Sequence[bytes]) -> bytes:
        return b"%b %b (%b)\r\n" % (self.start, item, b" ".join(pairs))


def _runs(places: Sequence[int], numbers: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """(first place, the numbers) of places that follow one another."""
    pairs = enumerate(zip(places, numbers, strict=True))
    for _, run in groupby(pairs, key=lambda pair: pair[1][0] - pair[0]):
        members = [member for _, member in run]
        yield members[0][0], [number for _, number in members]
