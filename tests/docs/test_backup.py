"""The backup that docs/operations.md describes: database first, packs second, while mail keeps coming."""

import shutil
from pathlib import Path

import apsw

from postier.store.blobs import draft
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore
from postier.store.transaction import ReadTx, WriteTx


def note(tx: WriteTx, name: str) -> None:
    tx.run("INSERT INTO domain (domain, created_at) VALUES (?, ?)", name, tx.now_us)


def names(tx: ReadTx) -> list[str]:
    return [row[0] for row in tx.rows("SELECT domain FROM domain ORDER BY domain")]


async def test_a_copy_made_while_the_server_runs_has_every_body_that_it_names(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "backup"
    data.mkdir()
    copy.mkdir()
    store = SqliteStore(data, PackStore(data / "packs"))
    before, between, after = (draft(word * 500) for word in (b"before ", b"between ", b"after "))
    await store.write_with_blobs([before], note, "before.test")

    source, target = (
        apsw.Connection(str(data / "postier.sqlite")),
        apsw.Connection(str(copy / "postier.sqlite")),
    )
    with target.backup("main", source, "main") as backup:
        backup.step()
    source.close()
    target.close()
    await store.write_with_blobs([between], note, "between.test")
    shutil.copytree(data / "packs", copy / "packs")
    await store.write_with_blobs([after], note, "after.test")
    await store.close()

    restored = SqliteStore(copy, PackStore(copy / "packs"))
    assert await restored.read(names) == ["before.test"]
    assert await restored.read_blob(before.blob_id) == before.content
    await restored.write_with_blobs([after], note, "after.test")
    assert await restored.read_blob(after.blob_id) == after.content
    await restored.close()
