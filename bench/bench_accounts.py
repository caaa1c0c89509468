"""What a login and a RCPT cost on an embedded store; prints one JSON object (microseconds unless named otherwise).

Run from the tree's root: python bench/bench_accounts.py
"""

import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import uvloop

from postier.accounts.accounts import add_account
from postier.accounts.aliases import add_alias
from postier.accounts.credentials import hash_password
from postier.accounts.directory import Directory
from postier.accounts.domains import add_domain
from postier.accounts.limiter import FREE_BY_ADDRESS, Limiter
from postier.accounts.login import Authenticator, Login
from postier.accounts.resolution import Forward, Local
from postier.mime.address import Address
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore

ACCOUNTS = 100_000
ROUNDS = 20_000
COLD_ROUNDS = 5_000


def fill(tx):
    add_domain(tx, "beta.test")
    carole = add_account(
        tx, Address.parse("carole@beta.test"), hash_password("correct horse"), lambda _tx, _id: None
    )
    tx.run_many(
        "INSERT INTO account (account_id, address, next_uidvalidity, created_at) VALUES (?, ?, 1, 0)",
        [(n, f"u{n}@beta.test") for n in range(10, ACCOUNTS)],
    )
    add_alias(
        tx, Address.parse("sales@beta.test"), (Address.parse("carole@beta.test"), Address.parse("x@y.test"))
    )
    return carole


async def timed(rounds, call):
    best = 1e9
    for _ in range(3):
        began = time.perf_counter()
        for n in range(rounds):
            await call(n)
        best = min(best, time.perf_counter() - began)
    return round(best / rounds * 1e6, 2)


async def main():
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder), PackStore(Path(folder) / "packs"))
        carole = await store.write_bulk(fill)
        figures = {"accounts": ACCOUNTS} | await rcpt(store, carole) | await logins(store)
        await store.close()
    print(json.dumps(figures, indent=2))


async def rcpt(store, carole):
    directory = Directory(store)
    known = Address.parse("carole@beta.test")
    cold = [Address.parse(f"u{n + 10}+x@beta.test") for n in range(COLD_ROUNDS)]
    aliased = Address.parse("sales@beta.test")
    assert isinstance(await directory.resolve(known), Local)
    assert isinstance(await directory.resolve(aliased), Forward)

    async def remembered(_n):
        await directory.resolve(known)
        await directory.has_room(carole, 4_096)

    async def from_store(n):
        directory.forget()
        await directory.resolve(cold[n])

    async def alias_from_store(_n):
        directory.forget()
        await directory.resolve(aliased)

    return {
        "rcpt_remembered_with_quota": await timed(ROUNDS, remembered),
        "rcpt_account_from_store": await timed(COLD_ROUNDS, from_store),
        "rcpt_alias_from_store": await timed(COLD_ROUNDS, alias_from_store),
        "may_send_as_remembered": await timed(ROUNDS, lambda _n: directory.may_send_as(carole, known)),
    }


async def logins(store):
    limiter = Limiter(store)
    authenticator = Authenticator(store, limiter)

    async def login(_n, peer="192.0.2.1"):
        return await authenticator.authenticate("carole@beta.test", "correct horse", peer=peer)

    async def rechecked(n):
        authenticator._credentials_changed()  # noqa: SLF001 (the same look as after 10 s)
        await login(n)

    began = time.perf_counter()
    assert isinstance(await login(0), Login)
    figures = {"login_first_ms": round((time.perf_counter() - began) * 1e3, 1)}
    figures["login_repeated"] = await timed(ROUNDS, login)
    figures["login_repeated_hash_looked_up"] = await timed(COLD_ROUNDS, rechecked)
    for n in range(FREE_BY_ADDRESS + 1):
        await limiter.failed("203.0.113.9", Address.parse(f"u{n}@beta.test"))

    peers = itertools.count()

    async def watched(n):
        peer = next(peers)
        await login(n, f"198.{peer >> 16 & 255}.{peer >> 8 & 255}.{peer & 255}")

    figures["login_repeated_while_somebody_is_blocked"] = await timed(COLD_ROUNDS, watched)
    authenticator.close()
    return figures


uvloop.run(main())
