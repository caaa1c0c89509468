"""The terminals of the grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.flags import SEEN, FlagList
from postier.imap.refusals import PeerError
from postier.imap.tokens import MAX_LIST_ITEMS, MAX_NUMBER_64, Cursor


def test_strings():
    assert Cursor(b'"a \\"b\\\\"').string() == b'a "b\\'
    assert Cursor(b'""').astring() == b""
    assert Cursor(b"a]+ x").astring() == b"a]+"
    assert Cursor(b"{3}\r\n", (b"a\r\n",)).astring() == b"a\r\n"
    assert Cursor(b"NIL").nstring() is None
    assert Cursor(b'"NIL"').nstring() == b"NIL"
    assert Cursor('"ä"'.encode()).string() == "ä".encode()
    assert Cursor(b"~{1}\r\n", (b"\0",)).string() == b"\0"


@pytest.mark.parametrize("text", [b"", b'"', b'"a', b'"\\x"', b'"\xff"', b"(", b"{1}", b"{1}\r\n", b"a\x80"])
def test_what_is_no_string(text):
    cursor = Cursor(text)
    with pytest.raises(PeerError):
        (cursor.astring(), cursor.end())


def test_literals_hold_no_nul():
    with pytest.raises(PeerError, match="NUL"):
        Cursor(b"{1}\r\n", (b"\0",)).string()


def test_a_mark_without_its_literal():
    with pytest.raises(PeerError):
        Cursor(b"{1}\r\n").string()


def test_numbers():
    assert Cursor(b"%d" % MAX_NUMBER_64).number() == MAX_NUMBER_64
    for text in (b"%d" % (MAX_NUMBER_64 + 1), b"1" * 20, b"-1", b""):
        with pytest.raises(PeerError):
            Cursor(text).number()
    with pytest.raises(PeerError):
        Cursor(b"0").nz_number()


def test_flag_lists():
    assert Cursor(b"(\\Seen x)").flag_list() == FlagList(SEEN, ("x",))
    assert Cursor(b"()").flag_list() == FlagList()
    assert Cursor(b"\\Seen x").flag_list(may_be_bare=True) == FlagList(SEEN, ("x",))
    for text in (b"\\Seen", b"(\\Seen", b"((\\Seen))"):
        with pytest.raises(PeerError):
            Cursor(text).flag_list()


def test_dates():
    assert Cursor(b'"2-Jan-1970"').date() == Cursor(b"02-JAN-1970").date() == 86_400
    assert Cursor(b'" 2-Jan-1970 00:00:00 +0000"').date_time() == 86_400
    for text in (b'"2-Jan-1970', b'2-Jan-1970"', b"2-Jan-70", b"x"):
        with pytest.raises(PeerError):
            Cursor(text).date()
    for text in (b'"2-Jan-1970 00:00:00 +0000"', b'"02-Jan-1970 00:00:00"', b'"32-Jan-1970 00:00:00 +0000"'):
        with pytest.raises(PeerError):
            Cursor(text).date_time()


def test_lists():
    cursor = Cursor(b"(a b c)")
    assert cursor.items(cursor.atom) == [b"a", b"b", b"c"]
    cursor = Cursor(b"()")
    assert cursor.items(cursor.atom, may_be_empty=True) == []
    for text in (b"()", b"(a  b)", b"(a", b"(a b"):
        cursor = Cursor(text)
        with pytest.raises(PeerError):
            cursor.items(cursor.atom)
    cursor = Cursor(b"(" + b"a " * MAX_LIST_ITEMS + b"a)")
    with pytest.raises(PeerError, match="Too many"):
        cursor.items(cursor.atom)


def test_errors_say_where():
    cursor = Cursor(b"a b")
    cursor.atom()
    with pytest.raises(PeerError, match="unexpected text at ' b'"):
        cursor.end()
    with pytest.raises(PeerError, match="at the end of the command"):
        Cursor(b"").atom()


METHODS = [
    "atom",
    "astring",
    "string",
    "nstring",
    "number",
    "base64",
    "mailbox",
    "list_mailbox",
    "sequence_set",
    "flag_list",
    "date",
    "date_time",
    "keyword",
    "end",
    "space",
    "message_mark",
]


@given(
    st.sampled_from(METHODS),
    st.binary(max_size=30) | st.text('()"\\{}~+0123456789ab *%$:,\r\n', max_size=30).map(str.encode),
    st.booleans(),
)
def test_any_octets_are_a_terminal_or_a_refusal(method, text, utf8):
    cursor = Cursor(text, (b"x",), utf8=utf8)
    try:
        getattr(cursor, method)()
        line = b"\n"
    except PeerError as refusal:
        line = refusal.line(b"t")
    assert line.count(b"\n") == 1
    assert 0 <= cursor.pos <= len(text)


def test_secrets_are_not_quoted_in_errors():
    with pytest.raises(PeerError) as caught:
        Cursor(b"secret", is_secret=True).space()
    assert "secret" not in caught.value.text
