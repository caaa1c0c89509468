"""SCRAM with stored keys: made with the password, offered when everybody has some, silent about who is there."""

import asyncio

import pytest

from postier.accounts.accounts import add_account, remove_account
from postier.accounts.credentials import (
    CREDENTIALS_TOPIC,
    hash_password,
    password_secrets,
    set_password,
    stored_password,
)
from postier.accounts.domains import add_domain
from postier.accounts.limiter import FREE_BY_ACCOUNT, Limiter
from postier.accounts.login import Authenticator, Login, LoginProblem, LoginRefused
from postier.accounts.scram_keys import (
    ScramAlgorithm,
    decoy_keys,
    every_password_has_keys,
    keys_of,
    make_keys,
)
from postier.accounts.scram_login import OFFER_REMEMBERED_S, Claim, ScramLogins
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.sasl.exchange import Challenge, Failed, KeysWanted
from postier.sasl.scram import ScramClient, ScramServer
from tests.accounts.clock import Clock

ALICE = Address.parse("alice@alpha.test")
PEER = "192.0.2.1"
SECRETS = password_secrets("correct horse")
HASH = hash_password("correct horse")


def populate(tx, secret=SECRETS):
    add_domain(tx, "alpha.test")
    return add_account(tx, ALICE, secret, default_mailboxes)


def proves(keys, word="correct horse", algorithm="sha256"):
    """Whether a client with the password opens these keys."""
    client, server = ScramClient("alice@alpha.test", word, "c", algorithm), ScramServer("s", algorithm)
    assert isinstance(server.start(client.start()), KeysWanted)
    final = server.step(client.step(server.give_keys(keys).data))
    assert isinstance(final, Challenge | Failed)
    return isinstance(final, Challenge)


@pytest.mark.parametrize("algorithm", list(ScramAlgorithm))
async def test_the_password_opens_its_keys(store, algorithm):
    account_id = await store.write(populate)
    logins = ScramLogins(store, Limiter(store))
    claim = await logins.claim("Alice@Alpha.test", algorithm, peer=PEER)
    assert claim.account_id == account_id
    assert proves(claim.keys, algorithm=algorithm.value)
    assert not proves(claim.keys, "wrong horse", algorithm.value)
    assert await logins.judge(claim, is_proved=True, peer=PEER) == Login(account_id, ALICE)
    other = await logins.judge(claim, is_proved=True, peer=PEER, authorize_as="bob@alpha.test")
    assert other == LoginRefused(LoginProblem.NOT_PERMITTED)


async def test_a_new_password_has_new_keys_and_a_hash_alone_none(store):
    account_id = await store.write(populate)
    old = await store.read(keys_of, str(ALICE), ScramAlgorithm.SHA_256)
    await store.write(set_password, account_id, password_secrets("battery staple"))
    new = await store.read(keys_of, str(ALICE), ScramAlgorithm.SHA_256)
    assert new != old
    assert proves(new.keys, "battery staple")
    await store.write(set_password, account_id, HASH)
    assert await store.read(keys_of, str(ALICE), ScramAlgorithm.SHA_256) is None
    await store.write(set_password, account_id, SECRETS)
    await store.write(remove_account, account_id)
    assert await store.read(count_keys) == 0


def count_keys(tx):
    return tx.value("SELECT count(*) FROM scram_key")


async def test_it_is_offered_when_every_password_has_keys(store):
    clock = Clock()
    logins = ScramLogins(store, Limiter(store), now=clock)
    account_id = await store.write(populate)
    assert await logins.may_offer()
    await store.write(set_password, account_id, HASH)
    assert await logins.may_offer()  # remembered
    clock.now += OFFER_REMEMBERED_S
    assert not await logins.may_offer()
    authenticator = Authenticator(store, Limiter(store), threads=1)
    found = await authenticator.authenticate(str(ALICE), "correct horse", peer=PEER)
    assert isinstance(found, Login)
    assert (await store.read(stored_password, str(ALICE))).has_keys
    authenticator.close()
    clock.now += OFFER_REMEMBERED_S
    assert await logins.may_offer()
    assert proves((await store.read(keys_of, str(ALICE), ScramAlgorithm.SHA_1)).keys, algorithm="sha1")


async def test_it_is_no_longer_offered_when_a_password_comes_without_keys(store):
    authenticator = Authenticator(store, Limiter(store), threads=1)
    changed = asyncio.Event()
    store.watch_topic(CREDENTIALS_TOPIC, changed.set)
    logins = ScramLogins(store, Limiter(store), changed_at=lambda: authenticator.credentials_changed_at)
    account_id = await store.write(populate)
    await asyncio.wait_for(changed.wait(), 10)
    assert await logins.may_offer()
    changed.clear()
    await store.write(set_password, account_id, HASH)
    await asyncio.wait_for(changed.wait(), 10)
    assert not await logins.may_offer()
    authenticator.close()


async def test_a_wrong_password_makes_no_keys(sqlite_store):
    await sqlite_store.write(populate, HASH)
    authenticator = Authenticator(sqlite_store, Limiter(sqlite_store), threads=1)
    await authenticator.authenticate(str(ALICE), "wrong", peer=PEER)
    authenticator.close()
    assert not await sqlite_store.read(every_password_has_keys)


async def test_nobody_learns_who_is_there(store):
    await store.write(populate)
    first, second = ScramLogins(store, Limiter(store)), ScramLogins(store, Limiter(store))
    there = await first.claim(str(ALICE), ScramAlgorithm.SHA_256, peer=PEER)
    for algorithm in ScramAlgorithm:
        nobody = await first.claim("nobody@alpha.test", algorithm, peer=PEER)
        assert nobody == await second.claim(
            "Nobody@alpha.test", algorithm, peer=PEER
        )  # another worker, another spelling
        assert nobody.account_id == 0
        assert not proves(nobody.keys, algorithm=algorithm.value)
    assert (len(nobody.keys.salt), nobody.keys.iterations) == (len(there.keys.salt), there.keys.iterations)
    other = await first.claim("somebody@alpha.test", ScramAlgorithm.SHA_1, peer=PEER)
    assert other.keys.salt != nobody.keys.salt
    for claim in (there, nobody):
        refused = await first.judge(claim, is_proved=False, peer=PEER)
        assert refused == LoginRefused(LoginProblem.WRONG)
    # not even a proof that fits decoys, which nobody can make
    assert await first.judge(nobody, is_proved=True, peer=PEER) == LoginRefused(LoginProblem.WRONG)


async def test_wrong_proofs_are_counted_like_wrong_passwords(store):
    account_id = await store.write(populate)
    logins = ScramLogins(store, Limiter(store))
    claim = await logins.claim(str(ALICE), ScramAlgorithm.SHA_256, peer=PEER)
    for _ in range(FREE_BY_ACCOUNT + 1):
        assert await logins.judge(claim, is_proved=False, peer=PEER) == LoginRefused(LoginProblem.WRONG)
    late = await logins.judge(claim, is_proved=True, peer=PEER)  # let in before, not told now
    assert late.problem is LoginProblem.LIMITED
    assert (await logins.claim(str(ALICE), ScramAlgorithm.SHA_256, peer=PEER)).problem is LoginProblem.LIMITED
    elsewhere = await logins.claim(str(ALICE), ScramAlgorithm.SHA_256, peer="198.51.100.1")
    assert isinstance(elsewhere, Claim)
    assert elsewhere.account_id == account_id


async def test_names_that_nobody_can_have(sqlite_store):
    logins = ScramLogins(sqlite_store, Limiter(sqlite_store))
    for name in ("", "alice", "@alpha.test", "a b@alpha.test", "x" * 5_000):
        assert await logins.claim(name, ScramAlgorithm.SHA_256, peer=PEER) == LoginRefused(LoginProblem.WRONG)


async def test_a_password_that_saslprep_refuses_opens_nothing_and_stops_nobody(sqlite_store):
    made = make_keys("tab\u0221")  # an unassigned code point is let pass
    assert all(made.values())
    assert make_keys("x\u200e\u202ay") == dict.fromkeys(ScramAlgorithm)
    account_id = await sqlite_store.write(populate)
    await sqlite_store.write(put_empty, account_id)
    assert await sqlite_store.read(every_password_has_keys)
    claim = await ScramLogins(sqlite_store, Limiter(sqlite_store)).claim(
        str(ALICE), ScramAlgorithm.SHA_256, peer=PEER
    )
    assert claim.account_id == 0


def put_empty(tx, account_id):
    from postier.accounts.scram_keys import store_keys

    store_keys(tx, account_id, 1, dict.fromkeys(ScramAlgorithm))


def test_decoys_differ_by_secret_and_algorithm():
    keys = {
        decoy_keys(secret, "a", algorithm).salt for secret in (b"1", b"2") for algorithm in ScramAlgorithm
    }
    assert len(keys) == 4
