"""The content of a part: transfer encodings undone, text in its charset.

Not here: what part to read (`part`, `sections`), text of HTML (`html_text`). Source: RFC 2045 §6.7, §6.8; RFC 3676 is
not applied. Invariants: damaged encodings give what can be read, never an error; linear; `text_of` reads at most
MAX_TEXT_OCTETS.
"""

import binascii
import re

from postier.mime import charsets
from postier.mime.html_text import html_text
from postier.mime.octets import Buffer
from postier.mime.part import Part

MAX_TEXT_OCTETS = 4 << 20

IDENTITY_ENCODINGS = frozenset({"7bit", "8bit", "binary"})
KNOWN_ENCODINGS = IDENTITY_ENCODINGS | {"base64", "quoted-printable"}

_NOT_BASE64 = bytes(c for c in range(256) if not (chr(c).isascii() and (chr(c).isalnum() or c in b"+/=")))
_BASE64_OR_BLANK = bytes(c for c in range(256) if c not in _NOT_BASE64 or c in b" \t\r\n")
_PADDING = re.compile(rb"=++")
# Anchored at the first of the blanks, else a long run of them would be tried from each
_BLANKS_AT_END = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")


def decode_transfer(data: bytes, encoding: str) -> bytes:
    """`data` without its Content-Transfer-Encoding; an unknown encoding leaves it as it is."""
    if encoding == "base64":
        return decode_base64(data)
    if encoding == "quoted-printable":
        return decode_quoted_printable(data)
    return data


def decode_base64(data: bytes) -> bytes:
    """Base64 with anything else in it ignored, missing padding supplied, several padded runs one after the other."""
    cleaned = data.translate(None, _NOT_BASE64)
    body = cleaned.rstrip(b"=")
    if b"=" not in body:
        return _base64_run(body)
    padding = data.index(b"=")
    if data[padding:].translate(None, _BASE64_OR_BLANK):  # plain text behind it: the footer of a mailing list
        return _base64_run(data[:padding].translate(None, _NOT_BASE64))
    return b"".join([_base64_run(run) for run in _PADDING.split(body)])


def _base64_run(run: bytes) -> bytes:
    excess = len(run) % 4
    if excess == 1:  # six bits are no octet
        run = run[:-1]
        excess = 0
    return binascii.a2b_base64(run + b"=" * (-excess % 4))


def decode_quoted_printable(data: bytes) -> bytes:
    """Quoted-printable; a wrong escape stays as it stands (RFC 2045 §6.7 note 1)."""
    if (
        b" \n" in data
        or b" \r\n" in data
        or b"\t\n" in data
        or b"\t\r\n" in data
        or data[-1:] in (b" ", b"\t")
    ):
        data = _BLANKS_AT_END.sub(b"", data)  # RFC 2045 §6.7 (3): added on the way
    return binascii.a2b_qp(data)


def content_of(raw: Buffer, part: Part) -> bytes:
    """The decoded body of a part."""
    return decode_transfer(raw[part.body_start : part.body_end], part.encoding)


def text_of(raw: Buffer, part: Part, max_octets: int = MAX_TEXT_OCTETS) -> str:
    """The text of a text part in its charset: as it is, or what HTML shows; empty for other types.

    At most `max_octets` of the encoded body are read.
    """
    if part.type != "text":
        return ""
    text = source_of(raw, part, max_octets)
    return html_text(text) if part.subtype == "html" else text


def source_of(raw: Buffer, part: Part, max_octets: int = MAX_TEXT_OCTETS) -> str:
    """The characters of a part in its charset, HTML as HTML."""
    data = raw[part.body_start : min(part.body_end, part.body_start + max_octets)]
    charset = part.charset
    text = charsets.decode(decode_transfer(data, part.encoding), charset)
    if len(data) < part.size and text[-1:] == "\ufffd":
        text = text[:-1]  # a character cut in two
    return text.replace("\x00", "") if "\x00" in text else text
