"""Row 26: what one client sends while it logs in does not hold up the others (CVE-2025-59028): the checking part."""

import asyncio

from postier.accounts.credentials import hash_password, set_password
from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator, Login
from postier.store.transaction import Store
from tests.accounts.directory_rows import two_domains


async def test_logins_go_on_beside_a_flood_of_bad_ones(store: Store) -> None:
    _, carole = await store.write(two_domains)
    await store.write(set_password, carole, hash_password("correct horse"))
    authenticator = Authenticator(store, Limiter(store))
    bad = ["\x00", "", "\ud800", "x" * 100_000, *(f"guess {n}" for n in range(40))]
    flood = [authenticator.authenticate("carole@beta.test", password, peer="192.0.2.1") for password in bad]
    good = [
        authenticator.authenticate("carole@beta.test", "correct horse", peer=f"198.51.{n}.1")
        for n in range(9)
    ]
    answers = await asyncio.gather(*flood, *good)
    assert not any(isinstance(answer, Login) for answer in answers[: len(bad)])
    assert all(isinstance(answer, Login) for answer in answers[len(bad) :])
    authenticator.close()
