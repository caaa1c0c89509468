"""Row 24: a name from outside is data for SQL and never expanded (CVE-2026-24031, CVE-2017-2669)."""

import asyncio
from ipaddress import ip_network
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from postier.accounts.accounts import list_accounts
from postier.accounts.aliases import add_alias, list_aliases, remove_alias
from postier.accounts.credentials import hash_password, set_password
from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator, LoginProblem, LoginRefused
from postier.accounts.resolution import Local, Unknown, resolve
from postier.mime.address import Address
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore
from postier.store.transaction import Store
from tests.accounts.directory_rows import a, two_domains

SECRET = hash_password("correct horse")
NASTY = [
    "' OR 1=1",
    "' OR '1'='1'@beta.test",
    "'OR'1'='1'--@beta.test",
    "carole@beta.test' --",
    "*)(uid=*",
    "*@beta.test",
    "%@beta.test",
    "_arole@beta.test",
    "%u%n",
    "%u@%d",
    "%{login}@beta.test",
    "?@beta.test",
    "carole@beta.test\x00",
    "$1@beta.test",
]


async def test_it_does_not_log_in(store: Store) -> None:
    _, carole = await store.write(two_domains)
    await store.write(set_password, carole, SECRET)
    authenticator = Authenticator(store, Limiter(store))
    for n, name in enumerate(NASTY):
        answer = await authenticator.authenticate(name, "correct horse", peer=f"192.0.2.{n}")
        assert answer == LoginRefused(LoginProblem.WRONG), name
    assert len(await store.read(list_accounts)) == 2
    authenticator.close()


async def test_it_names_only_itself(store: Store) -> None:
    _, carole = await store.write(two_domains)
    for local in ("'or'1'='1", "%", "_arole", "?", "$1", "%s", "'';--"):
        await names_only_itself(store, carole, Address(local, "beta.test"))


async def names_only_itself(store: Store, carole: int, address: Address) -> None:
    assert await store.read(resolve, address) == Unknown()
    await store.write(add_alias, address, (a("carole@beta.test"),))
    found = await store.read(resolve, address)
    assert isinstance(found, Local)
    assert found.recipients[0].account_id == carole
    assert [alias.address for alias in await store.read(list_aliases)] == [address]
    await store.write(remove_alias, address)
    assert len(await store.read(list_accounts)) == 2


def test_any_name_and_password_get_an_answer(tmp_path: Path) -> None:
    names = st.one_of(st.text(max_size=40), st.text(max_size=20).map(lambda text: text + "@beta.test"))
    with asyncio.Runner() as runner:

        async def start() -> tuple[Store, Authenticator]:
            store = SqliteStore(tmp_path, PackStore(tmp_path / "packs"))
            await store.write(two_domains)
            return store, Authenticator(store, Limiter(store, [ip_network("192.0.2.0/24")]))

        store, authenticator = runner.run(start())

        @settings(max_examples=60, deadline=None)
        @given(names, st.text(max_size=20), st.text(max_size=20))
        def check(name: str, password: str, authorize_as: str) -> None:
            answer = runner.run(
                authenticator.authenticate(name, password, peer="192.0.2.1", authorize_as=authorize_as)
            )
            assert answer == LoginRefused(LoginProblem.WRONG)

        check()
        authenticator.close()
        runner.run(store.close())
