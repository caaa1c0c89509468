"""MIME entities that we write: fields and body, text in the right transfer encoding, multiparts.

Not here: header lines (`header_lines`), whole letters (`build`). Source: RFC 2045, RFC 2046. Invariants: bodies have
CRLF line ends and lines of at most 998 octets; a boundary never occurs in what it separates.
"""

import binascii
import re
from collections.abc import Sequence

import msgspec

from postier.mime.header_lines import line, parameter
from postier.mime.normalise import overlong_line, with_crlf

BASE64_COLUMNS = 76  # RFC 2045 §6.8
MAX_BOUNDARY_TOKEN = (
    48  # RFC 2046 §5.1.1 allows a boundary 70 characters; RFC 2231 eid3269: it is never continued
)

_BOUNDARY_TOKEN = re.compile(rf"[A-Za-z0-9+_.-]{{1,{MAX_BOUNDARY_TOKEN}}}")


class Entity(msgspec.Struct, frozen=True):
    """Header lines (each with its CRLF) and a body."""

    header: bytes
    body: bytes

    def octets(self) -> bytes:
        """Header, empty line, body."""
        return b"%b\r\n%b" % (self.header, self.body)


def content_type(media_type: str, params: Sequence[tuple[str, str]] = ()) -> bytes:
    """A Content-Type line."""
    return line("Content-Type", _joined(media_type, params))


def disposition(name: str, filename: str | None) -> bytes:
    """A Content-Disposition line."""
    return line("Content-Disposition", _joined(name, () if filename is None else (("filename", filename),)))


def _joined(value: str, params: Sequence[tuple[str, str]]) -> list[str]:
    """The tokens of `value; name=value`, the semicolon at the end of the token before."""
    tokens = [value]
    for name, text in params:
        for token in parameter(name, text):
            tokens[-1] += ";"
            tokens.append(token[1:])
    return tokens


def encoding(name: str) -> bytes:
    """A Content-Transfer-Encoding line."""
    return b"Content-Transfer-Encoding: %b\r\n" % name.encode()


def text_entity(text: str, subtype: str = "plain") -> Entity:
    """Text in UTF-8: as it is when it is ASCII with short lines, else quoted-printable or base64, whichever is
    shorter.
    """
    octets = with_crlf(text.encode("utf-8", "replace"))
    if octets and not octets.endswith(b"\r\n"):
        octets += b"\r\n"
    charset = "us-ascii" if octets.isascii() else "utf-8"
    header = content_type(f"text/{subtype}", (("charset", charset),))
    if octets.isascii() and b"\x00" not in octets and overlong_line(octets) is None:
        return Entity(header + encoding("7bit"), octets)
    quoted = binascii.b2a_qp(octets)
    if len(quoted) <= len(octets) * 4 / 3 * 78 / 76:
        return Entity(header + encoding("quoted-printable"), quoted)
    return Entity(header + encoding("base64"), base64_lines(octets))


def base64_lines(octets: bytes) -> bytes:
    """Base64 in lines of 76 columns."""
    encoded = binascii.b2a_base64(octets, newline=False)
    if not encoded:
        return b""
    lines = [encoded[at : at + BASE64_COLUMNS] for at in range(0, len(encoded), BASE64_COLUMNS)]
    return b"\r\n".join(lines) + b"\r\n"


def multipart(
    subtype: str, parts: Sequence[Entity], token: str, params: Sequence[tuple[str, str]] = ()
) -> Entity:
    """A multipart of at least one part; `token` makes its boundary and should be unguessable."""
    pieces = [part.octets() for part in parts]
    boundary = _boundary(token, pieces)
    header = content_type(f"multipart/{subtype}", (*params, ("boundary", boundary)))
    mark = boundary.encode()
    body = b"".join([b"--%b\r\n%b\r\n" % (mark, piece) for piece in pieces])
    return Entity(header, b"%b--%b--\r\n" % (body, mark))


def _boundary(token: str, pieces: Sequence[bytes]) -> str:
    # "=_" can occur neither in quoted-printable nor in base64 (RFC 2045 §6.7)
    if not _BOUNDARY_TOKEN.fullmatch(token):
        raise ValueError(f"{token!r} cannot be part of a boundary")
    number = 0
    while True:
        boundary = f"=_{token}_{number}"
        mark = b"--" + boundary.encode()
        if not any(mark in piece for piece in pieces):
            return boundary
        number += 1
