"""The header section: split in one pass into fields with their offsets; unfolding; look-up by name.

Not here: what a field means (`params`, `address_list`, `dates`). Source: RFC 5322 §2.2, §4.5; RFC 6532 §3.2.
Invariants: the octets of a section are never changed or lost: what exceeds a limit is flagged, its bytes stay where
they are; the section ends at the first empty line or, when that is missing, before the first line that is neither a
field nor a continuation. Linear time.
"""

import re
from collections.abc import Iterator

import msgspec

from postier.mime.defects import Defect
from postier.mime.octets import Buffer

MAX_HEADER_OCTETS = 256 * 1024
MAX_FIELDS = 2_000
MAX_FIELD_OCTETS = 64 * 1024

_EMPTY_LINE = re.compile(rb"\n\r?\n")
# RFC 5322 §2.2: a name of printable ASCII without colon; §4.5 allows white space before the colon; §2.2.3 folding
_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+\n?)", re.MULTILINE)


class Field(msgspec.Struct, frozen=True, gc=False):
    """One field: raw[start:end] are its lines, `value` the octets after the colon, still folded.

    `key` is the name in lower case; `value` is cut at MAX_FIELD_OCTETS, `end` is not.
    """

    key: bytes
    value: bytes
    start: int
    value_start: int
    end: int


class HeaderSection(msgspec.Struct, frozen=True, gc=False):
    """The fields of raw[start:end]; `end` is where the body starts, after the empty line if there is one."""

    fields: tuple[Field, ...]
    start: int
    end: int
    defects: tuple[Defect, ...] = ()

    def first(self, key: bytes) -> bytes | None:
        """The unfolded value of the first field called `key` (lower case), or None."""
        for field in self.fields:
            if field.key == key:
                return unfold(field.value)
        return None

    def all(self, key: bytes) -> Iterator[bytes]:
        """The unfolded values of all fields called `key` (lower case), in order."""
        return (unfold(field.value) for field in self.fields if field.key == key)


def split_header(raw: Buffer, start: int = 0, limit: int | None = None) -> HeaderSection:
    """Read the header section that starts at `start` and lies before `limit` (default: the end of raw)."""
    limit = len(raw) if limit is None else limit
    if raw[start : start + 1] == b"\n" and start < limit:
        return HeaderSection((), start, start + 1)
    if raw[start : start + 2] == b"\r\n" and start + 2 <= limit:
        return HeaderSection((), start, start + 2)
    empty_line = _EMPTY_LINE.search(raw, start, limit)
    if empty_line is None:
        block_end = body_start = limit
    else:
        block_end, body_start = empty_line.start() + 1, empty_line.end()
    defects: list[Defect] = []
    if block_end - start > MAX_HEADER_OCTETS:
        defects.append(Defect.HEADER_TOO_LONG)
        block_end = start + MAX_HEADER_OCTETS
    fields, stopped_at = _split(raw[start:block_end], start, defects)
    if stopped_at < block_end:
        defects.append(Defect.HEADER_NOT_ENDED)
        body_start = stopped_at
    return HeaderSection(fields, start, body_start, tuple(defects))


def _split(block: bytes, offset: int, defects: list[Defect]) -> tuple[tuple[Field, ...], int]:
    """The fields of `block`, and the offset of the first line that is not one (or the end of the block)."""
    fields: list[Field] = []
    expected = 0
    if block.startswith((b"From ", b">From ")):  # the separator line of an mbox file, left by some tools
        expected = block.find(b"\n") + 1 or len(block)
    for match in _FIELD.finditer(block, expected):
        begin, end = match.span()
        if begin != expected:
            break
        if len(fields) == MAX_FIELDS:
            defects.append(Defect.TOO_MANY_FIELDS)
            return tuple(fields), offset + len(block)
        name, value = match.groups()
        if len(value) > MAX_FIELD_OCTETS:
            if Defect.FIELD_TOO_LONG not in defects:
                defects.append(Defect.FIELD_TOO_LONG)
            value_start = offset + end - len(value)
            value = value[:MAX_FIELD_OCTETS]
        else:
            value_start = offset + end - len(value)
        fields.append(Field(name.lower(), value, offset + begin, value_start, offset + end))
        expected = end
    return tuple(fields), offset + expected


def unfold(value: bytes) -> bytes:
    """The value on one line (RFC 5322 §2.2.3), without the white space around it; stray CR and LF go too."""
    value = value.strip()
    if b"\n" in value:
        value = value.replace(b"\r\n", b"").replace(b"\n", b"")
    if b"\r" in value:
        value = value.replace(b"\r", b" ")
    return value
