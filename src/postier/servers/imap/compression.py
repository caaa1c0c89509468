"""DEFLATE on a connection, in both directions.

Not here: who asks for it (`session_verbs`). Source: RFC 4978. Invariant: however well the peer's octets are packed, at most
MAX_INFLATED_BYTES of them are unpacked before they are dealt with and others have their turn.
"""

import zlib

MAX_INFLATED_BYTES = 64 << 10

_LEVEL = 1  # RFC 4978 §4: the least costly one leaves 25 to 40 in 100
_INFLATE_BITS = -15  # whatever window the peer uses
_DEFLATE_BITS, _DEFLATE_MEMORY = -13, 7  # 100 KiB; the defaults take 256 KiB and win little on lines


class BrokenDeflateError(Exception):
    """What came is not what a compressor writes, or it has ended."""


class Compression:
    """Both layers of one connection."""

    __slots__ = ("_deflate", "_inflate", "has_more")

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_INFLATE_BITS)
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _DEFLATE_BITS, _DEFLATE_MEMORY)
        self.has_more = False  # what came is not unpacked yet; call `inflated` again

    def deflated(self, data: bytes) -> bytes:
        """What to send, so that the peer can read all of `data` now."""
        return self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def inflated(self, data: bytes = b"") -> bytes:
        """What the peer said, at most MAX_INFLATED_BYTES; without `data`, more of what came before.

        Raises BrokenDeflateError.
        """
        inflate = self._inflate
        try:
            octets = inflate.decompress(inflate.unconsumed_tail + data, MAX_INFLATED_BYTES)
        except zlib.error as fault:
            raise BrokenDeflateError from fault
        if not octets and inflate.eof:
            raise BrokenDeflateError
        self.has_more = not inflate.eof and len(octets) == MAX_INFLATED_BYTES
        return octets

    @property
    def leftover(self) -> bytes:
        """What came behind the end of the peer's compressed octets (RFC 8437 §4.1)."""
        return self._inflate.unused_data
