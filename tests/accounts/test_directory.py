import asyncio
import datetime as dt
from typing import Any

from msgspec import structs

from postier.accounts import directory as module
from postier.accounts.accounts import remove_account, set_quota
from postier.accounts.directory import REMEMBERED_S, USAGE_REMEMBERED_S, Directory
from postier.accounts.dkim_keys import KeyState, add_key, make_keys
from postier.accounts.domains import add_domain
from postier.accounts.resolution import Local, Unknown
from postier.store.transaction import Store
from tests.accounts.clock import Clock
from tests.accounts.directory_rows import a, account, alias, two_domains


class Counted:
    """A store that counts its reads."""

    def __init__(self, store: Store) -> None:
        self.store, self.reads = store, 0

    async def read(self, *args: Any) -> Any:
        self.reads += 1
        return await self.store.read(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


async def test_answers_are_remembered_for_a_while(sqlite_store: Store) -> None:
    _, carole = await sqlite_store.write(two_domains)
    clock, counted = Clock(), Counted(sqlite_store)
    directory = Directory(counted, now=clock)
    for _ in range(3):
        assert isinstance(await directory.resolve(a("carole@beta.test")), Local)
        assert await directory.is_ours("beta.test")
        assert not await directory.is_ours("else.test")
        assert await directory.signing_keys("beta.test") == []
        assert await directory.has_room(carole, 1 << 40)
    assert counted.reads == 5
    clock.now += REMEMBERED_S
    await directory.resolve(a("carole@beta.test"))
    assert counted.reads == 6


async def test_changes_are_seen_at_once(store: Store) -> None:
    _, carole = await store.write(two_domains)
    directory = Directory(store)
    assert await directory.resolve(a("bob@beta.test")) == Unknown()
    await store.write(account, "bob@beta.test")
    assert isinstance(await directory.resolve(a("bob@beta.test")), Local)
    assert await directory.has_room(carole, 10)
    await store.write(set_quota, carole, 9)
    assert not await directory.has_room(carole, 10)
    await store.write_bulk(remove_account, carole)
    assert await directory.resolve(a("carole@beta.test")) == Unknown()
    assert not await directory.has_room(carole, 1)
    assert not await directory.is_ours("new.test")
    await store.write(add_domain, "new.test")
    assert await directory.is_ours("new.test")
    directory.close()


async def test_a_change_while_an_answer_is_read_is_not_lost(store: Store) -> None:
    await store.write(two_domains)
    directory = Directory(store)

    class Slow(Counted):
        async def read(self, *args: Any) -> Any:
            answer = await super().read(*args)
            await store.write(account, "bob@beta.test")  # a change after the snapshot, before the answer
            return answer

    slow = Directory(Slow(store))
    assert await slow.resolve(a("bob@beta.test")) == Unknown()
    directory_answer = await directory.resolve(a("bob@beta.test"))
    assert isinstance(directory_answer, Local)
    assert a("bob@beta.test") not in slow._resolutions._values


async def test_use_of_room_lags_a_second_only(sqlite_store: Store) -> None:
    _, carole = await sqlite_store.write(two_domains)
    await sqlite_store.write(set_quota, carole, 100)
    clock = Clock()
    directory = Directory(sqlite_store, now=clock)
    assert await directory.has_room(carole, 100)
    await sqlite_store.write(
        lambda tx: tx.run("UPDATE account SET used_bytes = 1 WHERE account_id = ?", carole)
    )
    assert await directory.has_room(carole, 100)
    clock.now += USAGE_REMEMBERED_S
    assert not await directory.has_room(carole, 100)
    assert await directory.has_room(carole, 99)


async def test_memory_is_bounded(sqlite_store: Store, monkeypatch: Any) -> None:
    await sqlite_store.write(two_domains)
    monkeypatch.setattr(module, "MAX_REMEMBERED", 10)
    directory = Directory(sqlite_store)
    for n in range(25):
        await directory.resolve(a(f"u{n}@beta.test"))
        assert len(directory._resolutions._values) <= 10


async def test_only_active_keys_sign(store: Store) -> None:
    await store.write(two_domains)
    (active, other) = make_keys("beta.test", dt.date(2026, 11, 24))
    await store.write(add_key, active)
    await store.write(add_key, structs.replace(other, state=KeyState.RETIRED))
    (key,) = await Directory(store).signing_keys("beta.test")
    assert (key.domain, key.selector, key.algorithm) == ("beta.test", "202611r", "rsa-sha256")


async def test_who_may_send_as_whom(store: Store) -> None:
    alice, carole = await store.write(two_domains)
    await store.write(alias, "sales@beta.test", "carole@beta.test", "x@else.test")
    await store.write(alias, "shop@alpha.test", "sales@beta.test")
    await store.write(alias, "*@alpha.test", "alice@alpha.test")
    directory = Directory(store)
    allowed = {
        (who, text)
        for who in (alice, carole)
        for text in (
            "carole@beta.test",
            "Carole+x@beta.test",
            "sales@beta.test",
            "shop@alpha.test",
            "any@alpha.test",
            "ghost@beta.test",
            "carole@else.test",
        )
        if await directory.may_send_as(who, a(text))
    }
    assert allowed == {
        (carole, "carole@beta.test"),
        (carole, "Carole+x@beta.test"),
        (carole, "sales@beta.test"),
        (carole, "shop@alpha.test"),
        (alice, "any@alpha.test"),
    }


async def test_many_ask_at_once(store: Store) -> None:
    await store.write(two_domains)
    directory = Directory(store)
    answers = await asyncio.gather(*(directory.resolve(a("carole@beta.test")) for _ in range(50)))
    assert len(set(answers)) == 1
