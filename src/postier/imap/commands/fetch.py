"""FETCH and UID FETCH.

Not here: items (`fetch_items`, `fetch_syntax`), responses (`imap.fetch`). Source: RFC 9051 §6.4.5, §6.4.9; RFC 7162
§3.1.4.1, §3.2.6; RFC 4466 §2.4 (modifiers).
"""

import msgspec

from postier.imap.fetch_items import Column, FetchItems
from postier.imap.fetch_syntax import parse_fetch_items
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
    changed_since, wants_vanished = None, False
    if cursor.take(b" "):
        modifiers = cursor.items(lambda: _modifier(cursor))
        named = dict(modifiers)
        if len(named) != len(modifiers):
            raise bad("A FETCH modifier occurs twice")
        changed_since, wants_vanished = named.get(b"CHANGEDSINCE"), b"VANISHED" in named
        if wants_vanished and (not is_uid or changed_since is None):  # RFC 7162 §3.2.6
            raise bad("VANISHED needs UID FETCH and CHANGEDSINCE")
    cursor.end()
    if changed_since is not None:
        items = items.with_column(Column.MODSEQ)
    return Fetch(cursor.tag, is_uid, messages, items, changed_since, wants_vanished)


def _modifier(cursor: Cursor) -> tuple[bytes, int]:
    name = cursor.keyword()
    if name == b"CHANGEDSINCE":
        cursor.space()
        return name, cursor.number()
    if name != b"VANISHED":
        raise bad("Unknown FETCH modifier")
    return name, 0
