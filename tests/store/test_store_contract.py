"""What both engines promise, on real files and a real PostgreSQL."""

import asyncio
from pathlib import Path

import pytest

from postier.store.blobs import draft
from postier.store.changes import ChangeKind, account_modseq, changes_since, next_modseq, record_change
from postier.store.leases import hand_back_lease, take_lease
from postier.store.transaction import ConflictError, ReadTx, Store, StoreUnavailableError, WriteTx


def make_account(tx: WriteTx, account_id: int = 1, address: str = "a@x.test") -> None:
    tx.run(
        "INSERT INTO account (account_id, address, next_uidvalidity, created_at) VALUES (?, ?, 1, ?)",
        account_id,
        address,
        tx.now_us,
    )


def addresses(tx: ReadTx) -> list[str]:
    return [row[0] for row in tx.rows("SELECT address FROM account ORDER BY account_id")]


async def test_a_write_is_read_back(store: Store) -> None:
    await store.write(make_account)
    assert await store.read(addresses) == ["a@x.test"]
    assert await store.read_bulk(addresses) == ["a@x.test"]


async def test_an_exception_undoes_its_own_write_only(store: Store) -> None:
    def fail(tx: WriteTx) -> None:
        make_account(tx, 2, "b@x.test")
        raise LookupError("no")

    results = await asyncio.gather(
        store.write(make_account),
        store.write(fail),
        store.write(make_account, 3, "c@x.test"),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), LookupError, type(None)]
    assert await store.read(addresses) == ["a@x.test", "c@x.test"]


async def test_a_broken_uniqueness_rule_is_a_conflict(store: Store) -> None:
    await store.write(make_account)
    with pytest.raises(ConflictError):
        await store.write(make_account)


async def test_what_looks_before_it_inserts_is_never_a_conflict(store: Store) -> None:
    def make_next(tx: WriteTx) -> None:
        number = int(tx.value("SELECT coalesce(max(account_id), 0) + 1 FROM account"))
        make_account(tx, number, f"{number:02}@x.test")

    await asyncio.gather(*(store.write(make_next) for _ in range(8)))
    assert await store.read(addresses) == [f"{number:02}@x.test" for number in range(1, 9)]


async def test_wrong_sql_is_an_error_that_leaves_the_store_working(store: Store) -> None:
    with pytest.raises(StoreUnavailableError):
        await store.write(lambda tx: tx.run("UPDATE nothing SET x = 1"))
    await store.write(make_account)


async def test_many_concurrent_writes_take_distinct_modseqs(store: Store) -> None:
    await store.write(make_account)
    modseqs = await asyncio.gather(*(store.write(next_modseq, 1) for _ in range(200)))
    assert sorted(modseqs) == list(range(2, 202))
    assert await store.read(account_modseq, 1) == 201


async def test_the_change_log_is_read_from_any_point(store: Store) -> None:
    await store.write(make_account)

    def change(tx: WriteTx) -> int:
        modseq = next_modseq(tx, 1)
        record_change(tx, 1, modseq, ChangeKind.FLAGS, 5, [(1, 3), (7, 7)])
        return modseq

    first, second = await store.write(change), await store.write(change)
    assert [c.modseq for c in await store.read(changes_since, 1, 0)] == [first, second]
    (later,) = await store.read(changes_since, 1, first)
    assert (later.kind, later.mailbox_id, later.ranges) == (ChangeKind.FLAGS, 5, [(1, 3), (7, 7)])


async def test_watchers_hear_of_commits_only(store: Store) -> None:
    await store.write(make_account)
    heard: list[int] = []
    came = asyncio.Event()

    def hear(modseq: int) -> None:
        heard.append(modseq)
        came.set()

    unwatch = store.watch(1, hear)

    def change(tx: WriteTx, *, fail: bool) -> None:
        tx.touched(1, 7 if fail else 8)
        if fail:
            raise LookupError

    with pytest.raises(LookupError):
        await store.write(change, fail=True)
    await store.write(change, fail=False)
    await asyncio.wait_for(came.wait(), 5)
    assert set(heard) == {8}
    unwatch()
    count = len(heard)
    await store.write(change, fail=False)
    assert len(heard) == count


async def test_topics_wake_their_watchers(store: Store) -> None:
    woken = asyncio.Event()
    store.watch_topic("queue", woken.set)
    await store.write(lambda tx: tx.wake("queue"))
    await asyncio.wait_for(woken.wait(), 5)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 5_000, 1_000_000])
async def test_blobs_come_back_as_they_were(store: Store, size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    one = draft(content)
    await store.write_with_blobs([one, draft(b"other")], make_account)
    assert await store.read_blob(one.blob_id) == content
    assert await store.read_blobs([one.blob_id, draft(b"unknown").blob_id, draft(b"other").blob_id]) == [
        content,
        None,
        b"other",
    ]


async def test_blobs_of_a_failed_write_are_not_named(store: Store) -> None:
    one = draft(b"content")

    def fail(_tx: WriteTx) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await store.write_with_blobs([one], fail)
    with pytest.raises(KeyError):
        await store.read_blob(one.blob_id)


async def test_one_copy_serves_many_writes(store: Store) -> None:
    one = draft(b"the same letter" * 100)
    await asyncio.gather(*(store.write_with_blobs([one], lambda _tx: None) for _ in range(20)))
    assert await store.read(lambda tx: tx.value("SELECT count(*) FROM blob")) == 1
    assert await store.read_blob(one.blob_id) == one.content


async def test_leases_are_held_by_one_owner(store: Store) -> None:
    assert await store.write(take_lease, "sweep", "w1", 60_000_000)
    assert not await store.write(take_lease, "sweep", "w2", 60_000_000)
    assert await store.write(take_lease, "sweep", "w1", 60_000_000)
    await store.write(hand_back_lease, "sweep", "w1")
    assert await store.write(take_lease, "sweep", "w2", -1)
    assert await store.write(take_lease, "sweep", "w1", 60_000_000)


async def test_bulk_writes_join_the_others(store: Store) -> None:
    def many(tx: WriteTx) -> None:
        tx.run_many(
            "INSERT INTO account (account_id, address, next_uidvalidity, created_at) VALUES (?, ?, 1, 0)",
            [(n, f"u{n}@x.test") for n in range(10, 1010)],
        )

    await asyncio.gather(store.write_bulk(many), store.write(make_account))
    assert len(await store.read(addresses)) == 1001


async def test_a_closed_store_refuses(store: Store) -> None:
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await store.write(make_account)


def test_room_is_known(tmp_path: Path) -> None:
    async def check() -> None:
        from postier.store.packs import PackStore
        from postier.store.sqlite import SqliteStore

        store = SqliteStore(tmp_path, PackStore(tmp_path / "packs"))
        assert store.may_hold(1_000)
        assert not store.may_hold(1 << 60)
        await store.close()

    asyncio.run(check())
