"""Status lines and codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap import responses
from postier.imap.refusals import PeerError, bad, no
from postier.imap.responses import Status, status_line


def test_status_lines():
    assert responses.tagged_ok(b"a", "done") == b"a OK done\r\n"
    assert responses.tagged_no(b"a", "no", responses.TRYCREATE) == b"a NO [TRYCREATE] no\r\n"
    assert responses.tagged_bad(b"a", "bad") == b"a BAD bad\r\n"
    assert responses.untagged_ok("x", responses.CLOSED) == b"* OK [CLOSED] x\r\n"
    assert responses.bye("bye") == b"* BYE bye\r\n"
    assert responses.continuation() == b"+ OK\r\n"
    assert responses.sasl_challenge(b"") == b"+ \r\n"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (responses.uidvalidity(7), b"UIDVALIDITY 7"),
        (responses.uidnext(8), b"UIDNEXT 8"),
        (responses.unseen(3), b"UNSEEN 3"),
        (responses.highest_modseq(9), b"HIGHESTMODSEQ 9"),
        (responses.permanent_flags(b"\\Seen a", may_create_keywords=True), b"PERMANENTFLAGS (\\Seen a \\*)"),
        (responses.permanent_flags(b"", may_create_keywords=False), b"PERMANENTFLAGS ()"),
        (responses.append_uid(38505, [3955]), b"APPENDUID 38505 3955"),
        (responses.append_uid(1, [5, 6, 7]), b"APPENDUID 1 5:7"),
        (
            responses.copy_uid(38505, [304, 319, 320], [3956, 3957, 3958]),
            b"COPYUID 38505 304,319:320 3956:3958",
        ),
        (responses.bad_charset([b"US-ASCII", b"UTF-8"]), b"BADCHARSET (US-ASCII UTF-8)"),
        (responses.capability([b"IMAP4rev2", b"ID"]), b"CAPABILITY IMAP4rev2 ID"),
    ],
)
def test_codes(code, text):
    assert code.text == text


def test_text_that_looks_like_a_code_does_not_read_as_one():
    assert status_line(Status.OK, "[ALERT] x") == b"* OK (ALERT] x\r\n"


@given(st.sampled_from(Status), st.text(), st.booleans())
def test_one_line_whatever_the_text(status, text, utf8):
    line = status_line(status, text, tag=b"t", utf8=utf8)
    assert line.count(b"\r\n") == 1
    assert line.count(b"\n") == line.count(b"\r") == 1
    assert b"\0" not in line


def test_refusals_carry_their_reply():
    assert bad("what").line(b"a") == b"a BAD what\r\n"
    assert no("why", responses.CANNOT).line(None) == b"* NO [CANNOT] why\r\n"
    assert isinstance(bad("x"), PeerError)
