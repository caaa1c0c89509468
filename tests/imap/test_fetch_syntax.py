"""Fetch items as they are asked for."""

import pytest

from postier.imap.fetch_items import (
    Column,
    FetchItems,
    Partial,
    Section,
    SectionItem,
    SectionKind,
    SectionText,
)
from postier.imap.fetch_syntax import parse_fetch_items
from postier.imap.refusals import PeerError
from postier.imap.tokens import Cursor


def items(text, *, is_uid=False):
    cursor = Cursor(text)
    found = parse_fetch_items(cursor, is_uid=is_uid)
    cursor.end()
    return found


FAST = (Column.FLAGS, Column.INTERNALDATE, Column.SIZE)


def test_macros():
    assert items(b"fast") == FetchItems(FAST)
    assert items(b"ALL") == FetchItems((*FAST, Column.ENVELOPE))
    assert items(b"FULL") == FetchItems((*FAST, Column.ENVELOPE, Column.BODY))
    with pytest.raises(PeerError):
        items(b"(ALL)")  # RFC 9051 §6.4.5: a macro stands by itself


def test_uid_fetch_always_tells_the_uid():
    assert items(b"FLAGS", is_uid=True).columns == (Column.UID, Column.FLAGS)
    assert items(b"(FLAGS UID)", is_uid=True).columns == (Column.FLAGS, Column.UID)


def test_repeats_count_once():
    assert items(b"(FLAGS flags BODY[] BODY[])") == FetchItems(
        (Column.FLAGS,), (SectionItem(SectionKind.BODY, Section(), b"BODY[]", None, sets_seen=True),)
    )


@pytest.mark.parametrize(
    ("text", "kind", "section", "label", "partial", "sets_seen"),
    [
        (b"BODY[]", "BODY", Section(), b"BODY[]", None, True),
        (b"body.peek[header]", "BODY", Section((), SectionText.HEADER), b"BODY[HEADER]", None, False),
        (b"BODY[3.2.TEXT]", "BODY", Section((3, 2), SectionText.TEXT), b"BODY[3.2.TEXT]", None, True),
        (b"BODY[4.1.MIME]", "BODY", Section((4, 1), SectionText.MIME), b"BODY[4.1.MIME]", None, True),
        (b"BODY[]<0.2048>", "BODY", Section(), b"BODY[]<0>", Partial(0, 2048), True),
        (
            b'BODY[HEADER.FIELDS (Date "From" Date)]',
            "BODY",
            Section((), SectionText.HEADER_FIELDS, (b"Date", b"From")),
            b"BODY[HEADER.FIELDS (Date From)]",
            None,
            True,
        ),
        (
            b'BODY.PEEK[2.HEADER.FIELDS.NOT ("a b")]<5.1>',
            "BODY",
            Section((2,), SectionText.HEADER_FIELDS_NOT, (b"a b",)),
            b'BODY[2.HEADER.FIELDS.NOT ("a b")]<5>',
            Partial(5, 1),
            False,
        ),
        (b"BINARY[]", "BINARY", Section(), b"BINARY[]", None, True),
        (b"BINARY.PEEK[1.2]<1.2>", "BINARY", Section((1, 2)), b"BINARY[1.2]<1>", Partial(1, 2), False),
        (b"BINARY.SIZE[1]", "BINARY_SIZE", Section((1,)), b"BINARY.SIZE[1]", None, False),
        (b"RFC822", "BODY", Section(), b"RFC822", None, True),
        (b"RFC822.HEADER", "BODY", Section((), SectionText.HEADER), b"RFC822.HEADER", None, False),
        (b"RFC822.TEXT", "BODY", Section((), SectionText.TEXT), b"RFC822.TEXT", None, True),
    ],
)
def test_sections(text, kind, section, label, partial, sets_seen):
    asked = items(text)
    assert asked.sections == (SectionItem(SectionKind[kind], section, label, partial, sets_seen),)
    assert asked.sets_seen is sets_seen
    assert asked.needs_octets
    assert not asked.is_columns_only


def test_needs():
    asked = items(b"(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
    assert asked.needs_flags
    assert asked.needs_internal_date
    assert asked.needs_size
    assert asked.needs_envelope
    assert asked.needs_structure
    assert asked.is_columns_only
    assert items(b"BODY").needs_structure
    assert not items(b"UID").needs_structure


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"()",
        b"(FLAGS",
        b"FOO",
        b"BODY[",
        b"BODY[FOO]",
        b"BODY[MIME]",
        b"BODY[0]",
        b"BODY[1.]",
        b"BODY[.1]",
        b"BODY[1TEXT]",
        b"BODY[HEADER.FIELDS]",
        b"BODY[HEADER.FIELDS ()]",
        b"BODY[]<0.0>",
        b"BODY[]<1>",
        b"BODY[]<-1.5>",
        b"BINARY[TEXT]",
        b"BINARY",
        b"BINARY.SIZE[1]<0.1>",
        b"FLAGS[]",
        b"RFC822[]",
        b"BODY[9999999999]",
    ],
)
def test_malformed(text):
    with pytest.raises(PeerError):
        items(text)


def test_part_depth_has_a_limit():
    deep = b".".join([b"1"] * 100)
    assert len(items(b"BODY[%b]" % deep).sections[0].section.part) == 100
    with pytest.raises(PeerError):
        items(b"BODY[%b.1]" % deep)


@pytest.mark.parametrize(
    "text", [b"PREVIEW", b"preview (lazy)", b"(PREVIEW (LAZY))", b"(PREVIEW (LAZY LAZY))"]
)
def test_a_preview_may_be_asked_for_lazily(text):
    assert items(text) == FetchItems((Column.PREVIEW,))


@pytest.mark.parametrize(
    "text", [b"PREVIEW ()", b"PREVIEW (EAGER)", b"PREVIEW (LAZY", b"PREVIEW  (LAZY)", b"PREVIEW[1]"]
)
def test_other_modifiers_of_preview_are_refused(text):
    with pytest.raises(PeerError):
        items(text)
