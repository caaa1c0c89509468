"""SECURITY 7: what a client (or somebody in between) sent in plaintext behind STARTTLS is never obeyed."""

import pytest

from postier.smtp.events import HelloReceived, TlsFacts, TlsRequested
from postier.smtp.settings import Role, SessionSettings
from tests.smtp.transcripts import Owner


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("injected", [b"NOOP\r\n", b"EHLO evil.test\r\nMAIL FROM:<a@b.test>\r\n", b"MAI"])
def test_plaintext_behind_starttls_is_dropped(role, injected):
    owner = Owner(SessionSettings("mx.test", role, is_tls_available=True))
    hello = b"LHLO c.test\r\n" if role is Role.LMTP else b"EHLO c.test\r\n"
    owner.greet()
    owner.feed(hello)
    owner.out = b""
    owner.feed(b"STARTTLS\r\n" + injected)
    owner.feed(injected)  # also what comes before the owner has switched over
    assert owner.out == b"220 2.0.0 Ready to start TLS\r\n"
    assert owner.session.discarded_octets == 2 * len(injected)
    owner.out = b""
    owner.session.tls_started(TlsFacts())
    owner.run()
    assert owner.out == b""
    assert owner.session.hello == ""
    owner.feed(b"MAIL FROM:<a@b.test>\r\n")
    assert owner.out[:3] in {b"503", b"530"}
    owner.feed(hello)
    assert [type(event) for event in owner.events if isinstance(event, HelloReceived | TlsRequested)] == [
        HelloReceived,
        TlsRequested,
        HelloReceived,
    ]


def test_a_login_before_tls_is_forgotten():
    settings = SessionSettings(
        "mx.test", is_tls_available=True, auth_mechanisms=("PLAIN",), is_plaintext_login_allowed=True
    )
    owner = Owner(settings)
    owner.greet()
    owner.feed(b"EHLO c\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@b.test>\r\n")
    assert owner.session.is_authenticated
    owner.feed(b"STARTTLS\r\n")
    owner.session.tls_started(TlsFacts())
    assert not owner.session.is_authenticated
    assert not owner.session.in_transaction
