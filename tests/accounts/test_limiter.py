from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.accounts.limiter import (
    FIRST_BLOCK_S,
    FORGOTTEN_S,
    FREE_BY_ACCOUNT,
    FREE_BY_ADDRESS,
    FREE_BY_SITE,
    LONGEST_BLOCK_S,
    REMEMBERED_S,
    Limiter,
    block_length_s,
    peer_of,
    sweep_failures,
)
from postier.store.transaction import Store
from tests.accounts.clock import Clock
from tests.accounts.directory_rows import a

CAROLE = a("carole@beta.test")


def test_what_a_peer_is_counted_for() -> None:
    assert [s.name for s in peer_of("192.0.2.77").subjects] == ["ip 192.0.2.77"]
    assert peer_of("192.0.2.77").network == "192.0.2.0/24"
    assert peer_of("::ffff:192.0.2.77") == peer_of("192.0.2.77")
    six = peer_of("2001:db8:1:2:3::4%eth0")
    assert [s.name for s in six.subjects] == ["ip 2001:db8:1:2::/64", "site 2001:db8:1::/48"]
    assert six.network == "2001:db8:1::/48"
    assert peer_of("192.0.2.77", [ip_network("192.0.2.0/24")]).is_exempt
    assert not peer_of("192.0.2.77", [ip_network("2001:db8::/32")]).is_exempt
    assert peer_of("/run/socket").is_exempt


@given(st.text(max_size=50))
def test_any_text_is_a_peer(text: str) -> None:
    peer_of(text)


def test_blocks_grow_to_their_limit() -> None:
    assert block_length_s(5, 5) == 0
    assert block_length_s(6, 5) == FIRST_BLOCK_S
    assert block_length_s(7, 5) == 2 * FIRST_BLOCK_S
    assert block_length_s(1 << 40, 5) == LONGEST_BLOCK_S
    assert LONGEST_BLOCK_S < FORGOTTEN_S


async def test_an_account_tried_from_one_network_is_blocked_there(store: Store) -> None:
    clock = Clock()
    limiter, other_worker = Limiter(store, now=clock), Limiter(store, now=clock)
    for n in range(FREE_BY_ACCOUNT):
        assert await limiter.wait_s("192.0.2.1", CAROLE) == 0, n
        await limiter.failed("192.0.2.1", CAROLE)
    assert await limiter.wait_s("192.0.2.1", CAROLE) == 0
    await limiter.failed("192.0.2.1", CAROLE)
    for one in (limiter, other_worker):
        assert await one.wait_s("192.0.2.1", CAROLE) == FIRST_BLOCK_S
        assert await one.wait_s("192.0.2.9", CAROLE) == FIRST_BLOCK_S
        assert await one.wait_s("198.51.100.1", CAROLE) == 0  # the owner elsewhere
        assert await one.wait_s("192.0.2.1", a("alice@alpha.test")) == 0
    clock.now += FIRST_BLOCK_S
    assert await limiter.wait_s("192.0.2.1", CAROLE) == 0
    await limiter.failed("192.0.2.1", CAROLE)
    assert await limiter.wait_s("192.0.2.1", CAROLE) == 2 * FIRST_BLOCK_S


@pytest.mark.parametrize(
    ("peers", "free"),
    [
        (["192.0.2.1"], FREE_BY_ADDRESS),
        ([f"2001:db8:1:2::{n}" for n in range(9)], FREE_BY_ADDRESS),
        ([f"2001:db8:1:{n}::1" for n in range(50)], FREE_BY_SITE),
    ],
)
async def test_spraying_over_accounts_blocks_the_source(store: Store, peers: list[str], free: int) -> None:
    clock = Clock()
    limiter = Limiter(store, now=clock)
    for n in range(free + 1):
        assert await limiter.wait_s(peers[n % len(peers)], a(f"u{n}@beta.test")) == 0, n
        await limiter.failed(peers[n % len(peers)], a(f"u{n}@beta.test"))
    assert await limiter.wait_s(peers[0], CAROLE) == FIRST_BLOCK_S
    assert await limiter.wait_s("203.0.113.1", CAROLE) == 0
    assert await limiter.wait_s("2001:db8:2::1", CAROLE) == 0


async def test_failures_are_forgotten_and_swept(store: Store) -> None:
    clock = Clock()
    limiter = Limiter(store, now=clock)
    for _ in range(FREE_BY_ACCOUNT):
        await limiter.failed("192.0.2.1", CAROLE)
    clock.now += FORGOTTEN_S + 1
    await limiter.failed("192.0.2.1", CAROLE)
    assert await limiter.wait_s("192.0.2.1", CAROLE) == 0
    count = "SELECT count(*) FROM login_failure"
    await store.write(sweep_failures, int(clock.now * 1_000_000))
    assert await store.read(lambda tx: tx.value(count)) == 2
    await store.write(sweep_failures, int((clock.now + FORGOTTEN_S + 1) * 1_000_000))
    assert await store.read(lambda tx: tx.value(count)) == 0


async def test_exempt_networks_are_never_refused(sqlite_store: Store) -> None:
    limiter = Limiter(sqlite_store, [ip_network("127.0.0.0/8")])
    for _ in range(FREE_BY_ADDRESS + 5):
        await limiter.failed("127.0.0.1", CAROLE)
    assert await limiter.wait_s("127.0.0.1", CAROLE) == 0
    assert await sqlite_store.read(lambda tx: tx.value("SELECT count(*) FROM login_failure")) == 0


async def test_while_nobody_is_blocked_a_look_costs_no_query(sqlite_store: Store) -> None:
    clock = Clock()
    limiter = Limiter(sqlite_store, now=clock)
    await limiter.failed("192.0.2.1", CAROLE)
    assert await limiter.wait_s("192.0.2.1", CAROLE) == 0
    await sqlite_store.close()  # from here a query would fail
    for n in range(100):
        assert await limiter.wait_s(f"192.0.2.{n}", CAROLE) == 0


async def test_other_workers_blocks_are_seen_within_a_second(store: Store) -> None:
    clock = Clock()
    one, other = Limiter(store, now=clock), Limiter(store, now=clock)
    assert await other.wait_s("192.0.2.1", CAROLE) == 0
    for _ in range(FREE_BY_ACCOUNT + 1):
        await one.failed("192.0.2.1", CAROLE)
    clock.now += REMEMBERED_S
    assert await other.wait_s("192.0.2.1", CAROLE) > 0
