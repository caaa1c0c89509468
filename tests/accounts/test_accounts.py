import asyncio
import re

import pytest

from postier.accounts.accounts import (
    ACCOUNT_TABLES,
    account_info,
    add_account,
    has_room,
    list_accounts,
    remove_account,
    set_admin,
    set_quota,
)
from postier.accounts.aliases import list_aliases
from postier.accounts.credentials import has_password, stored_password
from postier.accounts.refusals import ExistsError, InvalidError, NotFoundError
from postier.store.schema import MIGRATIONS
from postier.store.transaction import Store, WriteTx
from tests.accounts.directory_rows import a, account, alias, two_domains


async def test_an_account_is_made_whole_or_not_at_all(store: Store) -> None:
    await store.write(two_domains)

    def fail(tx: WriteTx, account_id: int) -> None:
        assert tx.value("SELECT address FROM account WHERE account_id = ?", account_id) == "bob@beta.test"
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(add_account, a("bob@beta.test"), "hash", fail)
    with pytest.raises(NotFoundError):
        await store.read(account_info, a("bob@beta.test"))


async def test_an_account_is_found_by_any_writing_of_its_address(store: Store) -> None:
    await store.write(two_domains)
    made = await store.write(account, "Élise+VIP@Beta.Test", "hash", is_admin=True, quota_bytes=5)
    info = await store.read(account_info, a("É".lower() + "lise+vip@beta.test"))
    assert (info.account_id, info.is_admin, info.quota_bytes, info.used_bytes) == (made, True, 5, 0)
    assert await store.read(has_password, made)
    stored = await store.read(stored_password, "élise+vip@beta.test")
    assert stored is not None
    assert stored.secret == "hash"
    assert [str(one.address) for one in await store.read(list_accounts, "beta.test")] == [
        "carole@beta.test",
        "élise+vip@beta.test",
    ]


async def test_names_are_unique_over_accounts_and_aliases(store: Store) -> None:
    await store.write(two_domains)
    await store.write(alias, "sales@beta.test", "carole@beta.test")
    for taken in ("CAROLE@beta.test", "Sales@beta.test"):
        with pytest.raises(ExistsError):
            await store.write(account, taken)
    with pytest.raises(ExistsError):
        await store.write(alias, "Carole@beta.test", "alice@alpha.test")


async def test_a_name_raced_for_is_given_once(store: Store) -> None:
    await store.write(two_domains)
    results = await asyncio.gather(
        *(store.write(account, "bob@beta.test") for _ in range(4)),
        *(store.write(alias, "bob@beta.test", "carole@beta.test") for _ in range(4)),
        return_exceptions=True,
    )
    made = [result for result in results if not isinstance(result, BaseException)]
    refused = [result for result in results if isinstance(result, ExistsError)]
    is_alias = bool(await store.read(list_aliases))
    assert len(made) + len(refused) == len(results)
    assert len(made) == (4 if is_alias else 1)  # an alias may be given the same target again


async def test_many_made_at_once_have_ids_of_their_own(store: Store) -> None:
    await store.write(two_domains)
    made = await asyncio.gather(*(store.write(account, f"u{n}@beta.test") for n in range(20)))
    assert len(set(made)) == 20


async def test_ids_never_come_back(store: Store) -> None:
    await store.write(two_domains)
    first = await store.write(account, "bob@beta.test")
    await store.write_bulk(remove_account, first)
    assert await store.write(account, "bob@beta.test") > first


async def test_ids_stay_above_rows_that_came_another_way(store: Store) -> None:
    await store.write(two_domains)
    await store.write(
        lambda tx: tx.run(
            "INSERT INTO account (account_id, address, next_uidvalidity, created_at) VALUES (70, 'r@beta.test', 1, 0)"
        )
    )
    assert await store.write(account, "bob@beta.test") == 71


@pytest.mark.parametrize("address", ["*@beta.test", '"a b"@beta.test', "☃@beta.test"])
async def test_what_is_no_name_is_refused(sqlite_store: Store, address: str) -> None:
    await sqlite_store.write(two_domains)
    with pytest.raises(InvalidError):
        await sqlite_store.write(account, address)


async def test_an_account_needs_its_domain(sqlite_store: Store) -> None:
    with pytest.raises(NotFoundError, match=r"postier domain add nowhere\.test"):
        await sqlite_store.write(account, "a@nowhere.test")


def test_every_table_of_an_account_is_known() -> None:
    tables = set()
    for migration in MIGRATIONS:
        for name, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\)", migration, re.DOTALL):
            if re.search(r"^\s*account_id @int (NOT NULL|PRIMARY)", body, re.MULTILINE):
                tables.add(name)
    assert tables == set(ACCOUNT_TABLES)


async def test_removing_an_account_removes_all_of_it(store: Store) -> None:
    _, carole = await store.write(two_domains)
    await store.write(alias, "sales@beta.test", "carole@beta.test", "alice@alpha.test")
    await store.write(alias, "info@beta.test", "carole@beta.test")
    heard: list[int] = []
    store.watch(carole, heard.append)
    await store.write(lambda tx: tx.run("INSERT INTO subscription VALUES (?, 'INBOX')", carole))
    await store.write_bulk(remove_account, carole)
    assert heard
    for table in ACCOUNT_TABLES:
        assert not await store.read(
            lambda tx, t=table: tx.value(f"SELECT 1 FROM {t} WHERE account_id = ?", carole)
        )
    assert [(str(one.address), len(one.targets)) for one in await store.read(list_aliases)] == [
        ("sales@beta.test", 1)
    ]
    with pytest.raises(NotFoundError):
        await store.write_bulk(remove_account, carole)


async def test_quota_and_administration_are_set(store: Store) -> None:
    _, carole = await store.write(two_domains)
    await store.write(set_quota, carole, 1_000)
    await store.write(set_admin, carole, is_admin=True)
    await store.write(lambda tx: tx.run("UPDATE account SET used_bytes = 400 WHERE account_id = ?", carole))
    info = await store.read(account_info, a("carole@beta.test"))
    assert (info.quota_bytes, info.is_admin, info.used_bytes) == (1_000, True, 400)
    assert await store.read(has_room, carole, 600)
    assert not await store.read(has_room, carole, 601)
    await store.write(set_quota, carole, None)
    assert await store.read(has_room, carole, 1 << 50)
    assert not await store.read(has_room, 999, 1)
    with pytest.raises(InvalidError):
        await store.write(set_quota, carole, -1)
    for gone in (store.write(set_quota, 999, 1), store.write(set_admin, 999, is_admin=True)):
        with pytest.raises(NotFoundError):
            await gone


async def test_a_new_account_starts_its_uidvalidity_from_the_time(sqlite_store: Store) -> None:
    _, carole = await sqlite_store.write(two_domains)
    row = await sqlite_store.read(
        lambda tx: tx.row("SELECT next_uidvalidity, created_at FROM account WHERE account_id = ?", carole)
    )
    assert row is not None
    assert row[0] == row[1] // 1_000_000
    assert 0 < row[0] < 1 << 32
