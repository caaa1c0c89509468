"""What SEARCH answers: ESEARCH, the old SEARCH response, and the value of `$`.

Not here: matching (`search_match`). Source: RFC 9051 §6.4.4, §6.4.4.1, §7.3.4; RFC 4731 §3; RFC 5182; RFC
3501 §7.2.5. Invariant: numbers are ascending; an empty result gives an ESEARCH without MIN, MAX and ALL.
"""

import enum
from array import array
from collections.abc import Sequence

import msgspec

from postier.imap.quoting import astring
from postier.imap.sets import set_text

_ENCODER = msgspec.json.Encoder()


class Return(enum.Flag):
    """The options of RETURN (RFC 9051 §6.4.4)."""

    MIN = enum.auto()
    MAX = enum.auto()
    ALL = enum.auto()
    COUNT = enum.auto()
    SAVE = enum.auto()


def search_answer(
    tag: bytes, numbers: Sequence[int], *, is_uid: bool, returns: Return | None, uses_esearch: bool
) -> bytes:
    """The untagged response; `returns` is None when the command had no RETURN."""
    if returns is None:
        if not uses_esearch:
            return search_line(numbers)
        returns = Return.ALL
    return esearch_line(tag, numbers, is_uid=is_uid, returns=returns)


def esearch_line(tag: bytes, numbers: Sequence[int], *, is_uid: bool, returns: Return) -> bytes:
    """One ESEARCH line; nothing for SAVE alone (RFC 9051 §6.4.4 SAVE)."""
    if returns == Return.SAVE:
        return b""
    words = [b"* ESEARCH (TAG %b)" % _tag_string(tag)]
    if is_uid:
        words.append(b"UID")
    if numbers:
        if Return.MIN in returns:
            words.append(b"MIN %d" % numbers[0])
        if Return.MAX in returns:
            words.append(b"MAX %d" % numbers[-1])
        if Return.ALL in returns:
            words.append(b"ALL " + set_text(numbers))
    if Return.COUNT in returns:
        words.append(b"COUNT %d" % len(numbers))
    return b" ".join(words) + b"\r\n"


def search_line(numbers: Sequence[int]) -> bytes:
    """The IMAP4rev1 response: each number by itself (RFC 3501 §7.2.5)."""
    return search_line_of(_ENCODER.encode([*numbers])[1:-1])  # measured: a quarter of what formatting costs


def search_line_of(numbers: bytes) -> bytes:
    """The same for numbers with commas between."""
    return b"* SEARCH %b\r\n" % numbers.replace(b",", b" ") if numbers else b"* SEARCH\r\n"


def saved_result(returns: Return, uids: "array[int]") -> "array[int]":
    """What `$` becomes after a search with SAVE that found `uids` (RFC 9051 §6.4.4.1 table 4)."""
    if Return.ALL in returns or Return.COUNT in returns or not (Return.MIN | Return.MAX) & returns:
        return uids
    kept = []
    if uids and Return.MIN in returns:
        kept.append(uids[0])
    if uids and Return.MAX in returns and uids[-1] not in kept:
        kept.append(uids[-1])
    return array("I", kept)


def _tag_string(tag: bytes) -> bytes:
    # RFC 9051 §9 tag-string is an astring, but every example and older server quotes it, and parsers rely on it
    text = astring(tag)
    return text if text[:1] == b'"' else b'"%b"' % text
