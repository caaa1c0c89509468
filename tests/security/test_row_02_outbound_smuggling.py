"""SECURITY 2: no bare CR or LF leaves by SMTP, whatever was stored."""

import pytest

from postier.mime.address import Address
from postier.smtp.body import DotStuffer, is_canonical
from postier.smtp.envelope import Envelope, EnvelopeRecipient
from tests.smtp.playbook import Playbook


@pytest.mark.parametrize("step", [1, 2, 100])
@pytest.mark.parametrize(
    "text", [b"a\n.\nMAIL", b"a\r.\rMAIL", b"a\r\n.\rMAIL", b"a\r\r\n", b"a\n\r\n", b"a\r\n.\n"]
)
def test_it_is_an_error_of_ours_and_nothing_is_sent(text, step):
    sent = []

    def send():
        stuffer = DotStuffer()
        sent.extend(stuffer.stuff(text[at : at + step]) for at in range(0, len(text), step))
        stuffer.finish()

    with pytest.raises(ValueError):
        send()
    assert is_canonical(b"".join(sent))


def test_dots_are_stuffed():
    assert DotStuffer().stuff(b".\r\n.\r\nMAIL\r\n") == b"..\r\n..\r\nMAIL\r\n"


@pytest.mark.parametrize("local", ["a>\r\nRCPT TO:<b", "a\nb", "a\rb", "a\0b"])
def test_addresses_cannot_carry_a_line_end(local):
    book = Playbook().greeted()
    with pytest.raises(ValueError):
        book.dialogue.send(Envelope(None, (EnvelopeRecipient(Address(local, "b.test")),)))
    book = Playbook().greeted()
    with pytest.raises(ValueError):
        book.dialogue.send(Envelope(Address(local, "b.test"), (EnvelopeRecipient(Address("b", "b.test")),)))
