"""Canonical forms of header fields and bodies, the body hashed in passing.

Not here: which fields are signed (`dkim.verify`, `dkim.sign`). Source: RFC 6376 §3.4, eid5839. Invariants: pieces may split
the body anywhere without changing a hash; memory is bounded by one piece; only bytes methods touch the text (no
work per byte in Python).
"""

import enum
import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from postier.mailauth.letter import Field
from postier.mime.scan import Bytes, find

WINDOW = 1 << 18  # octets canonicalised at a time

_CRLFS = b"\r\n" * 32_768
_LINE_END = b"\r\n"
_HASHES = {"sha256": hashlib.sha256}


class Canon(enum.StrEnum):
    """The canonicalisation algorithms (RFC 6376 §3.4)."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


def relaxed_field(raw: bytes) -> bytes:
    """A header field in relaxed form without the final CRLF (RFC 6376 §3.4.2, eid5839)."""
    name, colon, value = raw.partition(b":")
    if b"\r\n" in value:
        value = value.replace(b"\r\n", b"")
    if b"\t" in value:
        value = value.replace(b"\t", b" ")
    while b"  " in value:
        value = value.replace(b"  ", b" ")
    return name.rstrip(b" \t").lower() + colon + value.strip(b" ")


def canonical_field(raw: bytes, canon: Canon) -> bytes:
    """A header field in the form `canon` without the final CRLF."""
    return raw if canon is Canon.SIMPLE else relaxed_field(raw)


def relaxed_block(fields: Sequence[Field]) -> bytes:
    """Several fields in relaxed form, CRLF between them; one pass over all (RFC 6376 §3.4.2).

    In a raw field every CRLF is a fold, so that a CRLF before anything but white space is one of ours.
    """
    raws = [field.raw for field in fields]
    block = b"\r\n".join(
        [(name := field.name) + b":" + field.raw[len(name) + 1 :].lstrip(b" \t") for field in fields]
    )
    joined = b"\r\n".join(raws)
    # a name with white space before its colon, or a fold right behind one (rare): each field on its own
    if find(joined, b" :") >= 0 or find(joined, b"\t:") >= 0 or find(block, b":\r\n") >= 0:
        return b"\r\n".join(map(relaxed_field, raws))
    if b"\t" in block:
        block = block.replace(b"\t", b" ")
    if find(block, b"\r\n ") >= 0:
        block = block.replace(b"\r\n ", b" ")
    while find(block, b"  ") >= 0:
        block = block.replace(b"  ", b" ")
    return (block.replace(b" \r\n", b"\r\n") if find(block, b" \r\n") >= 0 else block).rstrip(b" ")


def _is_damaged(data: Bytes) -> bool:
    """Whether relaxed form differs from what is there (RFC 6376 §3.4.4 a), empty lines at the end aside."""
    return find(data, b"\t") >= 0 or find(data, b"  ") >= 0 or find(data, b" \r\n") >= 0


def _relaxed_lines(text: bytes) -> bytes:
    """Runs of SP and TAB become one SP (each pass halves the longest run); none is left before a line end."""
    if b"\t" in text:
        text = text.replace(b"\t", b" ")
    while find(text, b"  ") >= 0:
        text = text.replace(b"  ", b" ")
    return text.replace(b" \r\n", b"\r\n") if find(text, b" \r\n") >= 0 else text


class BodyKey(msgspec.Struct, frozen=True):
    """One way of hashing a body; signatures with the same key share the work."""

    canon: Canon
    hash_name: str = "sha256"
    length: int | None = None  # the l= tag


class BodyDigest(msgspec.Struct, frozen=True):
    """A body's hash, and how many octets its canonical form has in all."""

    digest: bytes
    canonical_length: int


class BodyHasher:
    """Hashes one body in several ways; feed the pieces with `update`, then read `digest`."""

    def __init__(self, keys: Iterable[BodyKey]) -> None:
        self._forms: dict[Canon, _Form] = {}
        self._sinks: dict[BodyKey, _Sink] = {}
        for key in keys:
            if key not in self._sinks:
                sink = self._sinks[key] = _Sink(key)
                self._forms.setdefault(key.canon, _Form(key.canon)).sinks.append(sink)
        self._is_finished = False

    def update(self, piece: Bytes) -> None:
        """The next octets of the body as transmitted (dot-stuffing removed)."""
        if not self._forms:
            return
        view = memoryview(piece)
        for start in range(0, len(view), WINDOW):
            for form in self._forms.values():
                form.update(view[start : start + WINDOW])

    def digest(self, key: BodyKey) -> BodyDigest:
        """The hash for one of the keys given at the start; ends the body."""
        if not self._is_finished:
            self._is_finished = True
            for form in self._forms.values():
                form.finish()
        sink = self._sinks[key]
        return BodyDigest(sink.hash.digest(), sink.total)


def _line_ends(data: bytes | memoryview) -> bytes:
    """The CRs and LFs at the end of `data`; looks at little if they are few."""
    for octets in (64, len(data)):
        tail = bytes(data[-octets:])
        ends = tail[len(tail.rstrip(b"\r\n")) :]
        if len(ends) < octets:
            break
    return ends


class _Sink:
    """A hash that takes at most `length` octets and counts all."""

    __slots__ = ("hash", "left", "total")

    def __init__(self, key: BodyKey) -> None:
        self.hash = _HASHES[key.hash_name]()
        self.left = key.length
        self.total = 0

    def write(self, data: bytes | memoryview) -> None:
        self.total += len(data)
        if self.left is None:
            self.hash.update(data)
        elif self.left:
            self.hash.update(data[: self.left])
            self.left -= min(self.left, len(data))


class _Form:
    """One canonical form of a body, produced piece by piece.

    Held back between pieces: line ends that may turn out to be the empty lines at the end (counted, not stored),
    and what cannot be judged before the next octet comes (a CR, and in relaxed form a space before it).
    """

    def __init__(self, canon: Canon) -> None:
        self.sinks: list[_Sink] = []
        self._is_relaxed = canon is Canon.RELAXED
        self._carry = b""
        self._line_ends = 0
        self._has_content = False

    def update(self, piece: memoryview) -> None:
        data: bytes | memoryview = self._carry + bytes(piece) if self._carry else piece
        if self._is_relaxed and _is_damaged(data):
            data = _relaxed_lines(bytes(data))
        tail = bytes(data[-3:])
        if (
            tail[1:] == b"\r\n" and tail[0] not in _LINE_END
        ):  # one line end behind content: nothing else to look at
            self._carry = b""
            self._write_line_ends()
            self._write(data[:-2])
            self._has_content = True
            self._line_ends = 1
            return
        held = 1 if tail[-1:] == b"\r" else 0
        if self._is_relaxed and tail.endswith(b" ", 0, len(tail) - held):
            held += 1
        if held:
            self._carry = bytes(data[len(data) - held :])
            data = data[: len(data) - held]
        else:
            self._carry = b""
        self._emit(data)

    def _emit(self, data: bytes | memoryview) -> None:
        end = len(data)
        if bytes(data[-1:]) == b"\n":
            ends = _line_ends(data)
            content = end - len(ends)
            if ends != b"\r\n" * (len(ends) // 2):  # a bare CR or LF among them is content (§3.4.3)
                start = max(ends.rfind(b"\n\n"), ends.rfind(b"\r\r")) + 1
                content += start + (ends[start : start + 1] == b"\n")
            end = content
        if end:
            self._write_line_ends()
            self._write(data if end == len(data) else data[:end])
            self._has_content = True
        self._line_ends += (len(data) - end) // 2

    def finish(self) -> None:
        carry = self._carry.removesuffix(b" ") if self._is_relaxed else self._carry
        if carry:
            self._write_line_ends()
            self._write(carry)
            self._has_content = True
        if self._has_content or not self._is_relaxed:  # RFC 6376 §3.4.3, §3.4.4: CRLF even if it was missing
            self._write(b"\r\n")

    def _write_line_ends(self) -> None:
        left = self._line_ends * 2
        while left:
            block = _CRLFS[:left]
            self._write(block)
            left -= len(block)
        self._line_ends = 0

    def _write(self, data: bytes | memoryview) -> None:
        for sink in self.sinks:
            sink.write(data)
