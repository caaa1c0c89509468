"""Binary parts as base64: what a message with NUL octets becomes before it is filed.

Source: RFC 3516 §4.4, §6: a message is told and given as though its parts had an encoding that the base protocol takes; the
data are the same. Invariants: only parts that hold a NUL are changed; no octet of what they hold is lost; headers keep their
fields but for Content-Transfer-Encoding.
"""

from binascii import b2a_base64

from postier.mime.headers import split_header
from postier.mime.part import Part

_PLAIN = frozenset(["", "7bit", "8bit", "binary"])
_LINE_BYTES = 57  # of data in a line of 76


def without_nul(raw: bytes, root: Part) -> bytes | None:
    """The message with its binary parts in base64; None if a NUL stands where none can be encoded away."""
    pieces: list[bytes] = []
    done = 0
    for part in root.walk():
        if part.children or b"\0" not in raw[part.body_start : part.body_end]:
            continue
        if part.encoding not in _PLAIN:
            return None
        pieces += [
            raw[done : part.header_start],
            _header(raw, part),
            _base64(raw[part.body_start : part.body_end]),
        ]
        done = part.body_end
    pieces.append(raw[done:])
    encoded = b"".join(pieces)
    return None if b"\0" in encoded else encoded


def _header(raw: bytes, part: Part) -> bytes:
    header = split_header(raw, part.header_start, part.body_start)
    fields = [field for field in header.fields if field.key != b"content-transfer-encoding"]
    kept = b"".join([raw[field.start : field.end] for field in fields])
    return kept + b"Content-Transfer-Encoding: base64\r\n\r\n"


def _base64(data: bytes) -> bytes:
    lines = [
        b2a_base64(data[start : start + _LINE_BYTES], newline=False)
        for start in range(0, len(data), _LINE_BYTES)
    ]
    return b"\r\n".join(lines)
