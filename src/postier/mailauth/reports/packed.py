"""Reports as they travel: plain, gzip, or the only file of a zip archive.

Not here: what is inside. Sources: RFC 1952 (gzip), RFC 9990 §3.5.2, RFC 8460 §5.2; zip is what many reporters of RFC 7489's
time send. Invariants: what comes out is bounded before it is made, whatever sizes the archive claims (RFC 9990 §8.1); one
layer only is taken off; nothing is written anywhere and no file name is used.
"""

import struct
import zlib

from postier.mailauth.reports.fault import ReportError

MAX_PACKED_OCTETS = 10 << 20  # the limit that most receivers set (RFC 8460 §5.2)
MAX_REPORT_OCTETS = 32 << 20  # unpacked
MAX_ARCHIVE_FILES = 100

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_MARK = b"PK\x05\x06"
_ENTRY_MARK = b"PK\x01\x02"
_ENCRYPTED = 1
_STORED, _DEFLATED = 0, 8
_MAX_COMMENT = 65_535


def unpacked(data: bytes, limit: int = MAX_REPORT_OCTETS) -> bytes:
    """The report's own octets, at most `limit`; raises ReportError."""
    if data.startswith(_GZIP):
        packed = _gunzip(_sized(data), limit)
    elif data.startswith(_ZIP):
        packed = _unzip(_sized(data), limit)
    else:
        packed = data
    if len(packed) > limit:
        raise ReportError(f"the report is over {limit} octets")
    return packed


def gzipped(data: bytes) -> bytes:
    """Compressed for the way; the same octets at any time (RFC 9990 §3.5.2: sent again, it is the same file)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def _sized(data: bytes) -> bytes:
    if len(data) > MAX_PACKED_OCTETS:
        raise ReportError(f"the packed report is over {MAX_PACKED_OCTETS} octets")
    return data


def _inflate(data: bytes, limit: int, window_bits: int) -> bytes:
    unpacker = zlib.decompressobj(window_bits)
    try:
        out = unpacker.decompress(data, limit + 1)
    except zlib.error:
        raise ReportError("the compressed data is damaged") from None
    if len(out) > limit:
        raise ReportError(f"the report is over {limit} octets")
    if not unpacker.eof:
        raise ReportError("the compressed data ends early")
    return out


def _gunzip(data: bytes, limit: int) -> bytes:
    # One member; RFC 1952 §2.2 allows several, no reporter sends them, and a thousand empty ones are an attack
    return _inflate(data, limit, 31)


def _unzip(data: bytes, limit: int) -> bytes:
    """The only file of the archive, folders and what macOS adds left out."""
    files = [each for each in _entries(data) if not each[0].endswith(b"/") and b"__MACOSX" not in each[0]]
    if len(files) != 1:
        raise ReportError(f"the archive holds {len(files)} files")
    _, flags, method, packed_size, offset = files[0]
    if flags & _ENCRYPTED or method not in {_STORED, _DEFLATED}:
        raise ReportError("the archive is encrypted or packed in an unusual way")
    if offset + _LOCAL.size > len(data):
        raise ReportError("the archive is damaged")
    *_, name_size, extra_size = _LOCAL.unpack_from(data, offset)
    start = offset + _LOCAL.size + name_size + extra_size
    content = data[start : start + packed_size]
    if len(content) != packed_size:
        raise ReportError("the archive is damaged")
    return content if method == _STORED else _inflate(content, limit, -15)


def _entries(data: bytes) -> list[tuple[bytes, int, int, int, int]]:
    """Name, flags, method, packed size and offset of each file in the central directory."""
    end = data.rfind(_END_MARK, max(0, len(data) - _END.size - _MAX_COMMENT))
    if end < 0 or end + _END.size > len(data):
        raise ReportError("the archive is damaged")
    *_, count, _, at, _ = _END.unpack_from(data, end)
    if count > MAX_ARCHIVE_FILES:
        raise ReportError(f"the archive holds over {MAX_ARCHIVE_FILES} files")
    found = []
    for _ in range(count):
        if data[at : at + 4] != _ENTRY_MARK or at + _ENTRY.size > len(data):
            raise ReportError("the archive is damaged")
        entry = _ENTRY.unpack_from(data, at)
        flags, method, packed_size = entry[3], entry[4], entry[8]
        name_size, extra_size, comment_size, offset = entry[10], entry[11], entry[12], entry[16]
        name = data[at + _ENTRY.size : at + _ENTRY.size + name_size]
        found.append((name, flags, method, packed_size, offset))
        at += _ENTRY.size + name_size + extra_size + comment_size
    return found
