"""SECURITY 4: whatever the result of a message, its transaction is over."""

import pytest

from postier.smtp.settings import Role, SessionSettings
from tests.smtp.transcripts import Owner

ENVELOPE = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@mx.test>\r\n"
CASES = {
    "accepted": (b"x\r\n.\r\n", ""),
    "refused": (b"x\r\n.\r\n", "spam"),
    "deferred": (b"x\r\n.\r\n", "storage-full"),
    "bare newline": (b"x\ny\r\n.\r\n", ""),
    "nul": (b"x\0y\r\n.\r\n", ""),
    "too big": (b"x" * 200 + b"\r\n.\r\n", ""),
}


@pytest.mark.parametrize("role", [Role.MX, Role.LMTP])
@pytest.mark.parametrize("case", CASES)
def test_nothing_is_left(case, role):
    body, decision = CASES[case]
    owner = Owner(SessionSettings("mx.test", role, max_message_bytes=100))
    owner.greet()
    owner.feed((b"LHLO c\r\n" if role is Role.LMTP else b"EHLO c\r\n") + ENVELOPE + b"DATA\r\n")
    owner.decisions = [decision] if decision else []
    owner.feed(body)
    assert not owner.session.in_transaction
    assert owner.session.recipients == ()
    assert owner.session.reverse_path is None
    owner.out = b""
    owner.feed(b"RCPT TO:<c@mx.test>\r\nDATA\r\nBDAT 1 LAST\r\nx")
    assert [line[:3] for line in owner.out.splitlines()] == [b"503", b"503", b"503"]
    owner.out = b""
    owner.feed(ENVELOPE + b"DATA\r\nnext\r\n.\r\n")
    assert [line[:3] for line in owner.out.splitlines()] == [b"250", b"250", b"354", b"250"]
