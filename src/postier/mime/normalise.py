"""Octets made fit for the wire: line ends, NUL, line length, the end of the header.

Not here: reading what peers sent (the smtp room decides what it accepts), dot-stuffing. Source: RFC 5321 §2.3.8,
§4.5.3.1.6; RFC 5322 §2.1.1; RFC 2046 §4.1.1; SECURITY 2 and 44. It runs before a signature is made, never after.
Invariants: what `normalise` returns `is_canonical`; canonical octets are returned as they are.
"""

from postier.mime.defects import Defect
from postier.mime.headers import split_header

MAX_LINE_OCTETS = 998  # RFC 5322 §2.1.1, without CRLF


def is_canonical(raw: bytes) -> bool:
    """Whether a message can go out as it is: CRLF everywhere and at the end, no NUL, no line over 998 octets, and an
    empty line after the header.
    """
    return (
        has_only_crlf(raw)
        and raw.endswith(b"\r\n")
        and b"\x00" not in raw
        and overlong_line(raw) is None
        and Defect.HEADER_NOT_ENDED not in split_header(raw).defects
    )


def has_only_crlf(raw: bytes) -> bool:
    """Whether there is no CR without LF and no LF without CR."""
    pairs = raw.count(b"\r\n")
    return raw.count(b"\n") == pairs and raw.count(b"\r") == pairs


def with_crlf(raw: bytes) -> bytes:
    """Every CR LF, lone CR and lone LF as CR LF."""
    if has_only_crlf(raw):
        return raw
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def overlong_line(raw: bytes, start: int = 0) -> int | None:
    """The offset of the first line longer than MAX_LINE_OCTETS without its CRLF at or after the line that begins at
    `start`, or None.
    """
    end = len(raw)
    while end - start > MAX_LINE_OCTETS:
        # The last line end that a line of this length could have; hops over many short lines at once
        line_end = raw.rfind(b"\r\n", start, start + MAX_LINE_OCTETS + 2)
        if line_end < 0:
            return start
        start = line_end + 2
    return None


def normalise(raw: bytes) -> bytes:
    """The message fit for the wire (see `is_canonical`): NULs removed, line ends made CRLF, over-long lines broken, an
    empty line put before the first line that is no header field.
    """
    if b"\x00" in raw:
        raw = raw.replace(b"\x00", b"")
    raw = with_crlf(raw)
    if not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    if overlong_line(raw) is not None:
        raw = _with_short_lines(raw)
    header = split_header(raw)
    if Defect.HEADER_NOT_ENDED in header.defects:
        raw = raw[: header.end] + b"\r\n" + raw[header.end :]
    return raw


def _with_short_lines(raw: bytes) -> bytes:
    """Over-long lines broken by CRLF SPACE: in a header that is folding, in a body the usual damage control."""
    kept: list[bytes] = []
    position = 0
    while (start := overlong_line(raw, position)) is not None:
        line_end = raw.find(b"\r\n", start)
        kept.append(raw[position:start])
        room = MAX_LINE_OCTETS
        while line_end - start > room:
            cut = _character_start(raw, start + room)
            kept.append(raw[start:cut])
            kept.append(b"\r\n ")
            start = cut
            room = MAX_LINE_OCTETS - 1
        kept.append(raw[start : line_end + 2])
        position = line_end + 2
    kept.append(raw[position:])
    return b"".join(kept)


def _character_start(raw: bytes, position: int) -> int:
    """`position`, or where the UTF-8 character begins that it would cut."""
    for back in range(4):
        if raw[position - back] & 0xC0 != 0x80:
            return position - back
    return position
