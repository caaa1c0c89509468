"""How a value is written as an IMAP atom, quoted string or literal.

Not here: reading them (`tokens`). Source: RFC 9051 §4.3, §9; RFC 9755 §3 (UTF-8 in quoted strings).
Invariant: whatever goes in, what comes out is one well-formed string token: CR, LF and NUL never leave
inside a quoted string or atom, so no value can inject a response line.
"""

import re

MAX_QUOTED_BYTES = (
    1000  # longer strings go out as literals; some clients keep a fixed line buffer (RFC 2683 §3.2.1.5)
)

# RFC 9051 §9 ASTRING-CHAR
_ASTRING = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
# RFC 9051 §9 QUOTED-CHAR without the quoted-specials
_PLAIN_QUOTED = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7f]*")
_QUOTABLE_ASCII = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")


def literal(data: bytes) -> bytes:
    """`{n}` CRLF data; NUL, which a literal may not hold, leaves as 0x80 so that sizes stay true."""
    if b"\0" in data:
        data = data.replace(b"\0", b"\x80")  # RFC 9051 §9 CHAR8; the octet other servers chose as well
    return b"{%d}\r\n%b" % (len(data), data)


def literal8(data: bytes) -> bytes:
    """`~{n}` CRLF data, any octets (RFC 9051 §9 literal8)."""
    return b"~{%d}\r\n%b" % (len(data), data)


def string(data: bytes, *, utf8: bool = False) -> bytes:
    """A quoted string where one can hold `data`, else a literal; `utf8`: the client takes UTF-8 in quotes."""
    if len(data) <= MAX_QUOTED_BYTES:
        if _PLAIN_QUOTED.fullmatch(data):
            return b'"%b"' % data
        if _QUOTABLE_ASCII.fullmatch(data) or (utf8 and _is_quotable_utf8(data)):
            return b'"%b"' % data.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return literal(data)


def nstring(data: bytes | None, *, utf8: bool = False) -> bytes:
    """NIL for None, else a string."""
    return b"NIL" if data is None else string(data, utf8=utf8)


def astring(data: bytes, *, utf8: bool = False) -> bytes:
    """An atom where one can hold `data`, else a string; the word NIL is quoted, for clients that mistake it."""
    if _ASTRING.fullmatch(data) and len(data) <= MAX_QUOTED_BYTES and data.upper() != b"NIL":
        return data
    return string(data, utf8=utf8)


def tag_string(tag: bytes) -> bytes:
    """A command's tag in a response (RFC 9051 §9 tag-string): quoted, as every example has it and parsers expect."""
    text = astring(tag)
    return text if text[:1] == b'"' else b'"%b"' % text


def human_text(text: str, *, utf8: bool = False) -> bytes:
    """`text` for the human-readable end of a status line: one line, no controls, ASCII unless `utf8`.

    RFC 9051 §9 `text`. Other characters leave as `?`.
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "?" for char in text)
    return text.encode("utf-8" if utf8 else "ascii", "replace")


def _is_quotable_utf8(data: bytes) -> bool:
    if b"\r" in data or b"\n" in data or b"\0" in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
