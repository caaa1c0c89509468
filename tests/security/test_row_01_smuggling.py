"""SECURITY 1: nothing but CRLF.CRLF ends a message, so one message cannot be read as two."""

import pytest

from postier.smtp.events import BodyEnded, BodyRefused, SenderNamed
from postier.smtp.settings import SessionSettings
from tests.smtp.transcripts import Owner

ENVELOPE = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@mx.test>\r\nDATA\r\n"
ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\n.\r",
    b"\r\n\x0b.\r\n",
]


@pytest.mark.parametrize("step", [None, 1, 2, 5])
@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_a_false_end_of_data_is_not_one(end, step):
    owner = Owner(SessionSettings("mx.test"))
    owner.greet()
    owner.feed(b"EHLO c.test\r\n" + ENVELOPE)
    wire = b"Subject: x\r\n\r\none" + end + ENVELOPE + b"Subject: smuggled\r\n\r\ntwo\r\n.\r\nQUIT\r\n"
    for at in range(0, len(wire), step or len(wire)):
        owner.feed(wire[at : at + (step or len(wire))])
    assert sum(isinstance(event, SenderNamed) for event in owner.events) == 1
    assert sum(isinstance(event, BodyEnded | BodyRefused) for event in owner.events) == 1
    results = owner.out.split(b"354 ", 1)[1].split(b"\r\n")[1:-1]
    assert len(results) == 2
    assert results[0][:3] == (b"250" if end == b"\r\n\x0b.\r\n" else b"554")
    assert results[1].startswith(b"221")


@pytest.mark.parametrize("line", [b"NOOP\nMAIL FROM:<x@y.test>\r\n", b"NOOP\n", b"\n", b"NOOP\n\r\n"])
def test_a_command_ends_in_crlf(line):
    owner = Owner(SessionSettings("mx.test"))
    owner.greet()
    owner.feed(b"EHLO c.test\r\n")
    owner.out = b""
    owner.feed(line)
    assert owner.out == b"500 5.5.2 Lines end in CRLF\r\n"
    assert owner.session.is_closed
