"""A message cut into its raw header fields and its body, exact to the byte.

Not here: meaning of fields, MIME structure (`mime`). Source: RFC 5322 §2.2. Invariants: the fields' `raw` bytes are
slices of the input, each with its line ends inside but without the last CRLF; nothing is decoded; linear time; no field
escapes (the size of a header is bounded where it is received).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Self

import msgspec

from postier.mime.scan import Bytes

_FIELD_END = re.compile(rb"\r\n(?![ \t])")


class Field(msgspec.Struct, frozen=True, gc=False):
    """One header field: lower-case name, raw bytes of the whole field without the final CRLF."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """What follows the colon, folding included."""
        return self.raw.partition(b":")[2]


class Letter(msgspec.Struct, frozen=True):
    """A message: its fields from top to bottom, and its body as pieces to be hashed in order."""

    fields: tuple[Field, ...]
    body: Sequence[Bytes]

    @classmethod
    def parse(cls, raw: "Bytes | Letter") -> "Letter":
        """Cut a whole message. One without any CRLF is taken as a file with LF line ends and converted."""
        if isinstance(raw, Letter):
            return raw
        if not isinstance(raw, bytes):
            view = memoryview(raw)
            end = _find_end(view)
            return cls(split_fields(bytes(view[:end])), (view[end:],))
        if b"\n" in raw and b"\r\n" not in raw:
            raw = raw.replace(b"\n", b"\r\n")
        if raw.startswith(b"\r\n"):
            return cls((), (raw[2:],))
        end = raw.find(b"\r\n\r\n")
        if end < 0:
            return cls(_fields(raw), ())
        return cls(_fields(raw[:end]), (memoryview(raw)[end + 4 :],))

    @classmethod
    def of(cls, header: bytes, body: Iterable[Bytes]) -> Self:
        """A message whose header block and body are already apart; the pieces may split anywhere."""
        return cls(split_fields(header), tuple(body))

    def named(self, name: bytes) -> list[Field]:
        """All fields of that lower-case name, top to bottom."""
        return [field for field in self.fields if field.name == name]


def split_fields(header: bytes) -> tuple[Field, ...]:
    """The fields of a header block; lines that are no field (no colon, empty name) are passed over."""
    if header.startswith(b"\r\n"):
        return ()
    end = header.find(b"\r\n\r\n")
    return _fields(header if end < 0 else header[:end])


def _fields(header: bytes) -> tuple[Field, ...]:
    """The fields of a header that ends before the empty line."""
    raws = _FIELD_END.split(header)
    try:
        names = [raw[: raw.index(b":")].lower() for raw in raws]
    except ValueError:  # a line without a colon
        names = []
    joined = b":".join(names)
    if not names or b"" in names or b" " in joined or b"\t" in joined:
        return tuple(fit for raw in raws if (fit := _fitting(raw)) is not None)
    return tuple(map(Field, names, raws))


def _fitting(raw: bytes) -> Field | None:
    """The field with a proper name; None for a line that is no field."""
    name, colon, _ = raw.partition(b":")
    name = name.rstrip(b" \t").lower()  # RFC 5322 §4.5: obs-optional allows WSP before the colon
    if not colon or not name or b" " in name or b"\t" in name:
        return None
    return Field(name, raw)


def _find_end(raw: memoryview) -> int:
    """Where the body starts in a buffer (a view of a mapped file); looks in growing windows."""
    if bytes(raw[:2]) == b"\r\n":
        return 2
    window = 16_384
    while True:
        found = bytes(raw[:window]).find(b"\r\n\r\n")
        if found >= 0:
            return found + 4
        if window >= len(raw):
            return len(raw)
        window *= 4
