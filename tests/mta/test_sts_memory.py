"""Policies of others survive a restart (RFC 8461 §3.3): what was fetched holds when DNS and HTTPS say nothing any more."""

import pytest

from postier.dns.resolver import Resolver
from postier.mailauth.mta_sts import Mode, Policy
from postier.mta.sts_memory import StoredPolicies
from postier.store.transaction import Store, StoreError
from postier.tls.https import FetchError
from postier.tls.policy import TlsResult
from postier.tls.sts import KnownPolicy, StsPolicies

TEXT = b"version: STSv1\nmode: enforce\nmx: mx.x.test\nmx: *.y.test\nmax_age: 86400\n"
POLICY = Policy(Mode.ENFORCE, 86_400, ("mx.x.test", "*.y.test"))


class Source:
    """Serves TEXT, or nothing."""

    def __init__(self) -> None:
        self.fetched = 0
        self.is_there = True

    async def fetch(self, domain: str) -> bytes:
        self.fetched += 1
        if not self.is_there:
            raise FetchError(TlsResult.STS_POLICY_FETCH_ERROR, "gone")
        return TEXT


async def test_a_policy_outlives_the_process(store: Store, nsd) -> None:
    resolver = Resolver([("127.0.0.1", nsd({"x.test": '_mta-sts IN TXT "v=STSv1; id=1;"\n'}))])
    deaf = Resolver([("127.0.0.1", 1)], timeout_s=0.2, try_timeout_s=0.1, attempts=1)
    source, clock = Source(), [1_790_000_000.25]
    first = StsPolicies(resolver, source, memory=StoredPolicies(store), now=lambda: clock[0])
    assert await first.policy("x.test") == POLICY

    source.is_there = False
    restarted = StsPolicies(deaf, source, memory=StoredPolicies(store), now=lambda: clock[0])
    assert await restarted.policy("x.test") == POLICY
    restarted = StsPolicies(resolver, source, memory=StoredPolicies(store), now=lambda: clock[0])
    assert await restarted.policy("x.test") == POLICY
    assert source.fetched == 1  # the id is the same
    assert await restarted.policy("other.test") is None
    clock[0] += 86_400
    assert (await restarted.policy("x.test")).result is TlsResult.STS_POLICY_FETCH_ERROR


async def test_the_newest_is_kept_and_what_expired_goes(store: Store) -> None:
    memory = StoredPolicies(store)
    long = Policy(Mode.ENFORCE, 31_557_600, ("mx.x.test",))
    now_s = 4_000_000_000.5  # later than the store's own clock, so valid
    await memory.save(KnownPolicy("old.test", "1", POLICY, 1_000.0))
    assert await memory.load("old.test") is not None
    await memory.save(KnownPolicy("x.test", "1", POLICY, now_s))
    assert await memory.load("old.test") is None
    await memory.save(KnownPolicy("x.test", "2", long, now_s))
    assert await memory.load("x.test") == KnownPolicy("x.test", "2", long, now_s)


async def test_a_store_that_is_gone_is_no_missing_policy(sqlite_store: Store) -> None:
    memory = StoredPolicies(sqlite_store)
    await sqlite_store.close()
    with pytest.raises(StoreError):
        await memory.save(KnownPolicy("x.test", "1", POLICY, 0.0))
