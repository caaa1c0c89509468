"""SORT and UID SORT.

Not here: the criteria (`sorting`), results (`search_results`). Source: RFC 5256 §3, §5; RFC 5267 §3 (RETURN); RFC 5957 §5.
"""

import msgspec

from postier.imap.commands.search import check_relevancy, program, returns_of
from postier.imap.refusals import bad
from postier.imap.search import Criterion
from postier.imap.search_results import Wanted
from postier.imap.sorting import SortField, SortKey, effective
from postier.imap.tokens import Cursor


class Sort(msgspec.Struct, frozen=True):
    """As `search.Search`, with what the result is ordered by."""

    tag: bytes
    is_uid: bool
    returns: Wanted | None
    keys: tuple[SortKey, ...]
    criterion: Criterion


def parse(cursor: Cursor) -> Sort:
    """`SORT` …"""
    return _parse(cursor, is_uid=False)


def parse_uid(cursor: Cursor) -> Sort:
    """`UID SORT` …"""
    return _parse(cursor, is_uid=True)


def _parse(cursor: Cursor, *, is_uid: bool) -> Sort:
    cursor.space()
    returns = returns_of(cursor)
    keys = effective(cursor.items(lambda: _key(cursor)))
    cursor.space()
    criterion = program(cursor, clears_saved=returns is not None and returns.saves)
    by_relevancy = any(key.field is SortField.RELEVANCY for key in keys)
    check_relevancy(criterion, wants=by_relevancy or (returns is not None and returns.wants_relevancy))
    return Sort(cursor.tag, is_uid, returns, keys, criterion)


def _key(cursor: Cursor) -> SortKey:
    is_reverse = cursor.try_keyword(b"REVERSE")
    if is_reverse:
        cursor.space()
    field = SortField.__members__.get(cursor.keyword().decode("ascii"))
    if field is None:
        raise bad("Unknown sort criterion")
    return SortKey(field, is_reverse)
