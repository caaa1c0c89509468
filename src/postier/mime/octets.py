"""The stored octets of a message, as every reader of this room takes them: `bytes`, or a mapped file.

Not here: how they are stored. Invariant: nothing in this room copies the whole of them; positions are absolute
offsets into them.
"""

from typing import Protocol

COUNT_CHUNK_OCTETS = 1 << 20


class Mapped(Protocol):
    """What is needed of a mapped file (`mmap.mmap` has it): search, length, slices that are bytes."""

    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int:
        """Lowest offset of `sub`, or -1."""

    def rfind(self, sub: bytes, start: int = ..., end: int = ..., /) -> int:
        """Highest offset of `sub`, or -1."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice, /) -> bytes: ...

    def __buffer__(self, flags: int, /) -> memoryview: ...


Buffer = bytes | Mapped


def count_lines(raw: Buffer, start: int, end: int) -> int:
    """Line feeds in raw[start:end]: the "size in text lines" of RFC 9051 §7.5.2."""
    if isinstance(raw, bytes):
        return raw.count(b"\n", start, end)
    return sum(
        raw[at : min(end, at + COUNT_CHUNK_OCTETS)].count(b"\n")
        for at in range(start, end, COUNT_CHUNK_OCTETS)
    )
