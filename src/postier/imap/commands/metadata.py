"""GETMETADATA and SETMETADATA, and the names of entries that LIST returns as well.

Not here: responses (`metadata_responses`). Source: RFC 5464 §3.2, §4.2, §4.3, §5 with eid1692 and eid2785; RFC 9590 §5.
Invariant: names of entries are in lower case, begin with a scope and hold nothing that is not allowed.
"""

import enum
import re

import msgspec

from postier.imap.refusals import bad
from postier.imap.tokens import Cursor

MAX_ENTRIES = 1_000  # in one command
MAX_ENTRY_BYTES = 256

# RFC 5464 §3.2: a scope, and components without control, wildcard or 8-bit characters
_ENTRY = re.compile(rb"/(?:shared|private)(?:/[ -$&-)+-.0-~]+)+")
_VENDOR = re.compile(
    rb"/(?:shared|private)/vendor(?:/[^/]+)?"
)  # vendors' names have four components at least


class Depth(enum.Enum):
    """How much below an entry is meant."""

    NOTHING = b"0"
    CHILDREN = b"1"
    ALL = b"INFINITY"


class GetMetadata(msgspec.Struct, frozen=True):
    """Read entries of a mailbox; of the server if its name is empty."""

    tag: bytes
    mailbox: str
    entries: tuple[str, ...]
    depth: Depth = Depth.NOTHING
    max_bytes: int | None = None


class SetMetadata(msgspec.Struct, frozen=True):
    """Write entries; None removes one."""

    tag: bytes
    mailbox: str
    values: tuple[tuple[str, bytes | None], ...]


def parse_get(cursor: Cursor) -> GetMetadata:
    """`GETMETADATA` [SP options] SP mailbox SP entries."""
    cursor.space()
    depth, max_bytes = Depth.NOTHING, None
    if cursor.peek() == b"(":
        for option in cursor.items(lambda: _option(cursor)):
            if isinstance(option, Depth):
                depth = option
            else:
                max_bytes = option
        cursor.space()
    mailbox = cursor.mailbox()
    cursor.space()
    entries = parse_entries(cursor) if cursor.peek() == b"(" else (_entry(cursor, is_sought=True),)
    cursor.end()
    return GetMetadata(cursor.tag, mailbox, entries, depth, max_bytes)


def parse_set(cursor: Cursor) -> SetMetadata:
    """`SETMETADATA` SP mailbox SP `(` entry SP value *(SP entry SP value) `)`."""
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.space()
    values = cursor.items(lambda: _value(cursor))
    cursor.end()
    if len(values) > MAX_ENTRIES:
        raise bad("Too many entries")
    return SetMetadata(cursor.tag, mailbox, tuple(dict(values).items()))


def parse_entries(cursor: Cursor) -> tuple[str, ...]:
    """`(` entry *(SP entry) `)`, without repeats."""
    entries = cursor.items(lambda: _entry(cursor, is_sought=True))
    if len(entries) > MAX_ENTRIES:
        raise bad("Too many entries")
    return tuple(dict.fromkeys(entries))


def _option(cursor: Cursor) -> Depth | int:
    name = cursor.keyword()
    cursor.space()
    if name == b"MAXSIZE":
        return cursor.number()
    if name != b"DEPTH":
        raise bad("Unknown GETMETADATA option")
    try:
        return Depth(cursor.keyword())
    except ValueError:
        raise bad("DEPTH is 0, 1 or infinity") from None


def _value(cursor: Cursor) -> tuple[str, bytes | None]:
    entry = _entry(cursor, is_sought=False)
    cursor.space()
    return entry, cursor.nstring()


def _entry(cursor: Cursor, *, is_sought: bool) -> str:
    """One name; what is sought, with what lies below it, may be as short as a scope."""
    name = cursor.astring().lower()
    is_whole = _ENTRY.fullmatch(name) is not None and _VENDOR.fullmatch(name) is None
    is_stem = is_sought and (name in {b"/shared", b"/private"} or _VENDOR.fullmatch(name) is not None)
    if not (is_whole or is_stem) or len(name) > MAX_ENTRY_BYTES:
        raise bad("Invalid entry name")
    return name.decode("ascii")
