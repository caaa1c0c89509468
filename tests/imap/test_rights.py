"""Rights as letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.acl_responses import acl_line, list_rights_line, my_rights_line
from postier.imap.refusals import PeerError
from postier.imap.rights import ALL_RIGHTS, NEW_RIGHTS, Right, parse_rights, rights_text, stored_rights

some = st.sets(st.sampled_from([*Right])).map(frozenset)


@given(some)
def test_what_is_written_reads_back(rights):
    assert parse_rights(stored_rights(rights)) == rights
    shown = rights_text(rights)
    assert parse_rights("".join(letter for letter in shown if letter not in "cd")) == rights
    assert ("c" in shown) is bool(rights & parse_rights("kx"))  # RFC 4314 §2.1.1
    assert ("d" in shown) is bool(rights & parse_rights("te"))


def test_virtual_rights_are_their_members():
    assert parse_rights("lrswida") == parse_rights("lrswitea")
    assert parse_rights("c") == {Right.CREATE, Right.DELETE_MAILBOX}
    assert set(NEW_RIGHTS) == set("kxte")


@pytest.mark.parametrize("text", ["Q", "q", "lr ", "L", "0", "+"])
def test_no_such_right(text):
    with pytest.raises(PeerError):
        parse_rights(text)


def test_lines():
    grants = [("a@b.test", ALL_RIGHTS), ("anyone", parse_rights("lr"))]
    assert acl_line("x y", grants, utf8=False) == b'* ACL "x y" a@b.test lrswipkxteacd anyone lr\r\n'
    assert my_rights_line("x", frozenset(), utf8=False) == b'* MYRIGHTS x ""\r\n'
    assert list_rights_line("x", "a", frozenset(), utf8=False) == (
        b'* LISTRIGHTS x a "" l r s w i p k x t e a c d\r\n'
    )
    assert list_rights_line("x", "a", ALL_RIGHTS, utf8=False) == b"* LISTRIGHTS x a lrswipkxteacd\r\n"
