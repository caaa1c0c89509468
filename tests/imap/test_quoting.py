"""Strings: no value escapes from its quotes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.quoting import MAX_QUOTED_BYTES, astring, human_text, literal, literal8, nstring, string
from postier.imap.tokens import Cursor


def read_back(wire):
    """What a client reads: our own cursor, with literals cut out as the reader does."""
    if wire.startswith(b"{"):
        mark, data = wire.split(b"\r\n", 1)
        assert int(mark[1:-1]) == len(data)
        return Cursor(mark + b"\r\n", (data,)).astring()
    cursor = Cursor(wire)
    value = cursor.astring()
    cursor.end()
    return value


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (b"INBOX", b"INBOX"),
        (b"", b'""'),
        (b"a b", b'"a b"'),
        (b'a"b\\', b'"a\\"b\\\\"'),
        (b"a]", b"a]"),
        (b"NIL", b'"NIL"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"\xc3\xa4", b"{2}\r\n\xc3\xa4"),
        (b"a\0", b"{2}\r\na\x80"),
    ],
)
def test_astring(value, wire):
    assert astring(value) == wire


def test_utf8_only_for_clients_that_take_it():
    assert string(b"\xc3\xa4", utf8=True) == b'"\xc3\xa4"'
    assert string(b"\xff", utf8=True) == b"{1}\r\n\xff"
    assert string(b"\xc3\xa4\r\n", utf8=True) == b"{4}\r\n\xc3\xa4\r\n"


def test_long_strings_are_literals():
    assert string(b"x" * MAX_QUOTED_BYTES)[:1] == b'"'
    assert string(b"x" * (MAX_QUOTED_BYTES + 1)).startswith(b"{1001}\r\n")
    assert astring(b"x" * (MAX_QUOTED_BYTES + 1)).startswith(b"{1001}\r\n")


def test_nil_and_literal8():
    assert nstring(None) == b"NIL"
    assert nstring(b"") == b'""'
    assert literal8(b"\0") == b"~{1}\r\n\0"
    assert literal(b"") == b"{0}\r\n"


@given(st.binary(max_size=60).filter(lambda value: b"\0" not in value), st.booleans())
def test_round_trip(value, utf8):
    for write in (astring, string):
        wire = write(value, utf8=utf8)
        assert read_back(wire) == value
        if not wire.startswith(b"{"):
            assert b"\r" not in wire
            assert b"\n" not in wire


@given(st.text(), st.booleans())
def test_human_text_is_one_line(text, utf8):
    line = human_text(text, utf8=utf8)
    assert not {0, 10, 13} & set(line)
    assert utf8 or line.isascii()
