"""ESEARCH: a search of several mailboxes.

Not here: specifiers (`mailbox_filters`), keys (`search_syntax`), results (`search_results`). Source: RFC 7377 §2, §4.
"""

import msgspec

from postier.imap.commands.search import check_relevancy, program, returns_of
from postier.imap.mailbox_filters import OF_ESEARCH, MailboxFilter, Scope, mailbox_filter
from postier.imap.refusals import bad
from postier.imap.search import Criterion
from postier.imap.search_results import Return, Wanted
from postier.imap.search_syntax import parse_program
from postier.imap.tokens import Cursor

_SELECTED = (MailboxFilter(Scope.SELECTED),)


class MultiSearch(msgspec.Struct, frozen=True):
    """What is searched, and for what."""

    tag: bytes
    sources: tuple[MailboxFilter, ...]
    returns: Wanted
    criterion: Criterion
    has_charset: bool = False

    @property
    def wants_selected(self) -> bool:
        """Whether the selected mailbox is named as such; there must be one then."""
        return any(source.scope is Scope.SELECTED for source in self.sources)


def parse(cursor: Cursor) -> MultiSearch:
    """`ESEARCH` [`IN (` sources `)`] [`RETURN (` options `)`] program."""
    cursor.space()
    sources = _sources(cursor) if cursor.try_keyword(b"IN") else _SELECTED
    returns = returns_of(cursor) or Wanted(Return.ALL)
    if returns.saves and any(source.scope is not Scope.SELECTED for source in sources):
        raise bad("SAVE is for the selected mailbox alone")  # RFC 7377 §2.2
    has_charset = cursor.try_keyword(b"CHARSET")
    if has_charset:
        cursor.space()
        criterion = program(cursor, clears_saved=returns.saves)
    else:
        criterion = parse_program(cursor)
    check_relevancy(criterion, wants=returns.wants_relevancy)
    return MultiSearch(cursor.tag, sources, returns, criterion, has_charset)


def _sources(cursor: Cursor) -> tuple[MailboxFilter, ...]:
    cursor.space()
    if cursor.text.startswith(b"()", cursor.pos):
        raise bad("No mailboxes are named")
    sources = tuple(cursor.items(lambda: mailbox_filter(cursor, OF_ESEARCH)))
    cursor.space()
    return sources
