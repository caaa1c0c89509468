"""SEARCH and UID SEARCH.

Not here: keys (`search_syntax`), results (`search_results`). Source: RFC 9051 §6.4.4; RFC 4731; RFC 5182;
RFC 9394 §3; RFC 9755 §3 (no CHARSET).
"""

import msgspec

from postier.imap.fetch_items import FetchItems
from postier.imap.fetch_syntax import parse_fetch_items
from postier.imap.partial import Partial, partial_range
from postier.imap.refusals import PeerError, bad
from postier.imap.responses import Status, bad_charset
from postier.imap.search import Criterion
from postier.imap.search_algebra import is_fuzzy
from postier.imap.search_results import Return, Wanted
from postier.imap.search_syntax import parse_program
from postier.imap.tokens import Cursor

CHARSETS = (b"US-ASCII", b"UTF-8")


class Search(msgspec.Struct, frozen=True):
    """`returns` is None without RETURN; `RETURN ()` is ALL. `has_charset`: CHARSET was named."""

    tag: bytes
    is_uid: bool
    returns: Wanted | None
    criterion: Criterion
    has_charset: bool = False


class CharsetError(PeerError):
    """An unknown CHARSET; `clears_saved`: `$` becomes empty (RFC 9051 §6.4.4.1)."""

    def __init__(self, *, clears_saved: bool, status: Status = Status.NO) -> None:
        super().__init__("Unknown charset", status=status, code=bad_charset(CHARSETS))
        self.clears_saved = clears_saved


def parse(cursor: Cursor) -> Search:
    """`SEARCH` …"""
    return _parse(cursor, is_uid=False)


def parse_uid(cursor: Cursor) -> Search:
    """`UID SEARCH` …"""
    return _parse(cursor, is_uid=True)


def returns_of(cursor: Cursor) -> Wanted | None:
    """`RETURN (...)` and the space behind it, if it is there."""
    if not cursor.try_keyword(b"RETURN"):
        return None
    cursor.space()
    options, partial, items = Return(0), None, None
    for option in cursor.items(lambda: _return(cursor), may_be_empty=True):
        if isinstance(option, Return):
            options |= option
        elif isinstance(option, FetchItems):
            options, items = options | Return.UPDATE, option
        elif partial is None:
            partial = option
        else:
            raise bad("PARTIAL is named twice")
    cursor.space()
    if partial is not None and Return.ALL in options:
        raise bad("PARTIAL and ALL exclude each other")  # RFC 9394 §3.1
    return Wanted(options if options or partial else Return.ALL, partial, items)


def program(cursor: Cursor, *, clears_saved: bool) -> Criterion:
    """The name of a charset and the keys behind it. Raises CharsetError for a charset that we do not read."""
    charset = cursor.astring().upper()
    if cursor.only_utf8 and charset != b"UTF-8":
        raise bad("Only CHARSET UTF-8 is allowed after ENABLE UTF8=ACCEPT")  # RFC 9755 §3
    is_known = charset in CHARSETS
    cursor.space()
    if is_known:
        return parse_program(cursor)
    has_filter = b"FILTER" in cursor.text[cursor.pos :].upper()  # RFC 5466 §3.1: filters are UTF-8
    raise CharsetError(clears_saved=clears_saved, status=Status.BAD if has_filter else Status.NO)


def _parse(cursor: Cursor, *, is_uid: bool) -> Search:
    cursor.space()
    returns = returns_of(cursor)
    has_charset = cursor.try_keyword(b"CHARSET")
    if has_charset:
        cursor.space()
        criterion = program(cursor, clears_saved=returns is not None and returns.saves)
    else:
        criterion = parse_program(cursor)
    check_relevancy(criterion, wants=returns is not None and returns.wants_relevancy)
    return Search(cursor.tag, is_uid, returns, criterion, has_charset)


def check_relevancy(criterion: Criterion, *, wants: bool) -> None:
    """RELEVANCY is for what FUZZY found. Raises PeerError."""
    if wants and not is_fuzzy(criterion):
        raise bad("RELEVANCY needs FUZZY")  # RFC 6203 §4


def _return(cursor: Cursor) -> Return | Partial | FetchItems:
    name = cursor.keyword()
    if name == b"UPDATE" and cursor.text.startswith(b" (", cursor.pos):  # RFC 5465 §7
        cursor.space()
        return parse_fetch_items(cursor, is_uid=False)
    if name == b"PARTIAL":
        cursor.space()
        return partial_range(cursor)
    option = Return.__members__.get(name.decode("ascii"))
    if option is None:
        raise bad("Unknown search return option")  # RFC 9051 §6.4.4
    return option
