"""What another implementation makes of our octets: imapclient reads our names and FETCH responses."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from imapclient import imap_utf7
from imapclient.response_parser import parse_fetch_response, parse_message_list

from postier.imap.fetch import FetchRows, render_columns
from postier.imap.fetch_syntax import parse_fetch_items
from postier.imap.mailbox_names import decode_utf7, encode_utf7
from postier.imap.search_results import Return, Wanted, esearch_line, esearch_start
from postier.imap.tokens import Cursor

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


@given(NAMES)
def test_modified_utf7(name):
    assert imap_utf7.encode(name) == encode_utf7(name)
    assert imap_utf7.decode(encode_utf7(name)) == name == decode_utf7(imap_utf7.encode(name))


def test_fetch():
    envelope = b'("Mon, 7 Feb 1994 21:52:25 -0800" "100% \\"x\\"" (("T" NIL "gray" "cac.test")) NIL NIL NIL NIL NIL NIL "<a@b>")'
    rows = FetchRows([1, 2], [5, 9], [b"\\Seen", b""], [837570205, 0], [7, 8], [envelope, envelope])
    lines = render_columns(parse_fetch_items(Cursor(b"ALL"), is_uid=True), rows).split(b"\r\n")[:-1]
    heard = parse_fetch_response(
        [line[2:].replace(b" FETCH", b"", 1) for line in lines], normalise_times=False
    )
    assert heard[5][b"FLAGS"] == (b"\\Seen",)
    assert heard[5][b"RFC822.SIZE"] == 7
    assert heard[5][b"ENVELOPE"].subject == b'100% "x"'
    assert heard[5][b"INTERNALDATE"].replace(tzinfo=None) == datetime(1996, 7, 17, 2, 23, 25)  # noqa: DTZ001
    assert heard[9][b"SEQ"] == 2


def test_search():
    line = esearch_line(esearch_start(b"a", is_uid=True), [1, 2, 7], returns=Wanted(Return.ALL))
    assert line.split(b" ALL ")[1].strip() == b"1:2,7"
    assert list(parse_message_list([b"1 2 7"])) == [1, 2, 7]
