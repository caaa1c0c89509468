"""What SEARCH answers: ESEARCH, the old SEARCH response, and the value of `$`.

Not here: matching (`search_match`). Source: RFC 9051 §6.4.4, §6.4.4.1, §7.3.4; RFC 4731 §3; RFC 5182; RFC
3501 §7.2.5. Invariant: numbers are ascending; an empty result gives an ESEARCH without MIN, MAX and ALL.
"""

import enum
from array import array
from collections.abc import Sequence

from postier.imap.bulk import format_rows
from postier.imap.quoting import astring
from postier.imap.sets import set_text


class Return(enum.Flag):
    """The options of RETURN (RFC 9051 §6.4.4)."""

    MIN = enum.auto()
    MAX = enum.auto()
    ALL = enum.auto()
    COUNT = enum.auto()
    SAVE = enum.auto()


def search_answer(
    tag: bytes,
    numbers: Sequence[int],
    *,
    is_uid: bool,
    returns: Return | None,
    uses_esearch: bool,
    modseq: int = 0,
) -> bytes:
    """The untagged response; `returns` is None when the command had no RETURN. `modseq`: see `esearch_line`."""
    if returns is None:
        if not uses_esearch:
            return search_line(numbers, modseq)
        returns = Return.ALL
    return esearch_line(tag, numbers, is_uid=is_uid, returns=returns, modseq=modseq)


def esearch_line(
    tag: bytes, numbers: Sequence[int], *, is_uid: bool, returns: Return, modseq: int = 0
) -> bytes:
    """One ESEARCH line; nothing for SAVE alone (RFC 9051 §6.4.4 SAVE).

    `modseq` is the highest mod-sequence of what is returned, if the search named MODSEQ (RFC 4731 §3.2).
    """
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
    if numbers and modseq:
        words.append(b"MODSEQ %d" % modseq)
    return b" ".join(words) + b"\r\n"


def search_line(numbers: Sequence[int], modseq: int = 0) -> bytes:
    """The IMAP4rev1 response: each number by itself (RFC 3501 §7.2.5), and the mod-sequence (RFC 7162 §3.1.6)."""
    if not numbers:
        return b"* SEARCH\r\n"
    return b"* SEARCH%b%b\r\n" % (
        format_rows(b" %d", numbers),
        b" (MODSEQ %d)" % modseq if modseq else b"",
    )


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
