"""The data folder of a node: made with private rights, and locked so that only one server uses it.

Not here: what lies inside (store). Invariant: the lock is a flock(2) on `data/lock`; it is shared by the supervisor and its
workers and falls only when the last of them has ended, so a second server can never meet a worker of the first.
Administration commands do not take it: they work beside a running server.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Self

from postier.app.start_error import StartError

FOLDER_MODE = 0o700
LOCK_NAME = "lock"
ORPHANS_PATIENCE_S = 5.0
ORPHANS_POLL_S = 0.02


class DataFolder:
    """An open, locked data folder; `close` gives the lock back."""

    def __init__(self, path: Path, descriptor: int, *, was_made: bool) -> None:
        self.path = path
        self.was_made = was_made
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        """Make the folder if needed and take its lock; raises StartError."""
        was_made = make_folder(path)
        lock = path / LOCK_NAME
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StartError(
                f"data folder {path} is not writable ({error.strerror}); give this user the right to write there"
            ) from None
        try:
            _lock(descriptor)
        except BlockingIOError:
            holder = _holder(descriptor) or "unknown"
            os.close(descriptor)
            raise StartError(
                f"data folder {path} is in use by another server, process {holder}; stop it first, or set another data"
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise StartError(f"data folder {path} cannot be locked ({error.strerror})") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(path, descriptor, was_made=was_made)

    def give(self, uid: int, gid: int) -> None:
        """Let another user own the folder and the lock; only the superuser may."""
        os.chown(self.path, uid, gid)
        os.fchown(self._descriptor, uid, gid)

    def close(self) -> None:
        """Give the lock back (the file stays: removing it would race with the next server)."""
        os.close(self._descriptor)


def _lock(descriptor: int) -> None:
    """Take the lock; raises BlockingIOError. If its holder was killed, its workers are just ending: wait for them."""
    patience = time.monotonic() + ORPHANS_PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _is_alive(_holder(descriptor)) or time.monotonic() > patience:
                raise
            time.sleep(ORPHANS_POLL_S)
        else:
            return


def _holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, 20, 0).strip()
    return int(text) if text.isdigit() else None


def _is_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def make_folder(path: Path) -> bool:
    """Make the folder, readable by its owner only; true if it was not there. Raises StartError."""
    try:
        path.mkdir(FOLDER_MODE, parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise StartError(
                f"data folder {path} is not a folder; move that file away or set another data"
            ) from None
        return False
    except OSError as error:
        raise StartError(
            f"data folder {path} cannot be made ({error.strerror}); make it, or set another data"
        ) from None
    return True
