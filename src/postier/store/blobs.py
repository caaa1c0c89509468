"""Blobs: immutable contents named by their hash.

Not here: where they lie (`packs`) and which rows name them (`schema`). Invariant: a blob's id is the SHA-256 of its
content, so one copy serves every recipient, and damage is always found.
"""

import hashlib
from collections.abc import Sequence
from typing import NewType, Protocol

import msgspec

BlobId = NewType("BlobId", bytes)


class BlobDraft(msgspec.Struct, frozen=True):
    """A content that is about to be stored; `content` is bytes or anything with the buffer protocol."""

    blob_id: BlobId
    content: bytes | memoryview


def draft(content: bytes | memoryview) -> BlobDraft:
    """Name a content by its hash."""
    return BlobDraft(BlobId(hashlib.sha256(content).digest()), content)


class BlobLocation(msgspec.Struct, frozen=True):
    """Where a stored blob lies: `pack` number, `position` of its first octet there, octets stored, codec."""

    pack: int
    position: int
    stored_bytes: int
    codec: int


class BlobStore(Protocol):
    """A place for blobs; synchronous, called off the event loop."""

    def save(self, drafts: Sequence[BlobDraft]) -> list[BlobLocation]:
        """Make contents durable and return where they lie, in order.

        Raises StoreFullError or StoreUnavailableError; then none of them counts as stored.
        """
        ...

    def load(self, blob_id: BlobId, location: BlobLocation) -> bytes:
        """The content; raises StoreUnavailableError if it can't be read or is damaged."""
        ...

    def load_all(
        self, blob_ids: Sequence[BlobId], locations: Sequence[BlobLocation | None]
    ) -> list[bytes | None]:
        """The contents in order, None where there is no location; raises as `load` if any can't be read."""
        ...

    def free_bytes(self) -> int:
        """Octets that may still be stored."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
