"""SQLite on a disk that fails at any one of its writes or syncs: the caller is told, and the store goes on without help.

What was acknowledged is there. What was refused may be there too (a sync that fails says nothing of what was written):
the peer comes again, so a duplicate is possible, a loss never (DESIGN §3.1).
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from postier.store.blobs import draft
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore
from postier.store.transaction import ReadTx, StoreError, StoreFullError, WriteTx

WRITES = 4
ANSWER_S = 10.0


class Disk(apsw.VFS):
    """SQLite's own way to files, with a failure after so many writes and syncs."""

    def __init__(self) -> None:
        self.left: int | None = None  # None: nothing fails
        self.error: type[apsw.Error] = apsw.IOError
        self.lasts = False
        super().__init__("failing", "unix", makedefault=True)

    def xOpen(self, name: object, flags: list[int]) -> "File":  # noqa: N802 (apsw's name)
        return File(self, name, flags)

    def touch(self) -> None:
        """A write or a sync: does it fail?"""
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            if not self.lasts:
                self.left = None
            raise self.error("the disk fails")


class File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: object, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 (apsw's name)
        self._disk.touch()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 (apsw's name)
        self._disk.touch()
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[Disk]:
    made = Disk()
    yield made
    made.unregister()


def note(tx: WriteTx, number: int) -> int:
    tx.run(
        "INSERT INTO lease (name, owner, lease_until) VALUES (?, ?, ?)",
        f"n{number}",
        "x" * 5_000,
        number,
    )
    return number


def noted(tx: ReadTx) -> set[int]:
    return {number for (number,) in tx.rows("SELECT lease_until FROM lease")}


async def write_all(store: SqliteStore, start: int) -> tuple[set[int], list[BaseException]]:
    """Several writes side by side, in two batches; which of them are acknowledged, and what the others were told."""
    done: set[int] = set()
    errors: list[BaseException] = []
    for first in (start, start + WRITES):
        writes = [
            store.write_with_blobs([draft(b"%d" % number)], note, number)
            if number % 2
            else store.write(note, number)
            for number in range(first, first + WRITES)
        ]
        async with asyncio.timeout(ANSWER_S):
            for answer in await asyncio.gather(*writes, return_exceptions=True):
                if isinstance(answer, BaseException):
                    errors.append(answer)
                else:
                    done.add(answer)
    return done, errors


@pytest.mark.parametrize(("error", "lasts"), [(apsw.IOError, False), (apsw.FullError, True)])
async def test_a_failure_at_any_write_is_told_and_survived(
    tmp_path: Path, disk: Disk, error: type[apsw.Error], *, lasts: bool
) -> None:
    store = SqliteStore(tmp_path, PackStore(tmp_path / "packs"))
    acknowledged: set[int] = set()
    number = 0
    disk.error, disk.lasts = error, lasts
    for point in range(1_000):
        disk.left = point
        done, errors = await write_all(store, number)
        was_reached = disk.left is None or disk.left < 0
        disk.left = None
        assert all(isinstance(each, StoreError) for each in errors), errors
        if error is apsw.FullError:
            assert all(isinstance(each, StoreFullError) for each in errors), errors
        number += 2 * WRITES
        after, errors = await write_all(store, number)
        assert errors == []
        number += 2 * WRITES
        acknowledged |= done | after
        assert acknowledged <= await store.read(noted)
        if not was_reached:
            break
    else:
        pytest.fail("there is no end of writes")
    assert point > 1
    stored = await store.read(noted)
    await store.close()
    again = SqliteStore(tmp_path, PackStore(tmp_path / "packs"))
    assert await again.read(noted) == stored
    await again.close()
