"""A blob store that keeps everything, until it is told what to fail with; a verified fake (the store's own contract)."""

from collections.abc import Sequence

from postier.store.blobs import BlobDraft, BlobId, BlobLocation, BlobStore
from postier.store.transaction import StoreError


class FailingBlobs:
    """A `BlobStore` over another one; `failure` is raised by every save and load while it is set."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.failure: StoreError | None = None
        self.room_bytes: int | None = None  # None: what the other one has

    def save(self, drafts: Sequence[BlobDraft]) -> list[BlobLocation]:
        """See `BlobStore`."""
        self._check()
        return self._blobs.save(drafts)

    def load(self, blob_id: BlobId, location: BlobLocation) -> bytes:
        """See `BlobStore`."""
        self._check()
        return self._blobs.load(blob_id, location)

    def load_all(
        self, blob_ids: Sequence[BlobId], locations: Sequence[BlobLocation | None]
    ) -> list[bytes | None]:
        """See `BlobStore`."""
        self._check()
        return self._blobs.load_all(blob_ids, locations)

    def free_bytes(self) -> int:
        """See `BlobStore`."""
        return self._blobs.free_bytes() if self.room_bytes is None else self.room_bytes

    def close(self) -> None:
        """See `BlobStore`."""
        self._blobs.close()

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure
