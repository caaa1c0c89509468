"""SECURITY 30: the routing tricks that turned servers into open relays are refused before a directory is asked."""

import pytest

from postier.smtp.events import RecipientNamed
from postier.smtp.settings import Role, SessionSettings
from tests.smtp.transcripts import Owner

TRICKS = [
    "<victim%remote.test@mx.test>",
    "<victim%remote.test@[127.0.0.1]>",
    "<victim%remote.test>",
    "<@mx.test:victim@remote.test>",
    "<@mx.test,@other.test:victim@remote.test>",
    '<"victim@remote.test"@mx.test>',
    '<"victim%remote.test"@mx.test>',
    '<"victim@remote.test">',
    "<victim@remote.test@mx.test>",
    "<victim@remote.test@[127.0.0.1]>",
    "<remote.test!victim@mx.test>",
    "<remote.test!victim>",
    "<mx.test!victim@remote.test>",
    "<@mx.test:victim%remote.test@mx.test>",
    "<victim@remote.test@>",
    "<victim@>",
    "victim@remote.test",
    "<<victim@remote.test>>",
]


@pytest.mark.parametrize("path", TRICKS)
def test_a_trick_never_becomes_a_recipient(path):
    owner = Owner(SessionSettings("mx.test", Role.MX))
    owner.greet()
    owner.feed(b"EHLO c\r\nMAIL FROM:<a@b.test>\r\n")
    owner.out = b""
    owner.feed(f"RCPT TO:{path}\r\n".encode())
    assert owner.out[:3] in {b"501", b"550"}
    assert not any(isinstance(event, RecipientNamed) for event in owner.events)


def test_a_plain_remote_address_is_for_the_owner_to_judge():
    owner = Owner(SessionSettings("mx.test"))
    owner.greet()
    owner.feed(b"EHLO c\r\nMAIL FROM:<a@b.test>\r\n")
    owner.decisions = ["relay-denied"]
    owner.feed(b"RCPT TO:<victim@remote.test>\r\n")
    assert owner.out.endswith(b"550 5.7.1 Relaying denied\r\n")
    assert owner.session.recipients == ()


def test_a_user_of_ours_may_use_a_gateway_address():
    owner = Owner(SessionSettings("mx.test", Role.SUBMISSION, is_auth_required=False))
    owner.greet()
    owner.feed(b"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<fax%12345@gateway.test>\r\n")
    assert str(owner.session.recipients[0]) == "fax%12345@gateway.test"
