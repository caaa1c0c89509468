"""Answers remembered for as long as their records say, within bounds.

Not here: who asks and who is asked. Source: RFC 1035 §7.4, RFC 2308 §5 and §7. Invariants: never more than
`capacity` entries nor MAX_OCTETS of records' text, the least recently used one goes first; an entry is never given out after its time; one look-up
costs a dictionary access and a comparison.
"""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from postier.mailauth.questions import Answer, Question

MIN_TTL_S = 10  # a record with TTL 0 would otherwise be fetched for every recipient of one message
MAX_TTL_S = 86_400
FAILURE_TTL_S = 5  # RFC 2308 §7: at most 5 minutes; long enough to spare a dead server a burst
DEFAULT_CAPACITY = 50_000  # some 30 MB when full
MAX_OCTETS = 32 << 20  # of TXT records: one can have 65,535, and who sends mail chooses whose are asked for


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An answer, the name that holds the records after all aliases, and the time until which it is good."""

    answer: Answer
    owner: str
    until_s: float
    octets: int = 0


class Cache:
    """The answers of one resolver; `now` gives seconds that only grow."""

    def __init__(self, now: Callable[[], float], capacity: int = DEFAULT_CAPACITY) -> None:
        self._now = now
        self._capacity = capacity
        self._entries: OrderedDict[Question, Entry] = OrderedDict()
        self._octets = 0

    def get(self, question: Question) -> Entry | None:
        """The entry if it is still good."""
        entry = self._entries.get(question)
        if entry is None:
            return None
        if entry.until_s <= self._now():
            self._octets -= self._entries.pop(question).octets
            return None
        self._entries.move_to_end(question)
        return entry

    def put(self, question: Question, answer: Answer, owner: str, ttl_s: int | None) -> Entry:
        """Remember an answer for `ttl_s` seconds, clamped; errors for a moment; None means not at all."""
        if answer.is_error:
            ttl_s = FAILURE_TTL_S
        elif ttl_s is not None:
            ttl_s = min(max(ttl_s, MIN_TTL_S), MAX_TTL_S)
        octets = sum(len(record) for record in answer.records if isinstance(record, bytes))
        entry = Entry(answer, owner, self._now() + (ttl_s or 0), octets)
        if ttl_s is not None:
            before = self._entries.pop(question, None)
            self._octets += octets - (0 if before is None else before.octets)
            self._entries[question] = entry
            while len(self._entries) > self._capacity or self._octets > MAX_OCTETS:
                self._octets -= self._entries.popitem(last=False)[1].octets
        return entry

    def clear(self) -> None:
        """Forget everything (SIGHUP, or a test)."""
        self._entries.clear()
        self._octets = 0

    def __len__(self) -> int:
        return len(self._entries)
