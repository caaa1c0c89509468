"""Row 28: guessing is limited for all protocols and workers together, and locks no owner out (Mailu #2880, #2283)."""

from postier.accounts.credentials import hash_password, set_password
from postier.accounts.limiter import FREE_BY_ADDRESS, Limiter
from postier.accounts.login import Authenticator, Login, LoginProblem, LoginRefused
from postier.store.transaction import Store
from tests.accounts.clock import Clock
from tests.accounts.directory_rows import two_domains

ATTACKER, OWNER = "192.0.2.66", "198.51.100.7"


async def test_the_owner_elsewhere_logs_in_while_an_attacker_is_refused_everywhere(store: Store) -> None:
    alice, carole = await store.write(two_domains)
    for account_id in (alice, carole):
        await store.write(set_password, account_id, hash_password("correct horse"))
    clock = Clock()
    workers = [Authenticator(store, Limiter(store, now=clock), now=clock) for _ in range(2)]

    async def attempt(n: int, name: str, password: str, peer: str) -> Login | LoginRefused:
        mechanism = ("PLAIN", "LOGIN")[n % 2]
        return await workers[n % 2].authenticate(name, password, peer=peer, mechanism=mechanism)

    tried = 0
    for n in range(FREE_BY_ADDRESS + 10):
        clock.now += 2  # over what a worker remembers
        answer = await attempt(
            n, f"user{n}@beta.test" if n % 2 else "carole@beta.test", f"guess {n}", ATTACKER
        )
        tried += answer == LoginRefused(LoginProblem.WRONG)
    assert tried == FREE_BY_ADDRESS + 1
    for n in range(2):
        for name in ("carole@beta.test", "alice@alpha.test"):
            refused = await attempt(n, name, "correct horse", ATTACKER)
            assert isinstance(refused, LoginRefused)
            assert refused.problem is LoginProblem.LIMITED
            assert refused.retry_after_s > 0
            assert isinstance(await attempt(n, name, "correct horse", OWNER), Login)
    for worker in workers:
        worker.close()


async def test_an_own_account_does_not_wash_off_guesses(store: Store) -> None:
    """Who has an account here does not reset the count of his network by logging in to it."""
    alice, _ = await store.write(two_domains)
    await store.write(set_password, alice, hash_password("correct horse"))
    clock = Clock()
    authenticator = Authenticator(store, Limiter(store, now=clock), now=clock)
    wrong = 0
    for n in range(FREE_BY_ADDRESS * 2):
        await authenticator.authenticate("alice@alpha.test", "correct horse", peer=ATTACKER)
        answer = await authenticator.authenticate(f"user{n}@beta.test", "guess", peer=ATTACKER)
        wrong += answer == LoginRefused(LoginProblem.WRONG)
    assert wrong == FREE_BY_ADDRESS + 1
    authenticator.close()
