"""What SEARCH and SORT answer: ESEARCH, the old SEARCH and SORT responses, and the value of `$`.

Not here: matching (`search_match`), order (`sorting`), what contexts are told later (`contexts`). Source: RFC 9051 §6.4.4,
§6.4.4.1, §7.3.4; RFC 4731 §3; RFC 5182; RFC 3501 §7.2.5; RFC 5256 §4; RFC 5267 §3, §4.4; RFC 7377 §2.1; RFC 9394 §3. Invariants: numbers
are in the order of the result, which is ascending for SEARCH; an empty result gives an ESEARCH without MIN, MAX and ALL.
"""

import enum
from array import array
from collections.abc import Mapping, Sequence

import msgspec

from postier.imap.fetch_items import FetchItems
from postier.imap.mailbox_names import encode_mailbox
from postier.imap.partial import Partial
from postier.imap.quoting import tag_string
from postier.imap.sets import ordered_set_text, set_text

_ENCODER = msgspec.json.Encoder()


class Return(enum.Flag):
    """The options of RETURN (RFC 9051 §6.4.4)."""

    MIN = enum.auto()
    MAX = enum.auto()
    ALL = enum.auto()
    COUNT = enum.auto()
    SAVE = enum.auto()
    CONTEXT = enum.auto()  # RFC 5267 §4.2: a hint; results are found anew as fast
    UPDATE = enum.auto()  # RFC 5267 §4.3
    RELEVANCY = enum.auto()  # RFC 6203 §4


class Wanted(msgspec.Struct, frozen=True):
    """What RETURN asks for; `partial` is the stretch of PARTIAL, `items` what UPDATE tells of new messages."""

    options: Return
    partial: Partial | None = None
    items: FetchItems | None = None

    @property
    def wants_relevancy(self) -> bool:
        """Whether scores are told."""
        return Return.RELEVANCY in self.options

    @property
    def saves(self) -> bool:
        """Whether the result becomes `$`."""
        return Return.SAVE in self.options


def search_answer(
    tag: bytes,
    numbers: Sequence[int],
    *,
    is_uid: bool,
    returns: Wanted | None,
    uses_esearch: bool,
    modseq: int = 0,
    relevancy: Mapping[int, int] | None = None,
) -> bytes:
    """The untagged response; `returns` is None when the command had no RETURN. `modseq`: see `esearch_line`."""
    if returns is None:
        if not uses_esearch:
            return _line(b"* SEARCH", numbers, modseq)  # RFC 3501 §7.2.5: each number by itself
        returns = Wanted(Return.ALL)
    start = esearch_start(tag, is_uid=is_uid)
    return esearch_line(start, numbers, returns=returns, modseq=modseq, relevancy=relevancy)


def search_line(numbers: bytes) -> bytes:
    """The response without options for numbers that are text already, with commas between."""
    return b"* SEARCH %b\r\n" % numbers.replace(b",", b" ") if numbers else b"* SEARCH\r\n"


def sort_answer(
    tag: bytes,
    numbers: Sequence[int],
    *,
    is_uid: bool,
    returns: Wanted | None,
    modseq: int = 0,
    relevancy: Mapping[int, int] | None = None,
) -> bytes:
    """The untagged response to SORT."""
    if returns is None:
        return _line(b"* SORT", numbers, modseq)
    start = esearch_start(tag, is_uid=is_uid)
    return esearch_line(start, numbers, returns=returns, is_sorted=True, modseq=modseq, relevancy=relevancy)


def esearch_line(
    start: bytes,
    numbers: Sequence[int],
    *,
    returns: Wanted,
    is_sorted: bool = False,
    modseq: int = 0,
    relevancy: Mapping[int, int] | None = None,
) -> bytes:
    """One ESEARCH line that begins with an `esearch_start`; nothing for SAVE alone (RFC 9051 §6.4.4 SAVE).

    `modseq` is the highest mod-sequence of what is returned, if the search named MODSEQ (RFC 4731 §3.2);
    `relevancy` the score of each number, if it is to be told (RFC 6203 §4).
    """
    options, partial = returns.options, returns.partial
    if options == Return.SAVE and partial is None:
        return b""
    text = ordered_set_text if is_sorted else set_text
    words = [start]
    if numbers:
        if Return.MIN in options:
            words.append(b"MIN %d" % numbers[0])  # RFC 5267 §3.1: of a sorted result the first
        if Return.MAX in options:
            words.append(b"MAX %d" % numbers[-1])
        if Return.ALL in options:
            words.append(b"ALL " + text(numbers))
    if Return.COUNT in options:
        words.append(b"COUNT %d" % len(numbers))
    if partial is not None:
        found = text(numbers[partial.span(len(numbers))]) or b"NIL"
        words.append(b"PARTIAL (%d:%d %b)" % (partial.first, partial.last, found))
    if relevancy is not None:
        told = numbers if partial is None else numbers[partial.span(len(numbers))]
        words.append(b"RELEVANCY (%b)" % b" ".join([b"%d" % relevancy[number] for number in told]))
    if numbers and modseq:
        words.append(b"MODSEQ %d" % modseq)
    return b" ".join(words) + b"\r\n"


def esearch_start(
    tag: bytes, *, is_uid: bool, mailbox: str | None = None, uidvalidity: int = 0, utf8: bool = False
) -> bytes:
    """How every ESEARCH that answers a command begins; with a mailbox when several are searched (RFC 7377 §2.1)."""
    words = [b"* ESEARCH (TAG ", tag_string(tag)]
    if mailbox is not None:
        words.append(b" MAILBOX %b UIDVALIDITY %d" % (encode_mailbox(mailbox, utf8=utf8), uidvalidity))
    words.append(b") UID" if is_uid else b")")
    return b"".join(words)


def saved_result(returns: Wanted, uids: "array[int]") -> "array[int]":
    """What `$` becomes, ascending, after a search with SAVE that found `uids` in the order of the result (RFC 9051 §6.4.4.1
    table 4; RFC 9394 §3.2 table 1).
    """
    options, partial = returns.options, returns.partial
    is_part = partial is not None or bool((Return.MIN | Return.MAX) & options)
    if Return.ALL in options or Return.COUNT in options or not is_part:
        return array("I", sorted(uids))
    kept = set() if partial is None else set(uids[partial.span(len(uids))])
    if uids and Return.MIN in options:
        kept.add(uids[0])
    if uids and Return.MAX in options:
        kept.add(uids[-1])
    return array("I", sorted(kept))


def _line(start: bytes, numbers: Sequence[int], modseq: int) -> bytes:
    if not numbers:
        return start + b"\r\n"
    highest = b" (MODSEQ %d)" % modseq if modseq else b""  # RFC 7162 §3.1.6
    text = _ENCODER.encode([*numbers])[1:-1].replace(
        b",", b" "
    )  # measured: a quarter of what formatting costs
    return b"%b %b%b\r\n" % (start, text, highest)
