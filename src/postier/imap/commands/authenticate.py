"""AUTHENTICATE, with an initial response.

Not here: the mechanisms (the sasl room); the lines that follow (`lexer.expect_answer`, `decode_answer`).
Source: RFC 9051 §6.2.2; RFC 4959 §3.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64

import msgspec

from postier.imap.refusals import bad
from postier.imap.tokens import Cursor


class Authenticate(msgspec.Struct, frozen=True):
    """The mechanism in upper case; `initial_response` is decoded, None when there was none."""

    tag: bytes
    mechanism: str
    initial_response: bytes | None

    def __repr__(self) -> str:
        return f"Authenticate(tag={self.tag!r}, mechanism={self.mechanism!r})"  # responses hold passwords


def parse(cursor: Cursor) -> Authenticate:
    """`AUTHENTICATE` SP auth-type [SP initial-resp]."""
    cursor.space()
    mechanism = cursor.keyword().decode("ascii")
    response = None
    if cursor.take(b" "):
        text = cursor.base64()
        response = b"" if text == b"=" else _decode(text)  # RFC 4959 §3
    cursor.end()
    return Authenticate(cursor.tag, mechanism, response)


def decode_answer(line: bytes) -> bytes | None:
    """A later response line; None when the client gives up with `*` (RFC 9051 §6.2.2). Raises PeerError."""
    return None if line == b"*" else _decode(line)


def _decode(text: bytes) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except Base64Error:
        raise bad("Malformed base64") from None
