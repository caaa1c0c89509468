"""Logins by a token: whose account, what is counted, what is remembered of a refused token and for how long."""

import pytest

from postier.accounts import foreign_login
from postier.accounts.foreign_login import MAX_REMEMBERED, ForeignLogins, TokenUnavailableError
from postier.accounts.limiter import FREE_BY_ACCOUNT, FREE_BY_ADDRESS, Limiter
from postier.accounts.login import WRONG_REMEMBERED_S, Login, LoginProblem, LoginRefused
from postier.accounts.tokens.verdict import Refusal, TokenAccepted, TokenRefused
from tests.accounts.clock import Clock
from tests.servers.imap.served import found

ALICE = "alice@alpha.test"
PEER, NEIGHBOUR, ELSEWHERE = "192.0.2.1", "192.0.2.2", "198.51.100.1"


class Checker:
    """Every token is refused for the reason that it is; an address speaks for itself."""

    async def check(self, token):
        if token == "away":
            raise TokenUnavailableError
        if "@" in token:
            return TokenAccepted(token, None)
        return TokenRefused(Refusal.__members__.get(token.partition(".")[0], Refusal.SIGNATURE))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def login(sqlite_store, clock):
    await sqlite_store.write(found)
    foreign = ForeignLogins(sqlite_store, Limiter(sqlite_store, (), now=clock), now=clock)

    async def login(token, *, peer=PEER, name=ALICE):
        return await foreign.by_token(Checker(), token, peer=peer, authorize_as=name)

    login.foreign = foreign
    return login


async def test_verdicts(login):
    assert isinstance(await login(ALICE), Login)
    assert (await login("ALICE@Alpha.test", name="")).address == (await login(ALICE)).address
    for token, name, problem, refusal in (
        (ALICE, "carole@beta.test", LoginProblem.NOT_PERMITTED, None),
        ("nobody@alpha.test", "", LoginProblem.WRONG, Refusal.NO_ACCOUNT),
        ("a b@@alpha.test", "", LoginProblem.WRONG, Refusal.NO_ACCOUNT),
        ("EXPIRED", ALICE, LoginProblem.WRONG, Refusal.EXPIRED),
        (ALICE, "no address", LoginProblem.WRONG, None),
        ("away", ALICE, LoginProblem.UNAVAILABLE, None),
    ):
        assert await login(token, name=name) == LoginRefused(problem, refusal=refusal)


async def test_guesses_are_counted_by_account_and_network(login):
    for number in range(FREE_BY_ACCOUNT + 1):
        await login(f"guess.{number}")
    assert (await login(ALICE)).problem is LoginProblem.LIMITED
    assert (await login(ALICE, peer=NEIGHBOUR)).problem is LoginProblem.LIMITED
    assert isinstance(await login(ALICE, peer=ELSEWHERE), Login)


async def test_guesses_that_name_nobody_are_counted_by_address(login):
    for number in range(FREE_BY_ADDRESS + 1):
        await login(f"guess.{number}", name="")
    assert (await login(ALICE, name="")).problem is LoginProblem.LIMITED
    assert (await login(ALICE)).problem is LoginProblem.LIMITED
    assert isinstance(await login(ALICE, peer=NEIGHBOUR), Login)


async def test_what_the_issuer_gave_out_is_no_guess(login):
    for number in range(3 * FREE_BY_ACCOUNT):
        for name in ("EXPIRED", "SCOPE", "UNVERIFIED"):
            await login(f"{name}.{number}")
        await login(f"nobody{number}@alpha.test")
        await login("away")
    assert isinstance(await login(ALICE), Login)


async def test_one_token_is_counted_once_in_a_day_from_a_network(login, clock):
    for _ in range(3 * FREE_BY_ACCOUNT):
        await login("guess")
    assert isinstance(await login(ALICE), Login)
    clock.now += WRONG_REMEMBERED_S
    for _ in range(3 * FREE_BY_ACCOUNT):
        await login("guess")
    assert isinstance(await login(ALICE), Login)


async def test_what_is_remembered_is_bounded(login, monkeypatch):
    assert MAX_REMEMBERED == 10_000
    monkeypatch.setattr(foreign_login, "MAX_REMEMBERED", 3)
    for number in range(5):
        await login(f"guess.{number}", name="")
        assert len(login.foreign._counted) <= 3
    assert b"guess" not in b"".join(login.foreign._counted)
