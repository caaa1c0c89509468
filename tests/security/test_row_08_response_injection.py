"""SECURITY 8: as a client: replies in plaintext behind STARTTLS's are dropped; what was offered before is forgotten."""

from postier.smtp.client_events import DialogueEnded, HelloAnswered, TlsReady
from tests.smtp.playbook import EHLO, Playbook


def test_injected_replies_are_dropped():
    book = Playbook().greeted(EHLO)
    book.does(book.dialogue.start_tls()).says("STARTTLS\r\n")
    book.hears("220 go\r\n250-evil.test\r\n250 AUTH PLAIN\r\n").sees(TlsReady)
    book.hears("250 more\r\n").sees()
    assert book.dialogue.discarded_octets == len("250-evil.test\r\n250 AUTH PLAIN\r\n250 more\r\n")
    book.does(book.dialogue.tls_started()).says("EHLO me.test\r\n")
    assert not book.dialogue.extensions.offers
    book.hears("250 mx.test\r\n").sees(HelloAnswered)
    assert not book.last.extensions.has("AUTH")


def test_a_reply_nobody_asked_for_ends_it():
    book = Playbook().greeted(EHLO).hears("250 unasked\r\n").sees(DialogueEnded)
    assert "Unasked" in book.last.cause.text
