"""Spooled chunks come back whole, small or large."""

from pathlib import Path

import pytest

from postier.mta.spool import MEMORY_BYTES, Spool


@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 40])
def test_chunks_come_back(tmp_path: Path, count: int) -> None:
    spool = Spool(tmp_path)
    chunk = b"x" * (MEMORY_BYTES // 16)
    for _ in range(count):
        spool.add(chunk)
    assert spool.size_bytes == len(chunk) * count
    assert spool.content() == chunk * count
    assert spool.size_bytes == 0


def test_a_large_letter_leaves_memory_and_no_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for _ in range(3):
        spool.add(b"y" * MEMORY_BYTES)
    assert list(tmp_path.iterdir()) == []
    spool.discard()
    assert spool.content() == b""


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "gone")
    with pytest.raises(OSError, match="gone"):
        spool.add(b"z" * (MEMORY_BYTES + 1))
