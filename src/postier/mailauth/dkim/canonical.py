"""Canonical forms of header fields and bodies, the body hashed in passing.

Not here: which fields are signed (`dkim.verify`, `dkim.sign`). Source: RFC 6376 §3.4, eid5839. Invariants: pieces may split
the body anywhere without changing a hash; memory is bounded by one piece; only bytes methods touch the text (no
work per byte in Python).
"""

import enum
import hashlib
from collections.abc import Iterable

import msgspec

from postier.mailauth.letter import Bytes

WINDOW = 1 << 18  # octets canonicalised at a time

_CRLFS = b"\r\n" * 32_768
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


def _collapse(text: bytes) -> bytes:
    """Runs of SP and TAB become one SP; each pass halves the longest run."""
    if b"\t" in text:
        text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


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
            window = bytes(view[start : start + WINDOW])
            for form in self._forms.values():
                form.update(window)

    def digest(self, key: BodyKey) -> BodyDigest:
        """The hash for one of the keys given at the start; ends the body."""
        if not self._is_finished:
            self._is_finished = True
            for form in self._forms.values():
                form.finish()
        sink = self._sinks[key]
        return BodyDigest(sink.hash.digest(), sink.total)


class _Sink:
    """A hash that takes at most `length` octets and counts all."""

    __slots__ = ("hash", "left", "total")

    def __init__(self, key: BodyKey) -> None:
        self.hash = _HASHES[key.hash_name]()
        self.left = key.length
        self.total = 0

    def write(self, data: bytes) -> None:
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

    def update(self, piece: bytes) -> None:
        data = self._carry + piece if self._carry else piece
        if self._is_relaxed:
            data = _collapse(data)
            if b" \r\n" in data:
                data = data.replace(b" \r\n", b"\r\n")  # RFC 6376 §3.4.4 a
        held = 0
        if data.endswith(b"\r"):
            held = 1
        if self._is_relaxed and data.endswith(b" ", 0, len(data) - held):
            held += 1
        self._carry = data[len(data) - held :]
        if held:
            data = data[:-held]
        self._emit(data)

    def _emit(self, data: bytes) -> None:
        end = len(data)
        if data.endswith(b"\n"):
            content = len(data.rstrip(b"\r\n"))
            ends = data[content:]
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

    def _write(self, data: bytes) -> None:
        for sink in self.sinks:
            sink.write(data)
