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
_FIELD = re.compile(rb"^(([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*\n?))", re.MULTILINE)
_CR_TO_SPACE = bytes.maketrans(b"\r", b" ")


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
    """The header section raw[start:end]; `end` is where the body starts, after the empty line if there is one.

    `entries` are (lines as they stand, name in lower case, value still folded); the first begins at `first_start`.
    """

    entries: tuple[tuple[bytes, bytes, bytes], ...]
    start: int
    end: int
    defects: tuple[Defect, ...] = ()
    first_start: int = 0

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields with their offsets (made anew at each call)."""
        fields: list[Field] = []
        start = self.first_start
        for lines, key, value in self.entries:
            end = start + len(lines)
            value_start = start + lines.index(b":") + 1
            fields.append(Field(key, value, start, value_start, end))
            start = end
        return tuple(fields)

    def firsts(self) -> dict[bytes, bytes]:
        """Name (lower case) to value, still folded, of the first field of each name (made anew at each call)."""
        return {key: value for _, key, value in reversed(self.entries)}

    def first(self, key: bytes) -> bytes | None:
        """The unfolded value of the first field called `key` (lower case), or None."""
        for _, name, value in self.entries:
            if name == key:
                return unfold(value)
        return None

    def all(self, key: bytes) -> Iterator[bytes]:
        """The unfolded values of all fields called `key` (lower case), in order."""
        return (unfold(value) for _, name, value in self.entries if name == key)


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
    block = raw[start:block_end]
    first = 0
    if block.startswith((b"From ", b">From ")):  # the separator line of an mbox file, left by some tools
        first = block.find(b"\n") + 1 or len(block)
    found = _FIELD.findall(block, first)
    covered = first + sum([len(lines) for lines, _, _ in found])
    if covered < len(block):  # lines that are no fields stand between or behind
        found, covered = _until_gap(block, first)
    if covered < len(block):
        defects.append(Defect.HEADER_NOT_ENDED)
        body_start = start + covered
    if len(found) > MAX_FIELDS:
        defects.append(Defect.TOO_MANY_FIELDS)
        found = found[:MAX_FIELDS]
    entries = tuple([(lines, name.lower(), value) for lines, name, value in found])
    if len(block) > MAX_FIELD_OCTETS and any(len(value) > MAX_FIELD_OCTETS for _, _, value in entries):
        defects.append(Defect.FIELD_TOO_LONG)
        entries = tuple([(lines, key, value[:MAX_FIELD_OCTETS]) for lines, key, value in entries])
    return HeaderSection(entries, start, body_start, tuple(defects), start + first)


def _until_gap(block: bytes, first: int) -> tuple[list[tuple[bytes, bytes, bytes]], int]:
    """The fields before the first line that is none, and its offset."""
    found: list[tuple[bytes, bytes, bytes]] = []
    expected = first
    for match in _FIELD.finditer(block, first):
        if match.start() != expected:
            break
        found.append((match[1], match[2], match[3]))
        expected = match.end()
    return found, expected


def unfold(value: bytes) -> bytes:
    """The value on one line (RFC 5322 §2.2.3), without the white space around it; stray CR and LF go too."""
    # Without asking whether anything is folded: three calls cost less than two questions
    return value.strip().replace(b"\r\n", b"").translate(_CR_TO_SPACE, b"\n")
