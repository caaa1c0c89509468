"""The turn to write: processes on one store wait for each other in the kernel, without busy waiting."""

import fcntl
import os
from pathlib import Path


class Turn:
    """A lock on a file; `take` blocks its thread, so it is called off the event loop."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> None:
        """Wait for the turn."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def give(self) -> None:
        """Let the next process write."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the turn and the file."""
        os.close(self._descriptor)
