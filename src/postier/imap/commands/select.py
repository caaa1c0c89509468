"""SELECT and EXAMINE.

Source: RFC 9051 §6.3.2, §6.3.3; RFC 7162 §3.1.8, §3.2.5, §7 (parameters).
"""

import msgspec

from postier.imap.refusals import bad
from postier.imap.resync import Known, Match, is_ascending, paired
from postier.imap.sets import Ranges, SequenceSet
from postier.imap.tokens import Cursor


class Select(msgspec.Struct, frozen=True):
    """Open a mailbox; `is_examine`: read-only. `known` is what QRESYNC names."""

    tag: bytes
    mailbox: str
    is_examine: bool
    wants_modseq: bool = False
    known: Known | None = None


def parse(cursor: Cursor) -> Select:
    """`SELECT` SP mailbox [SP `(` parameters `)`]."""
    return _parse(cursor, is_examine=False)


def parse_examine(cursor: Cursor) -> Select:
    """`EXAMINE` SP mailbox [SP `(` parameters `)`]."""
    return _parse(cursor, is_examine=True)


def _parse(cursor: Cursor, *, is_examine: bool) -> Select:
    cursor.space()
    mailbox = cursor.mailbox()
    parameters: list[Known | None] = []
    if cursor.take(b" "):
        parameters = cursor.items(lambda: _parameter(cursor))
        if len(parameters) != len({each is None for each in parameters}):
            raise bad("A SELECT parameter occurs twice")
    cursor.end()
    known = next(filter(None, parameters), None)
    return Select(cursor.tag, mailbox, is_examine, bool(parameters), known)


def _parameter(cursor: Cursor) -> Known | None:
    """CONDSTORE, which is None, or QRESYNC."""
    name = cursor.keyword()
    if name == b"CONDSTORE":
        return None
    if name != b"QRESYNC":
        raise bad("Unknown SELECT parameter")
    cursor.space()
    cursor.expect(b"(")
    validity = cursor.nz_number()
    cursor.space()
    modseq = cursor.number()
    uids: Ranges | None = None
    matches: tuple[Match, ...] = ()
    while cursor.take(b" "):
        if cursor.take(b"("):
            matches = _matches(cursor)
            cursor.expect(b")")
            break
        if uids is not None:
            raise bad("Known UIDs occur twice")
        uids = _numbers(cursor).resolve(0)
    cursor.expect(b")")
    return Known(validity, modseq, uids, matches)


def _matches(cursor: Cursor) -> tuple[Match, ...]:
    """RFC 7162 §7 seq-match-data."""
    seqs = _numbers(cursor)
    cursor.space()
    uids = _numbers(cursor)
    matches = paired(seqs.pairs, uids.pairs) if is_ascending(seqs) and is_ascending(uids) else None
    if matches is None:
        raise bad("Sequence match data must ascend and correspond")
    return matches


def _numbers(cursor: Cursor) -> SequenceSet:
    numbers = cursor.sequence_set()
    if numbers.has_star or numbers.is_saved_result:
        raise bad("* and $ are not allowed here")  # RFC 7162 §7 known-uids
    return numbers
