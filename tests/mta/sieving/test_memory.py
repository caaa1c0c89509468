"""What scripts remember, on both engines."""

import pytest

from postier.mta.sieving import memory
from postier.mta.sieving.memory import (
    MAX_ANSWERED,
    MAX_NOTIFICATIONS,
    MAX_SEEN,
    SEEN_SLACK,
    Kind,
    digest_of,
    forget_expired,
    is_remembered,
    may_do_once,
    remember_id,
)

FAR = 10**15


def fill(tx, kind, number):
    tx.run_many(
        "INSERT INTO sieve_memory (account_id, kind, digest, expires_at) VALUES (1, ?, ?, ?)",
        [(kind.value, b"%d" % place, FAR * 10 + place) for place in range(number)],
    )


async def test_something_is_done_once_in_its_period(store):
    digest = digest_of("handle", "zoe@remote.test")
    assert await store.write(may_do_once, 1, Kind.ANSWERED, digest, 1_000_000_000) is True
    assert await store.write(may_do_once, 1, Kind.ANSWERED, digest, 1_000_000_000) is False
    assert (
        await store.write(may_do_once, 2, Kind.ANSWERED, digest, 1_000_000_000) is True
    )  # of another account
    assert await store.write(may_do_once, 1, Kind.TOLD, digest, 1_000_000_000) is True
    assert await store.read(is_remembered, 1, Kind.ANSWERED, digest, 0) is True
    assert await store.read(is_remembered, 1, Kind.ANSWERED, digest, FAR * 10) is False
    await store.write(lambda tx: tx.run("UPDATE sieve_memory SET expires_at = 1"))
    assert await store.write(may_do_once, 1, Kind.ANSWERED, digest, 1_000_000_000) is True


@pytest.mark.parametrize(
    ("kind", "most"), [(Kind.ANSWERED, MAX_ANSWERED), (Kind.NOTIFIED, MAX_NOTIFICATIONS)]
)
async def test_an_account_has_so_much_of_a_kind(store, kind, most):
    await store.write(fill, kind, most - 1)
    assert await store.write(may_do_once, 1, kind, b"the last", 1) is True
    assert await store.write(may_do_once, 1, kind, b"too many", 1) is False


async def test_the_oldest_ids_go(store):
    await store.write(fill, Kind.SEEN, MAX_SEEN + SEEN_SLACK - 1)
    for digest in (b"first", b"second"):
        await store.write(remember_id, 1, digest, FAR * 100)
        number = await store.read(lambda tx: tx.value("SELECT count(*) FROM sieve_memory"))
        assert number == (MAX_SEEN + SEEN_SLACK if digest == b"first" else MAX_SEEN)
    assert await store.read(is_remembered, 1, Kind.SEEN, b"0", 0) is False
    assert await store.read(is_remembered, 1, Kind.SEEN, b"second", 0) is True


async def test_what_has_expired_is_forgotten(store):
    await store.write(fill, Kind.SEEN, 10)
    assert await store.write(forget_expired, FAR * 10 + 4) is False
    assert await store.read(lambda tx: tx.value("SELECT count(*) FROM sieve_memory")) == 5
    await store.write(fill, Kind.TOLD, memory.FORGOTTEN_AT_ONCE)
    assert await store.write(forget_expired, FAR * 100) is True
    assert await store.write(forget_expired, FAR * 100) is False


def test_digests_keep_texts_apart():
    assert digest_of("a", "b") != digest_of("ab") != digest_of("", "ab")
    assert len(digest_of("x" * 10_000, "\ud800")) == 32
