"""FETCH responses, in bulk and one by one."""

import pytest

from postier.imap.fetch import FetchRows, UnknownEncodingError, render_columns, render_message
from postier.imap.fetch_items import Column, FetchItems, Partial, Section, SectionText
from postier.imap.fetch_syntax import parse_fetch_items
from postier.imap.tokens import Cursor

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"


def items(text, *, is_uid=False):
    return parse_fetch_items(Cursor(text), is_uid=is_uid)


class Source:
    """A message of one part; `binary` is what its part decodes to."""

    def __init__(self, binary=b"bin"):
        self.binary = binary

    def octets(self, section, partial):
        if section.part not in {(), (1,)}:
            return None
        head, body = MESSAGE.split(b"\r\n\r\n")
        data = {
            SectionText.WHOLE: MESSAGE if not section.part else body,
            SectionText.HEADER: head + b"\r\n\r\n",
            SectionText.TEXT: body,
        }.get(section.text, b"\0")
        return partial.cut(data) if partial else data

    def decoded(self, section, partial):
        if section.part == (9,):
            raise UnknownEncodingError
        if section.part == (8,):
            return None
        return partial.cut(self.binary) if partial else self.binary

    def decoded_size(self, section):
        return len(self.binary)


ROWS = FetchRows(
    seqs=range(1, 4),
    uids=[10, 20, 30],
    flags=[b"\\Seen", b"", b"\\Seen $Junk"],
    internal_s=[0, 1, 2],
    sizes=[100, 200, 300],
    envelopes=[b"(E1)", b"(E2)", b"(E3)"],
    structures=[b"(S1)", b"(S2)", b"(S3)"],
    bodies=[b"(B1)", b"(B2)", b"(B3)"],
    modseqs=[7, 8, 9],
)


def one(text, place=0, source=None):
    return b"".join(render_message(items(text), ROWS, place, source or Source()))


def test_columns_in_bulk():
    assert render_columns(items(b"(UID FLAGS)"), ROWS) == (
        b"* 1 FETCH (UID 10 FLAGS (\\Seen))\r\n* 2 FETCH (UID 20 FLAGS ())\r\n* 3 FETCH (UID 30 FLAGS (\\Seen $Junk))\r\n"
    )
    assert render_columns(items(b"FULL"), ROWS).splitlines()[1] == (
        b'* 2 FETCH (FLAGS () INTERNALDATE " 1-Jan-1970 00:00:01 +0000" RFC822.SIZE 200 ENVELOPE (E2) BODY (B2))'
    )
    everything = items(b"BODYSTRUCTURE").with_column(Column.MODSEQ).with_column(Column.UID)
    assert render_columns(everything, ROWS).startswith(
        b"* 1 FETCH (UID 10 BODYSTRUCTURE (S1) MODSEQ (7))\r\n"
    )


def test_values_with_percent_signs_are_not_formats():
    rows = FetchRows(seqs=[1], envelopes=[b'("100%d %s")'])
    assert render_columns(items(b"ENVELOPE"), rows) == b'* 1 FETCH (ENVELOPE ("100%d %s"))\r\n'


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1234])
def test_bulk_is_the_same_as_one_by_one(count):
    rows = FetchRows(seqs=range(1, count + 1), uids=range(11, count + 11), flags=[b"\\Seen"] * count)
    asked = items(b"(FLAGS UID)")
    single = b"".join(b"".join(render_message(asked, rows, place, Source())) for place in range(count))
    assert render_columns(asked, rows) == single


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (b"BODY[]", b"* 1 FETCH (BODY[] {20}\r\n" + MESSAGE + b")\r\n"),
        (b"(UID BODY.PEEK[TEXT])", b"* 1 FETCH (UID 10 BODY[TEXT] {6}\r\nbody\r\n)\r\n"),
        (b"(BODY[1] BODY[TEXT]<2.2>)", b"* 1 FETCH (BODY[1] {6}\r\nbody\r\n BODY[TEXT]<2> {2}\r\ndy)\r\n"),
        (b"BODY[TEXT]<100.5>", b"* 1 FETCH (BODY[TEXT]<100> {0}\r\n)\r\n"),
        (b"BODY[2]", b"* 1 FETCH (BODY[2] NIL)\r\n"),
        (b"BODY[1.MIME]", b"* 1 FETCH (BODY[1.MIME] {1}\r\n\x80)\r\n"),
        (b"RFC822.HEADER", b"* 1 FETCH (RFC822.HEADER {14}\r\nSubject: x\r\n\r\n)\r\n"),
        (b"BINARY[1]", b"* 1 FETCH (BINARY[1] {3}\r\nbin)\r\n"),
        (b"BINARY.PEEK[1]<1.1>", b"* 1 FETCH (BINARY[1]<1> {1}\r\ni)\r\n"),
        (b"BINARY.SIZE[1]", b"* 1 FETCH (BINARY.SIZE[1] 3)\r\n"),
        (b"BINARY[8]", b"* 1 FETCH (BINARY[8] NIL)\r\n"),
    ],
)
def test_sections(text, answer):
    assert one(text) == answer


def test_binary_with_nul_is_a_literal8():
    assert one(b"BINARY[1]", source=Source(b"a\0b")) == b"* 1 FETCH (BINARY[1] ~{3}\r\na\0b)\r\n"


def test_unknown_encoding_is_a_no():
    with pytest.raises(UnknownEncodingError) as caught:
        one(b"BINARY[9]")
    assert caught.value.line(b"a") == b"a NO [UNKNOWN-CTE] Unknown Content-Transfer-Encoding\r\n"


def test_large_sections_are_not_copied():
    big = b"x" * 1_000_000

    class Big(Source):
        def octets(self, section, partial):
            return big

    assert any(piece is big for piece in render_message(items(b"BODY[]"), ROWS, 0, Big()))


def test_no_items_no_columns():
    assert FetchItems().is_columns_only
    assert Partial(1, 2).cut(b"abcd") == b"bc"
    assert Section((1, 2), SectionText.MIME).label() == b"1.2.MIME"
