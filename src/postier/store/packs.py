"""Blobs in append-only pack files.

A pack is a run of records, each a header (magic, codec, CRC-32 of the stored octets, their number, blob id) and the
stored octets. A process appends to one pack at a time and holds a lock on it; packs are never rewritten in place, so a
reader needs no lock. What a crash leaves behind the last durable record is named by no row and skipped by `scan`.

Not here: rows that name blobs (`blob_rows`). Invariant: `save` returns after fdatasync (a new pack's folder entry is
synced too); after any write error the pack is given up, because the kernel may have dropped what it had not written
and a later fsync would not say so.
"""

import errno
import fcntl
import os
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import zstandard

from postier.store.blobs import BlobDraft, BlobId, BlobLocation
from postier.store.transaction import StoreFullError, StoreUnavailableError

PACK_LIMIT_BYTES = 1 << 30  # a pack that has grown past this gets no more records
MAX_OPEN_PACKS = 64  # read descriptors kept
SPARE_BYTES = 64 << 20  # room that is never promised to mail, so that SQL can still commit

MAX_RUN_BYTES = 1 << 20  # read at once for several blobs
MAX_GAP_BYTES = 4_096  # read for nothing between two of them

_MAGIC = b"PsB1"
_HEADER = struct.Struct("<4sBIQ32s")
_CODEC_RAW = 0
_CODEC_ZSTD = 1
_ZSTD_LEVEL = 1  # higher levels cost more CPU a message than the disk they save is worth
_MIN_COMPRESSED_BYTES = 256
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class PackStore:
    """The packs in one folder. `save` may be called from one thread at a time, `load` from any."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_content_size=True)
        self._threads = threading.local()
        self._current: tuple[int, int] | None = None  # pack number, descriptor
        self._end = 0
        self._open: OrderedDict[int, int] = OrderedDict()
        self._open_lock = threading.Lock()

    def save(self, drafts: Sequence[BlobDraft]) -> list[BlobLocation]:
        """Append all drafts and sync once. Raises StoreFullError, StoreUnavailableError."""
        pieces: list[bytes | memoryview] = []
        locations: list[BlobLocation] = []
        try:
            number, descriptor = self._pack_to_append()
            position = self._end
            for draft, (codec, stored) in zip(drafts, self._encode(drafts), strict=True):
                pieces += (
                    _HEADER.pack(_MAGIC, codec, zlib.crc32(stored), len(stored), draft.blob_id),
                    stored,
                )
                position += _HEADER.size
                locations.append(BlobLocation(number, position, len(stored), codec))
                position += len(stored)
            _write_all(descriptor, pieces)
            os.fdatasync(descriptor)
        except OSError as error:
            self._give_up_pack()
            if error.errno in _FULL:
                raise StoreFullError(f"no space for blobs in {self._folder}: {error.strerror}") from error
            raise StoreUnavailableError(f"blobs can't be written in {self._folder}: {error}") from error
        self._end = position
        return locations

    def load(self, blob_id: BlobId, location: BlobLocation) -> bytes:
        """One pread; the length and the codec's own check sum guard against damage."""
        stored = self._read(location.pack, location.position, location.stored_bytes)
        return self._content(blob_id, location, stored)

    def load_all(
        self, blob_ids: Sequence[BlobId], locations: Sequence[BlobLocation | None]
    ) -> list[bytes | None]:
        """One pread for a run of neighbours, as letters that came one after the other are."""
        contents: list[bytes | None] = []
        for start, stop in _runs(locations):
            first, last = locations[start], locations[stop - 1]
            if first is None or last is None:
                contents.append(None)
                continue
            size = last.position + last.stored_bytes - first.position
            octets = memoryview(self._read(first.pack, first.position, size))
            for blob_id, location in zip(blob_ids[start:stop], locations[start:stop], strict=True):
                assert location is not None  # of a run
                at = location.position - first.position
                contents.append(self._content(blob_id, location, octets[at : at + location.stored_bytes]))
        return contents

    def free_bytes(self) -> int:
        """What the file system gives an unprivileged user, less `SPARE_BYTES`."""
        room = os.statvfs(self._folder)
        return max(0, room.f_bavail * room.f_frsize - SPARE_BYTES)

    def scan(self) -> Iterator[tuple[BlobId, BlobLocation, int]]:
        """Every whole record of every pack, with its blob id, place and CRC-32; damaged stretches are skipped."""
        for path in sorted(self._folder.glob("*.pack")):
            yield from _scan_pack(path)

    def close(self) -> None:
        """Close all descriptors (which releases the lock on the current pack)."""
        self._give_up_pack()
        with self._open_lock:
            for descriptor in self._open.values():
                os.close(descriptor)
            self._open.clear()

    def _encode(self, drafts: Sequence[BlobDraft]) -> list[tuple[int, bytes | memoryview]]:
        """Codec and stored octets of each; all are compressed in one call, which frees the interpreter only once."""
        contents: list[bytes | bytearray | memoryview] = [
            draft.content for draft in drafts if len(draft.content) >= _MIN_COMPRESSED_BYTES
        ]
        packed = iter(self._compressor.multi_compress_to_buffer(contents) if contents else ())
        encoded: list[tuple[int, bytes | memoryview]] = []
        for draft in drafts:
            if len(draft.content) >= _MIN_COMPRESSED_BYTES:
                smaller = memoryview(cast("bytes", next(packed)))  # a segment has the buffer protocol
                if len(smaller) < len(draft.content):
                    encoded.append((_CODEC_ZSTD, smaller))
                    continue
            encoded.append((_CODEC_RAW, draft.content))
        return encoded

    def _read(self, pack: int, position: int, size: int) -> bytes:
        try:
            return os.pread(self._descriptor(pack), size, position)
        except OSError as error:
            raise StoreUnavailableError(f"pack {pack} can't be read: {error}") from error

    def _content(self, blob_id: BlobId, location: BlobLocation, stored: bytes | memoryview) -> bytes:
        if len(stored) != location.stored_bytes:
            raise StoreUnavailableError(f"blob {blob_id.hex()} is cut short in pack {location.pack}")
        if location.codec == _CODEC_RAW:
            return bytes(stored)
        decompressor = getattr(self._threads, "decompressor", None)
        if decompressor is None:
            decompressor = self._threads.decompressor = zstandard.ZstdDecompressor()
        try:
            content: bytes = decompressor.decompress(stored)
        except zstandard.ZstdError as error:
            raise StoreUnavailableError(f"blob {blob_id.hex()} is damaged: {error}") from error
        return content

    def _pack_to_append(self) -> tuple[int, int]:
        if self._current is not None and self._end >= PACK_LIMIT_BYTES:
            self._give_up_pack()
        if self._current is None:
            self._current = self._reuse_pack() or self._new_pack()
            self._end = os.fstat(self._current[1]).st_size
        return self._current

    def _reuse_pack(self) -> tuple[int, int] | None:
        for number in sorted(self._numbers(), reverse=True)[:MAX_OPEN_PACKS]:
            descriptor = os.open(self._path(number), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # another process appends to it
                os.close(descriptor)
                continue
            if os.fstat(descriptor).st_size < PACK_LIMIT_BYTES:
                return number, descriptor
            os.close(descriptor)
        return None

    def _new_pack(self) -> tuple[int, int]:
        number = max(self._numbers(), default=0)
        while True:
            number += 1
            try:
                descriptor = os.open(
                    self._path(number),
                    os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
                    0o600,
                )
            except FileExistsError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # another process found it between our two calls and reuses it
                os.close(descriptor)
                continue
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            return number, descriptor

    def _give_up_pack(self) -> None:
        if self._current is not None:
            os.close(self._current[1])
            self._current = None

    def _descriptor(self, number: int) -> int:
        with self._open_lock:
            descriptor = self._open.get(number)
            if descriptor is None:
                descriptor = self._open[number] = os.open(self._path(number), os.O_RDONLY | os.O_CLOEXEC)
                if len(self._open) > MAX_OPEN_PACKS:
                    os.close(self._open.popitem(last=False)[1])
            else:
                self._open.move_to_end(number)
            return descriptor

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self._folder.glob("*.pack") if path.stem.isdigit()]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08d}.pack"


def _write_all(descriptor: int, pieces: list[bytes | memoryview]) -> None:
    limit = os.sysconf("SC_IOV_MAX")
    while pieces:
        some, pieces = pieces[:limit], pieces[limit:]
        left = sum(map(len, some)) - os.writev(descriptor, some)
        if left:  # a short write: finish it plainly (the error, if there is one, comes now)
            rest = memoryview(b"".join(some))[-left:]
            while rest:
                rest = rest[os.write(descriptor, rest) :]


def _runs(locations: Sequence[BlobLocation | None]) -> Iterator[tuple[int, int]]:
    """Places of blobs that lie in one pack in this order, with little between them; what has no location is by itself."""
    start = 0
    for place in range(1, len(locations)):
        first, before, this = locations[start], locations[place - 1], locations[place]
        if (
            first is None
            or before is None
            or this is None
            or this.pack != first.pack
            or not 0 <= this.position - before.position - before.stored_bytes <= MAX_GAP_BYTES
            or this.position + this.stored_bytes - first.position > MAX_RUN_BYTES
        ):
            yield start, place
            start = place
    if locations:
        yield start, len(locations)


def _scan_pack(path: Path) -> Iterator[tuple[BlobId, BlobLocation, int]]:
    number, size = int(path.stem), path.stat().st_size
    with path.open("rb") as pack:
        position = 0
        while position + _HEADER.size <= size:
            pack.seek(position)
            magic, codec, crc, length, blob_id = _HEADER.unpack(pack.read(_HEADER.size))
            if magic == _MAGIC and position + _HEADER.size + length <= size:
                start = position + _HEADER.size
                if zlib.crc32(pack.read(length)) == crc:
                    yield BlobId(blob_id), BlobLocation(number, start, length, codec), crc
                    position = start + length
                    continue
            position = _next_magic(pack.fileno(), position + 1, size)


def _next_magic(descriptor: int, position: int, size: int) -> int:
    window = 1 << 20
    while position < size:
        found = os.pread(descriptor, window + len(_MAGIC) - 1, position).find(_MAGIC)
        if found >= 0:
            return position + found
        position += window
    return size
