"""Row 25: a remembered login belongs to one name, one mechanism and one password (CVE-2025-30189)."""

import asyncio

from postier.accounts.credentials import hash_password, set_password
from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator, Login, LoginProblem, LoginRefused
from postier.store.transaction import Store
from tests.accounts.directory_rows import account, two_domains

WRONG = LoginRefused(LoginProblem.WRONG)


async def test_two_users_in_parallel_stay_two(store: Store) -> None:
    alice, carole = await store.write(two_domains)
    same = await store.write(account, "same@beta.test", hash_password("password of alice"))
    await store.write(set_password, alice, hash_password("password of alice"))
    await store.write(set_password, carole, hash_password("password of carole"))
    authenticator = Authenticator(store, Limiter(store))
    attempts = [
        ("alice@alpha.test", "password of alice", alice),
        ("carole@beta.test", "password of carole", carole),
        ("same@beta.test", "password of alice", same),
        ("alice@alpha.test", "password of carole", None),
        ("carole@beta.test", "password of alice", None),
    ]
    for _round in range(3):  # computed, then remembered
        answers = await asyncio.gather(
            *(
                authenticator.authenticate(name, password, peer=f"192.0.2.{n}", mechanism=mechanism)
                for mechanism in ("PLAIN", "LOGIN")
                for n, (name, password, _) in enumerate(attempts)
            )
        )
        expected = [account_id for _ in range(2) for *_, account_id in attempts]
        assert [answer.account_id if isinstance(answer, Login) else None for answer in answers] == expected
    authenticator.close()


async def test_no_two_logins_share_a_key(sqlite_store: Store) -> None:
    authenticator = Authenticator(sqlite_store, Limiter(sqlite_store))
    other = Authenticator(sqlite_store, Limiter(sqlite_store))
    triples = [
        ("a@x.test", "PLAIN", "b"),
        ("a@x.test", "PLAI", "Nb"),
        ("a@x.test", "LOGIN", "b"),
        ("a@x.testP", "LAIN", "b"),
        ("a@x.test", "", "5:PLAINb"),
        ("b@x.test", "PLAIN", "b"),
        ("a@x.test", "PLAIN", "b\n"),
    ]
    assert len({authenticator._digest(*triple) for triple in triples}) == len(triples)
    assert authenticator._digest(*triples[0]) == authenticator._digest(*triples[0])
    assert authenticator._digest(*triples[0]) != other._digest(*triples[0])  # the key is the process's own
