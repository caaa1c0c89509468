"""SECURITY 5: a BDAT that fails takes the transaction with it; the octets of the chunk are never commands."""

import pytest

from postier.smtp.events import SenderNamed
from postier.smtp.settings import SessionSettings
from tests.smtp.transcripts import Owner

ENVELOPE = b"HELO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@mx.test>\r\n"
EVIL = b"MAIL FROM:<evil@b.test>\r\n"


@pytest.mark.parametrize("first", [b"", b"BDAT 3\r\nabc"])
def test_an_oversize_chunk(first):
    owner = Owner(SessionSettings("mx.test", max_message_bytes=20))
    owner.greet()
    owner.feed(ENVELOPE + first)
    owner.out = b""
    owner.feed(b"BDAT %d\r\n%s" % (len(EVIL), EVIL))
    owner.feed(b"DATA\r\nRCPT TO:<c@mx.test>\r\nBDAT 2 LAST\r\nabNOOP\r\n")
    assert [line[:3] for line in owner.out.splitlines()] == [b"552", b"503", b"503", b"503", b"250"]
    assert sum(isinstance(event, SenderNamed) for event in owner.events) == 1


@pytest.mark.parametrize(
    "wire", [b"BDAT x\r\n", b"BDAT -1\r\n", b"BDAT\r\n", b"BDAT 5 FIRST\r\n", b"BDAT " + b"9" * 21 + b"\r\n"]
)
def test_an_unreadable_size_ends_the_connection(wire):
    owner = Owner(SessionSettings("mx.test"))
    owner.greet()
    owner.feed(ENVELOPE)
    owner.out = b""
    owner.feed(wire + EVIL)
    assert owner.out == b"501 5.5.4 Syntax error in parameters or arguments\r\n"
    assert owner.session.is_closed


def test_an_immense_chunk_takes_no_memory():
    owner = Owner(SessionSettings("mx.test"))
    owner.greet()
    owner.feed(ENVELOPE + b"BDAT 18446744073709551615 LAST\r\n")
    for _ in range(100):
        owner.feed(b"x" * 65536)
        assert len(owner.session._input) == 0
    assert not owner.session.in_transaction
