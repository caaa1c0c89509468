"""SECURITY 9: who speaks before the greeting is refused; who pipelines where none is allowed is noticed."""

from postier.smtp.events import CLOSED
from postier.smtp.session import Session
from postier.smtp.settings import SessionSettings
from tests.smtp.transcripts import Owner


def test_data_before_the_greeting():
    session = Session(SessionSettings("mx.test"))
    session.receive(b"E")
    assert session.greet() == b"554 5.5.0 You spoke before the greeting\r\n"
    assert session.is_early_talker
    assert session.next_event() is CLOSED


def test_it_may_be_let_pass():
    session = Session(SessionSettings("mx.test", refuses_early_talkers=False))
    session.receive(b"EHLO c\r\n")
    assert session.greet().startswith(b"220 ")
    assert session.is_early_talker


def test_mail_in_the_wrong_state_is_refused():
    owner = Owner(SessionSettings("mx.test", is_tls_available=True, is_tls_required=True))
    owner.greet()
    owner.feed(b"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
    assert [line[:3] for line in owner.out.splitlines()[-3:]] == [b"530"] * 3
    assert owner.session.has_pipelined_early
