"""FETCH and UID FETCH.

Not here: items (`fetch_items`, `fetch_syntax`), responses (`imap.fetch`). Source: RFC 9051 §6.4.5, §6.4.9; RFC 7162
§3.1.4.1, §3.2.6; RFC 9394 §3.3; RFC 4466 §2.4 (modifiers).
"""

import msgspec

from postier.imap.fetch_items import Column, FetchItems
from postier.imap.fetch_syntax import parse_fetch_items
from postier.imap.partial import Partial, partial_range
from postier.imap.refusals import bad
from postier.imap.sets import SequenceSet
from postier.imap.tokens import Cursor


class Fetch(msgspec.Struct, frozen=True):
    """Messages by number or UID, and what to tell of them: only of those changed after `changed_since`, if it is given;
    `wants_vanished`: those expunged after it are named too.
    """

    tag: bytes
    is_uid: bool
    messages: SequenceSet
    items: FetchItems
    changed_since: int | None = None
    wants_vanished: bool = False
    partial: Partial | None = None  # of the messages that exist (RFC 9394 §3.3)

    @property
    def asks_modseq(self) -> bool:
        """Whether the client shows that it knows mod-sequences (RFC 7162 §3.1)."""
        return Column.MODSEQ in self.items.columns


def parse(cursor: Cursor) -> Fetch:
    """`FETCH` SP sequence-set SP items [SP `(` modifiers `)`]."""
    return _parse(cursor, is_uid=False)


def parse_uid(cursor: Cursor) -> Fetch:
    """`UID FETCH` SP sequence-set SP items [SP `(` modifiers `)`]."""
    return _parse(cursor, is_uid=True)


def _parse(cursor: Cursor, *, is_uid: bool) -> Fetch:
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    items = parse_fetch_items(cursor, is_uid=is_uid)
    changed_since, wants_vanished, partial = None, False, None
    if cursor.take(b" "):
        named = cursor.items(lambda: _modifier(cursor))
        if len(dict(named)) != len(named):
            raise bad("A FETCH modifier occurs twice")
        for name, value in named:
            if isinstance(value, Partial):
                partial = value
            elif name == b"VANISHED":
                wants_vanished = True
            else:
                changed_since = value
        if wants_vanished and (not is_uid or changed_since is None):  # RFC 7162 §3.2.6
            raise bad("VANISHED needs UID FETCH and CHANGEDSINCE")
        if partial is not None and not is_uid:  # RFC 9394 §3.3
            raise bad("PARTIAL needs UID FETCH")
    cursor.end()
    if changed_since is not None:
        items = items.with_column(Column.MODSEQ)
    return Fetch(cursor.tag, is_uid, messages, items, changed_since, wants_vanished, partial)


def _modifier(cursor: Cursor) -> tuple[bytes, int | Partial]:
    name = cursor.keyword()
    if name == b"CHANGEDSINCE":
        cursor.space()
        return name, cursor.number()
    if name == b"PARTIAL":
        cursor.space()
        return name, partial_range(cursor)
    if name != b"VANISHED":
        raise bad("Unknown FETCH modifier")
    return name, 0
