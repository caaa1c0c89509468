"""Row 27: the time of an answer does not tell whether the name exists (CVE-2026-27856)."""

import time
from ipaddress import ip_network

from postier.accounts.credentials import hash_password, set_password
from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator, LoginProblem, LoginRefused
from postier.store.transaction import Store
from tests.accounts.directory_rows import account, two_domains

ROUNDS = 12
MOST_APART = 2.5  # a missing hash would be 100 times apart; the machine's noise alone has been 1.6


async def test_unknown_names_take_the_same_time(sqlite_store: Store) -> None:
    _, carole = await sqlite_store.write(two_domains)
    await sqlite_store.write(set_password, carole, hash_password("correct horse"))
    await sqlite_store.write(account, "nologin@beta.test")
    authenticator = Authenticator(sqlite_store, Limiter(sqlite_store, [ip_network("192.0.2.0/24")]))
    names = ("carole@beta.test", "ghost@beta.test", "ghost@nowhere.test", "nologin@beta.test")
    fastest = dict.fromkeys(names, 1e9)
    for n in range(
        ROUNDS
    ):  # in turns; the least of each; processor time, for the machine does other things too
        for name in names:
            began = time.process_time()
            answer = await authenticator.authenticate(name, f"guess {n}", peer="192.0.2.1")
            fastest[name] = min(fastest[name], time.process_time() - began)
            assert answer == LoginRefused(LoginProblem.WRONG)
    assert max(fastest.values()) < MOST_APART * min(fastest.values()), fastest
    authenticator.close()
