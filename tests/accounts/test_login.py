import asyncio
from collections.abc import AsyncIterator
from typing import Any

import argon2
import pytest
import pytest_asyncio

from postier.accounts import login as module
from postier.accounts.accounts import remove_account
from postier.accounts.credentials import hash_password, is_outdated, set_password, stored_password
from postier.accounts.limiter import FIRST_BLOCK_S, FREE_BY_ACCOUNT, FREE_BY_ADDRESS, Limiter
from postier.accounts.login import (
    RECHECKED_S,
    REMEMBERED_S,
    WRONG_REMEMBERED_S,
    Authenticator,
    Login,
    LoginProblem,
    LoginRefused,
)
from postier.store.transaction import Store
from tests.accounts.clock import Clock
from tests.accounts.directory_rows import a, account, alias, two_domains

SECRET = hash_password("correct horse")
NEW_SECRET = hash_password("battery staple")
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"
WRONG = LoginRefused(LoginProblem.WRONG)


class Desk:
    """An authenticator with its clock, and a count of the hashes that it computes."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.clock = Clock()
        self.limiter = Limiter(store, now=self.clock)
        self.authenticator = Authenticator(store, self.limiter, threads=2, now=self.clock)
        self.hashes = 0
        self.hashing = asyncio.Event()
        loop = asyncio.get_running_loop()
        is_password = module.is_password

        def counted(secret: str, password: str) -> bool:
            self.hashes += 1
            loop.call_soon_threadsafe(self.hashing.set)
            return is_password(secret, password)

        monkeypatch.setattr(module, "is_password", counted)

    async def __call__(
        self, login: str, password: str, peer: str = HERE, **more: str
    ) -> Login | LoginRefused:
        return await self.authenticator.authenticate(login, password, peer=peer, **more)


@pytest_asyncio.fixture
async def desk(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """On one engine: the rows of `credentials` and `limiter` and the security rows are tested on both."""
    _, carole = await sqlite_store.write(two_domains)
    await sqlite_store.write(set_password, carole, SECRET)
    desk = Desk(sqlite_store, monkeypatch)
    yield desk
    desk.authenticator.close()


async def carole_id(desk: Desk) -> int:
    stored = await desk.store.read(stored_password, "carole@beta.test")
    assert stored is not None
    return stored.account_id


async def test_the_owner_logs_in_by_any_writing_of_the_name(desk: Desk) -> None:
    expected = Login(await carole_id(desk), a("carole@beta.test"))
    assert await desk("carole@beta.test", "correct horse") == expected
    assert await desk("CAROLE@Beta.Test", "correct horse") == expected
    assert desk.hashes == 1


async def test_who_does_not_log_in(desk: Desk) -> None:
    await desk.store.write(alias, "sales@beta.test", "carole@beta.test")
    for name, password in (
        ("carole@beta.test", "wrong"),
        ("carole@beta.test", "Correct Horse"),
        ("carole@beta.test", ""),
        ("carole@beta.test", "correct horse\x00"),
        ("alice@alpha.test", "correct horse"),  # has no password at all
        ("sales@beta.test", "correct horse"),
        ("carole+x@beta.test", "correct horse"),
        ("carole", "correct horse"),
        ("", ""),
    ):
        assert await desk(name, password, f"203.0.113.{len(name)}") == WRONG, name


async def test_unknown_names_cost_the_same_work(desk: Desk) -> None:
    await desk("ghost@beta.test", "x")
    await desk("ghost@nowhere.test", "x")
    assert desk.hashes == 2


async def test_what_was_right_is_remembered_by_name_mechanism_and_password(desk: Desk) -> None:
    for _ in range(3):
        assert isinstance(await desk("carole@beta.test", "correct horse"), Login)
    assert desk.hashes == 1
    await desk("carole@beta.test", "correct horse", mechanism="LOGIN")
    assert desk.hashes == 2
    desk.clock.now += REMEMBERED_S
    await desk("carole@beta.test", "correct horse")
    assert desk.hashes == 3


async def test_a_new_password_counts_at_once(desk: Desk) -> None:
    carole = await carole_id(desk)
    assert isinstance(await desk("carole@beta.test", "correct horse"), Login)
    assert await desk("carole@beta.test", "battery staple") == WRONG
    desk.clock.now += 0.1
    await desk.store.write(set_password, carole, NEW_SECRET)
    desk.clock.now += 0.1
    assert await desk("carole@beta.test", "correct horse") == WRONG
    assert isinstance(await desk("carole@beta.test", "battery staple"), Login)
    await desk.store.write_bulk(remove_account, carole)
    desk.clock.now += 0.1
    assert await desk("carole@beta.test", "battery staple") == WRONG


async def test_a_lost_wake_up_costs_seconds_only(desk: Desk) -> None:
    carole = await carole_id(desk)
    await desk("carole@beta.test", "correct horse")
    desk.authenticator._unwatch()
    desk.clock.now += 0.1
    await desk.store.write(set_password, carole, NEW_SECRET)
    desk.clock.now += RECHECKED_S
    assert await desk("carole@beta.test", "correct horse") == WRONG


async def test_other_accounts_changes_cost_one_read_not_a_hash(desk: Desk) -> None:
    await desk("carole@beta.test", "correct horse")
    other = await desk.store.write(account, "bob@beta.test", NEW_SECRET)
    desk.clock.now += 0.1
    await desk.store.write(set_password, other, SECRET)
    desk.clock.now += 0.1
    assert isinstance(await desk("carole@beta.test", "correct horse"), Login)
    assert desk.hashes == 1


async def test_old_parameters_are_brought_to_todays(desk: Desk) -> None:
    carole = await carole_id(desk)
    old = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("correct horse")
    await desk.store.write(set_password, carole, old)
    assert isinstance(await desk("carole@beta.test", "correct horse"), Login)
    stored = await desk.store.read(stored_password, "carole@beta.test")
    assert stored is not None
    assert not is_outdated(stored.secret)
    desk.clock.now += RECHECKED_S
    assert isinstance(await desk("carole@beta.test", "correct horse"), Login)
    assert desk.hashes == 1


async def failures(store: Store) -> int:
    return int(await store.read(lambda tx: tx.value("SELECT coalesce(max(failures), 0) FROM login_failure")))


async def test_guesses_are_counted_and_then_refused_unseen(desk: Desk) -> None:
    for n in range(FREE_BY_ACCOUNT + 1):
        assert await desk("carole@beta.test", f"guess {n}") == WRONG
    done = desk.hashes
    refused = await desk("carole@beta.test", "correct horse")
    assert refused == LoginRefused(LoginProblem.LIMITED, FIRST_BLOCK_S)
    assert desk.hashes == done
    assert isinstance(await desk("carole@beta.test", "correct horse", ELSEWHERE), Login)
    desk.clock.now += FIRST_BLOCK_S
    assert isinstance(await desk("carole@beta.test", "correct horse"), Login)


async def test_logins_do_not_count_against_a_network(desk: Desk) -> None:
    for _ in range(FREE_BY_ADDRESS + 5):
        assert isinstance(await desk("carole@beta.test", "correct horse"), Login)
    assert await failures(desk.store) == 0


async def test_the_same_wrong_password_counts_once_for_a_network(desk: Desk) -> None:
    for _ in range(FREE_BY_ADDRESS + 5):
        assert await desk("carole@beta.test", "old password") == WRONG
        assert await desk("ghost@beta.test", "old password") == WRONG
    assert desk.hashes == 2
    assert await failures(desk.store) == 2  # of the address: one for each name
    await desk("carole@beta.test", "old password", ELSEWHERE)
    assert await desk.store.read(
        lambda tx: tx.value("SELECT failures FROM login_failure WHERE subject = ?", f"ip {ELSEWHERE}")
    )
    desk.clock.now += WRONG_REMEMBERED_S
    await desk("carole@beta.test", "old password")
    assert desk.hashes == 3


async def test_what_nobody_can_have_is_no_guess(desk: Desk) -> None:
    for name, password in (
        ("carole", "correct horse"),
        ("carole@beta.test", ""),
        ("carole@beta.test", "a\x00"),
    ):
        for _ in range(FREE_BY_ADDRESS + 1):
            assert await desk(name, password) == WRONG
    assert desk.hashes == 0
    assert await failures(desk.store) == 0


async def test_many_connections_of_one_client_share_a_hash(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk("carole@beta.test", "correct horse") for _ in range(20)))
    assert {type(answer) for answer in answers} == {Login}
    assert desk.hashes == 1
    answers = await asyncio.gather(*(desk("carole@beta.test", "wrong") for _ in range(20)))
    assert set(answers) == {WRONG}
    assert await failures(desk.store) == 1


async def test_guesses_side_by_side_are_not_told_more_than_the_free_number(desk: Desk) -> None:
    guesses = [desk("carole@beta.test", f"guess {n}") for n in range(30)]
    answers = await asyncio.gather(*guesses, desk("carole@beta.test", "correct horse"))
    assert (
        answers.count(WRONG) <= FREE_BY_ACCOUNT + 1 + 2
    )  # those that two threads computed at the same moment
    assert isinstance(answers[-1], LoginRefused)
    assert answers[-1].problem is LoginProblem.LIMITED


async def test_what_finds_no_place_is_told_to_come_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.authenticator._pool, "_free", 2)
    answers = await asyncio.gather(*(desk(f"u{n}@beta.test", "guess") for n in range(8)))
    assert answers.count(LoginRefused(LoginProblem.BUSY)) >= 4
    assert LoginProblem.BUSY.is_temporary
    assert not LoginProblem.WRONG.is_temporary


async def test_one_network_can_not_keep_the_others_out(desk: Desk) -> None:
    done: list[str] = []

    async def login(name: str, peer: str) -> Login | LoginRefused:
        answer = await desk(name, "correct horse", peer)
        done.append(name)
        return answer

    flood = [login(f"u{n}@beta.test", HERE) for n in range(40)]
    answers = await asyncio.gather(*flood, login("carole@beta.test", ELSEWHERE))
    assert isinstance(answers[-1], Login)
    assert done.index("carole@beta.test") <= 12  # came last, and waited for a few of the flood


async def test_what_waits_when_the_process_stops_is_told_so(desk: Desk) -> None:
    attempts = asyncio.gather(*(desk(f"u{n}@beta.test", "guess") for n in range(6)))
    await desk.hashing.wait()
    desk.authenticator.close()
    answers = await attempts
    assert answers.count(LoginRefused(LoginProblem.UNAVAILABLE)) >= 3


async def test_a_caller_who_leaves_does_not_spoil_it_for_the_others(desk: Desk) -> None:
    first = asyncio.get_running_loop().create_task(desk("carole@beta.test", "correct horse"))
    second = asyncio.get_running_loop().create_task(desk("carole@beta.test", "correct horse"))
    await desk.hashing.wait()
    first.cancel()
    assert isinstance(await second, Login)
    assert not desk.authenticator._running


async def test_acting_for_another_is_refused_after_the_password_was_right(desk: Desk) -> None:
    assert isinstance(await desk("carole@beta.test", "correct horse", authorize_as="Carole@beta.test"), Login)
    refused = await desk("carole@beta.test", "correct horse", authorize_as="alice@alpha.test")
    assert refused == LoginRefused(LoginProblem.NOT_PERMITTED)
    assert await desk("carole@beta.test", "wrong", authorize_as="alice@alpha.test") == WRONG


async def test_without_the_store_nobody_is_told_that_the_password_is_wrong(desk: Desk) -> None:
    await desk.store.close()
    refused: Any = await desk("carole@beta.test", "correct horse")
    assert refused == LoginRefused(LoginProblem.UNAVAILABLE)


@pytest.mark.parametrize("kind", ["_right", "_wrong"])
async def test_memory_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 3)
    monkeypatch.setattr(module, "is_password", lambda _secret, _password: kind == "_right")
    for n in range(10):
        await desk("carole@beta.test", f"password {n}", f"198.51.{n}.1")
        assert len(getattr(desk.authenticator, kind)) <= 3
