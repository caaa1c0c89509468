"""Reading fetch items.

Not here: the values (`fetch_items`), sequence set and verb (`commands.fetch`). Source: RFC 9051 §9
fetch-att, section; RFC 3501 §9 fetch-att; RFC 7162 §7 (MODSEQ); RFC 8474 §7; RFC 8970 §6 (PREVIEW).
"""

import re

from postier.imap.fetch_items import (
    Column,
    FetchItems,
    Partial,
    Section,
    SectionItem,
    SectionKind,
    SectionText,
)
from postier.imap.tokens import Cursor

MAX_PART_DEPTH = 100  # part numbers of one section; SECURITY 17 has the same limit for messages

_ITEM = re.compile(rb"[A-Za-z0-9.]+")
_PART = re.compile(rb"[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8}){0,%d}(?![0-9])" % (MAX_PART_DEPTH - 1))
_SECTION_TEXT = re.compile(rb"[A-Za-z.]+")
_PARTIAL = re.compile(rb"<([0-9]{1,19})\.([1-9][0-9]{0,18})>")

_COLUMNS = {
    b"UID": Column.UID,
    b"FLAGS": Column.FLAGS,
    b"INTERNALDATE": Column.INTERNALDATE,
    b"RFC822.SIZE": Column.SIZE,
    b"ENVELOPE": Column.ENVELOPE,
    b"BODY": Column.BODY,
    b"BODYSTRUCTURE": Column.BODYSTRUCTURE,
    b"MODSEQ": Column.MODSEQ,
    b"PREVIEW": Column.PREVIEW,
    b"SAVEDATE": Column.SAVEDATE,
    b"EMAILID": Column.EMAILID,
    b"THREADID": Column.THREADID,
}

_FAST = (Column.FLAGS, Column.INTERNALDATE, Column.SIZE)
_MACROS = {  # RFC 9051 §6.4.5
    b"FAST": _FAST,
    b"ALL": (*_FAST, Column.ENVELOPE),
    b"FULL": (*_FAST, Column.ENVELOPE, Column.BODY),
}

_WHOLE_ITEMS = {  # RFC 3501 §6.4.5; RFC822.HEADER is the one that does not set \Seen
    b"RFC822": SectionItem(SectionKind.BODY, Section(), b"RFC822", None, sets_seen=True),
    b"RFC822.HEADER": SectionItem(SectionKind.BODY, Section((), SectionText.HEADER), b"RFC822.HEADER"),
    b"RFC822.TEXT": SectionItem(
        SectionKind.BODY, Section((), SectionText.TEXT), b"RFC822.TEXT", None, sets_seen=True
    ),
}

_SECTIONED = {  # name -> kind, whether it sets \Seen
    b"BODY": (SectionKind.BODY, True),
    b"BODY.PEEK": (SectionKind.BODY, False),
    b"BINARY": (SectionKind.BINARY, True),
    b"BINARY.PEEK": (SectionKind.BINARY, False),
    b"BINARY.SIZE": (SectionKind.BINARY_SIZE, False),
}

_SECTION_TEXTS = {text.value: text for text in SectionText if text is not SectionText.WHOLE}


def parse_fetch_items(cursor: Cursor, *, is_uid: bool) -> FetchItems:
    """A macro, one item, or a parenthesised list; a UID FETCH always has UID (RFC 9051 §6.4.9)."""
    if cursor.peek() == b"(":
        items = cursor.items(lambda: _item(cursor))
    else:
        found = _ITEM.match(cursor.text, cursor.pos)
        macro = _MACROS.get(found[0].upper()) if found else None
        if found and macro:
            cursor.pos = found.end()
            items = list(macro)
        else:
            items = [_item(cursor)]
    columns = dict.fromkeys(item for item in items if isinstance(item, Column))
    sections = dict.fromkeys(item for item in items if isinstance(item, SectionItem))
    fetch = FetchItems(tuple(columns), tuple(sections))
    return fetch.with_column(Column.UID) if is_uid else fetch


def _item(cursor: Cursor) -> Column | SectionItem:
    found = _ITEM.match(cursor.text, cursor.pos)
    if not found:
        raise cursor.error("expected a fetch item")
    name = found[0].upper()
    has_section = cursor.text.startswith(b"[", found.end())
    if not has_section and name in _COLUMNS:
        cursor.pos = found.end()
        if name == b"PREVIEW" and cursor.text.startswith(b" (", cursor.pos):
            cursor.space()
            cursor.items(lambda: _preview_modifier(cursor))
        return _COLUMNS[name]
    if not has_section and name in _WHOLE_ITEMS:
        cursor.pos = found.end()
        return _WHOLE_ITEMS[name]
    if not has_section or name not in _SECTIONED:
        raise cursor.error("unknown fetch item")
    cursor.pos = found.end() + 1
    kind, sets_seen = _SECTIONED[name]
    section = _section(cursor) if kind is SectionKind.BODY else Section(_part(cursor))
    cursor.expect(b"]")
    partial = None if kind is SectionKind.BINARY_SIZE else _partial(cursor)
    label = b"%b[%b]" % (kind.value, section.label())
    if partial:
        label += b"<%d>" % partial.start
    return SectionItem(kind, section, label, partial, sets_seen)


def _preview_modifier(cursor: Cursor) -> None:
    """LAZY changes nothing: previews are ready when a message is filed (RFC 8970 §4.1)."""
    if cursor.keyword() != b"LAZY":
        raise cursor.error("unknown modifier of PREVIEW")


def _part(cursor: Cursor) -> tuple[int, ...]:
    found = _PART.match(cursor.text, cursor.pos)
    if not found:
        return ()
    cursor.pos = found.end()
    return tuple(map(int, found[0].split(b".")))


def _section(cursor: Cursor) -> Section:
    """RFC 9051 §9 section-spec."""
    part = _part(cursor)
    if cursor.peek() == b"]":
        return Section(part)
    if part:
        cursor.expect(b".")
    found = _SECTION_TEXT.match(cursor.text, cursor.pos)
    text = _SECTION_TEXTS.get(found[0].upper()) if found else None
    if found is None or text is None or (text is SectionText.MIME and not part):
        raise cursor.error("unknown section")
    cursor.pos = found.end()
    fields: tuple[bytes, ...] = ()
    if text in {SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT}:
        cursor.space()
        fields = tuple(dict.fromkeys(cursor.items(cursor.astring)))
    return Section(part, text, fields)


def _partial(cursor: Cursor) -> Partial | None:
    found = _PARTIAL.match(cursor.text, cursor.pos)
    if not found:
        if cursor.peek() == b"<":
            raise cursor.error("malformed partial")
        return None
    cursor.pos = found.end()
    return Partial(int(found[1]), int(found[2]))
