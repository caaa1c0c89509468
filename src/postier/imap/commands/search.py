"""SEARCH and UID SEARCH.

Not here: keys (`search_syntax`), results (`search_results`). Source: RFC 9051 §6.4.4; RFC 4731; RFC 5182;
RFC 9755 §3 (no CHARSET).
"""

import msgspec

from postier.imap.refusals import PeerError, bad
from postier.imap.responses import Status, bad_charset
from postier.imap.search import Criterion, ModSeq, leaves
from postier.imap.search_results import Return
from postier.imap.search_syntax import parse_program
from postier.imap.tokens import Cursor

CHARSETS = (b"US-ASCII", b"UTF-8")


class Search(msgspec.Struct, frozen=True):
    """`returns` is None without RETURN; `RETURN ()` is ALL. `has_charset`: CHARSET was named."""

    tag: bytes
    is_uid: bool
    returns: Return | None
    criterion: Criterion
    has_charset: bool = False

    @property
    def asks_modseq(self) -> bool:
        """Whether MODSEQ is among the keys (RFC 7162 §3.1.5)."""
        return any(isinstance(leaf, ModSeq) for leaf in leaves(self.criterion))

    @property
    def saves(self) -> bool:
        """Whether the result becomes `$`."""
        return self.returns is not None and Return.SAVE in self.returns


class CharsetError(PeerError):
    """An unknown CHARSET; `clears_saved`: `$` becomes empty (RFC 9051 §6.4.4.1)."""

    def __init__(self, *, clears_saved: bool) -> None:
        super().__init__("Unknown charset", status=Status.NO, code=bad_charset(CHARSETS))
        self.clears_saved = clears_saved


def parse(cursor: Cursor) -> Search:
    """`SEARCH` …"""
    return _parse(cursor, is_uid=False)


def parse_uid(cursor: Cursor) -> Search:
    """`UID SEARCH` …"""
    return _parse(cursor, is_uid=True)


def _parse(cursor: Cursor, *, is_uid: bool) -> Search:
    cursor.space()
    returns = None
    if cursor.try_keyword(b"RETURN"):
        cursor.space()
        returns = Return(0)
        for option in cursor.items(lambda: _return(cursor), may_be_empty=True):
            returns |= option
        returns = returns or Return.ALL
        cursor.space()
    has_charset = cursor.try_keyword(b"CHARSET")
    if has_charset:
        cursor.space()
        charset = cursor.astring().upper()
        cursor.space()
        if charset not in CHARSETS:
            raise CharsetError(clears_saved=returns is not None and Return.SAVE in returns)
    return Search(cursor.tag, is_uid, returns, parse_program(cursor), has_charset)


def _return(cursor: Cursor) -> Return:
    option = Return.__members__.get(cursor.keyword().decode("ascii"))
    if option is None:
        raise bad("Unknown search return option")  # RFC 9051 §6.4.4
    return option
