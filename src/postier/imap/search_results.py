"""What SEARCH and SORT answer: ESEARCH, the old SEARCH and SORT responses, and the value of `$`.

Not here: matching (`search_match`), order (`sorting`), what contexts are told later (`contexts`). Source: RFC 9051 §6.4.4,
§6.4.4.1, §7.3.4; RFC 4731 §3; RFC 5182; RFC 3501 §7.2.5; RFC 5256 §4; RFC 5267 §3, §4.4; RFC 9394 §3. Invariants: numbers
are in the order of the result, which is ascending for SEARCH; an empty result gives an ESEARCH without MIN, MAX and ALL.
"""

import enum
from array import array
from collections.abc import Sequence

import msgspec

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


class Wanted(msgspec.Struct, frozen=True):
    """What RETURN asks for; `partial` is the stretch of PARTIAL."""

    options: Return
    partial: Partial | None = None

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
) -> bytes:
    """The untagged response; `returns` is None when the command had no RETURN. `modseq`: see `esearch_line`."""
    if returns is None:
        if not uses_esearch:
            return _line(b"* SEARCH", numbers, modseq)  # RFC 3501 §7.2.5: each number by itself
        returns = Wanted(Return.ALL)
    return esearch_line(tag, numbers, is_uid=is_uid, returns=returns, modseq=modseq)


def search_line(numbers: bytes) -> bytes:
    """The response without options for numbers that are text already, with commas between."""
    return b"* SEARCH %b\r\n" % numbers.replace(b",", b" ") if numbers else b"* SEARCH\r\n"


def sort_answer(
    tag: bytes, numbers: Sequence[int], *, is_uid: bool, returns: Wanted | None, modseq: int = 0
) -> bytes:
    """The untagged response to SORT."""
    if returns is None:
        return _line(b"* SORT", numbers, modseq)
    return esearch_line(tag, numbers, is_uid=is_uid, returns=returns, is_sorted=True, modseq=modseq)


def esearch_line(
    tag: bytes,
    numbers: Sequence[int],
    *,
    is_uid: bool,
    returns: Wanted,
    is_sorted: bool = False,
    modseq: int = 0,
) -> bytes:
    """One ESEARCH line; nothing for SAVE alone (RFC 9051 §6.4.4 SAVE).

    `modseq` is the highest mod-sequence of what is returned, if the search named MODSEQ (RFC 4731 §3.2).
    """
    options, partial = returns.options, returns.partial
    if options == Return.SAVE and partial is None:
        return b""
    text = ordered_set_text if is_sorted else set_text
    words = [esearch_start(tag, is_uid=is_uid)]
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
    if numbers and modseq:
        words.append(b"MODSEQ %d" % modseq)
    return b" ".join(words) + b"\r\n"


def esearch_start(tag: bytes, *, is_uid: bool) -> bytes:
    """How every ESEARCH that answers a command begins."""
    return b"* ESEARCH (TAG %b)%b" % (tag_string(tag), b" UID" if is_uid else b"")


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
