"""A letter's content while it comes in: in memory while it is small, in an unnamed file when it is not.

Not here: durability (the store syncs the content before it is acknowledged). Invariant: a connection never holds more
than `MEMORY_BYTES` of a letter that is still coming in.
"""

import tempfile
from pathlib import Path
from typing import IO

MEMORY_BYTES = 1 << 20


class Spool:
    """Collects chunks; `content` gives all of them, once."""

    __slots__ = ("_chunks", "_file", "_folder", "size_bytes")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self.size_bytes = 0

    def add(self, chunk: bytes) -> None:
        """Take a chunk. Raises OSError when the disk does not."""
        self.size_bytes += len(chunk)
        if self._file is not None:
            self._file.write(chunk)
            return
        self._chunks.append(chunk)
        if self.size_bytes > MEMORY_BYTES:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (closed by content or discard)
            self._file.writelines(self._chunks)
            self._chunks.clear()

    def content(self) -> bytes:
        """The whole content; the spool is empty afterwards. Raises OSError."""
        if self._file is None:
            content = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        else:
            self._file.seek(0)
            content = self._file.read()
        self.discard()
        return content

    def discard(self) -> None:
        """Throw away what came."""
        self._chunks.clear()
        self.size_bytes = 0
        if self._file is not None:
            self._file.close()
            self._file = None
