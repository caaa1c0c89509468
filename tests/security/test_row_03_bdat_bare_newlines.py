"""SECURITY 3: what came by BDAT is stored as if it had come by DATA, and dots in it are inert."""

import pytest

from postier.smtp.body import DotStuffer
from postier.smtp.events import BodyChunk, BodyEnded, BodyRefused
from postier.smtp.settings import SessionSettings
from tests.smtp.transcripts import Owner

ENVELOPE = b"HELO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@mx.test>\r\n"


def stored(wire):
    owner = Owner(SessionSettings("mx.test"))
    owner.greet()
    owner.feed(ENVELOPE + wire)
    assert isinstance(owner.events[-1], BodyEnded), owner.out
    return b"".join(event.data for event in owner.events if isinstance(event, BodyChunk))


@pytest.mark.parametrize("text", [b"a\r\n.\r\nMAIL FROM:<x@y.test>\r\n", b".\r\n", b"..\r\n.x\r\n\r\n.\r\n"])
def test_the_same_octets_are_stored(text):
    by_data = stored(b"DATA\r\n" + DotStuffer().stuff(text) + b".\r\n")
    for cut in range(len(text)):
        first, last = text[:cut], text[cut:]
        by_bdat = stored(b"BDAT %d\r\n%sBDAT %d LAST\r\n%s" % (len(first), first, len(last), last))
        assert by_bdat == by_data == text
    assert b"\r\n." not in DotStuffer().stuff(by_data).replace(b"\r\n..", b"")


@pytest.mark.parametrize("text", [b"a\n.\nb\r\n", b"a\rb\r\n", b"a\r", b"\0\r\n"])
def test_bare_newlines_are_refused_in_chunks_too(text):
    for cut in range(1, len(text)):
        owner = Owner(SessionSettings("mx.test"))
        owner.greet()
        owner.feed(ENVELOPE + b"BDAT %d\r\n%s" % (cut, text[:cut]))
        owner.feed(b"BDAT %d LAST\r\n%s" % (len(text) - cut, text[cut:]))
        assert any(isinstance(event, BodyRefused) for event in owner.events)
        assert not any(isinstance(event, BodyEnded) for event in owner.events)
        assert b"\r\n554 5.6.0 " in owner.out
