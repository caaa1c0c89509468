"""SECURITY 2: what leaves this room has no bare CR or LF and no NUL, whatever went in."""

import pytest

from postier.mime.address import Address
from postier.mime.build import Attachment, Letter, build
from postier.mime.dates import Moment
from postier.mime.header_lines import Correspondent
from postier.mime.normalise import is_canonical, normalise

SMUGGLED = [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r\r\n", b"\r\n\x00.\r\n", b"\r\x00\n.\r\x00\n", b"\x00\n.\x00\n"
]  # fmt: skip


@pytest.mark.parametrize("end", SMUGGLED)
def test_no_bare_line_end_is_emitted(end: bytes) -> None:
    raw = b"From: a@b.test\r\n\r\nbody" + end + b"MAIL FROM:<evil@x>\r\n"
    assert not is_canonical(raw)
    assert is_canonical(normalise(raw))
    letter = Letter(
        from_=(Correspondent(Address("a", "b.test")),), date=Moment(0), message_id="1@b.test",
        text=raw.decode(), html=raw.decode(), attachments=(Attachment(raw, "message/rfc822"), Attachment(raw)),
    )  # fmt: skip
    assert is_canonical(build(letter, "t"))
