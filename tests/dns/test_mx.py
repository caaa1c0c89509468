"""`dns.mx` against nsd: order, fallback, null MX, loops, addresses that are not public, failures."""

import random

import pytest

from postier.dns.mx import (
    DEFAULT_POLICY,
    MAX_ADDRESSES,
    MAX_HOSTS,
    MailHost,
    MailRoute,
    RoutePolicy,
    RouteStatus,
    mail_hosts,
    relay_hosts,
)
from postier.dns.resolver import Resolver
from tests.dns_responder import reply, responder
from tests.dns_server import start_nsd

# 198.51.100.0/24 and 2001:db8::/32 are documentation ranges and not public: the test hosts stand in public ones
ALPHA = """
@       IN MX 20 backup
        IN MX 10 one
        IN MX 10 two
        IN MX 10 three
one     IN A 1.0.0.1
two     IN A 1.0.0.2
        IN A 1.0.0.3
        IN AAAA 2a00::2
three   IN A 1.0.0.4
backup  IN AAAA 2a00::9
relay   IN A 1.0.0.5
single  IN MX 5 one
same    IN MX 10 one
        IN MX 30 one
nullmx  IN MX 0 .
half    IN MX 0 .
        IN MX 10 one
alias   IN CNAME single
chain   IN MX 10 twin
twin    IN CNAME one
lost    IN MX 10 nowhere
        IN MX 10 textonly
textonly IN TXT "x"
some    IN MX 10 nowhere
        IN MX 20 one
away    IN MX 10 host.gamma.test.
        IN MX 20 one
gone    IN MX 10 host.gamma.test.
private IN MX 10 inside
        IN MX 20 mixed
inside  IN A 10.0.0.1
        IN AAAA fd00::1
mixed   IN A 127.0.0.1
        IN A 1.0.0.6
local   IN MX 10 loopback
loopback IN A 127.0.0.1
        IN AAAA ::1
address IN MX 10 1.0.0.7.
bare    IN TXT "x"
"""
MANY = "\n".join(
    [f"@ IN MX {n} mx{n}\nmx{n} IN A 1.0.1.{n}" for n in range(1, 25)]
    + [f"wide IN A 1.0.2.{n}" for n in range(1, 25)]
)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with start_nsd(tmp_path_factory.mktemp("nsd"), {"alpha.test": ALPHA, "many.test": MANY}) as port:
        yield port


@pytest.fixture
def route(port):
    async def find(name: str, policy: RoutePolicy = DEFAULT_POLICY, seed: int = 1) -> MailRoute:
        return await mail_hosts(name, Resolver([("127.0.0.1", port)]), random.Random(seed), policy)

    return find


def names(route: MailRoute) -> list[str]:
    return [host.name.removesuffix(".alpha.test") for host in route.hosts]


async def test_best_preference_first_and_chance_among_equals(route):
    orders = {tuple(names(await route("alpha.test", seed=seed))) for seed in range(30)}
    assert {order[-1] for order in orders} == {"backup"}
    assert len(orders) == 6
    found = await route("Alpha.TEST.")
    assert found.domain == "alpha.test"
    assert (found.status, found.code, found.reply_code, found.is_implicit) == (
        RouteStatus.FOUND,
        "",
        0,
        False,
    )
    assert [host.preference for host in found.hosts] == [10, 10, 10, 20]


async def test_the_families_take_turns(route):
    (two,) = [host for host in (await route("alpha.test")).hosts if host.name == "two.alpha.test"]
    assert two.addresses[0] == "2a00::2"
    assert set(two.addresses) == {"1.0.0.2", "1.0.0.3", "2a00::2"}
    four_first = await route("alpha.test", RoutePolicy(families=(4, 6)))
    (two,) = [host for host in four_first.hosts if host.name == "two.alpha.test"]
    assert two.addresses[1] == "2a00::2"
    only_four = await route("alpha.test", RoutePolicy(families=(4,)))
    assert "backup" not in names(only_four)


async def test_without_mx_the_domain_is_its_own_host(route):
    found = await route("one.alpha.test")
    assert found.is_implicit
    assert found.hosts == (MailHost("one.alpha.test", ("1.0.0.1",)),)
    assert (await route("bare.alpha.test")).status is RouteStatus.NO_HOST


async def test_a_host_named_twice_is_tried_once(route):
    assert [host.preference for host in (await route("same.alpha.test")).hosts] == [10]


async def test_aliases_of_the_domain_and_of_the_host(route):
    assert names(await route("alias.alpha.test")) == ["one"]
    found = await route("chain.alpha.test")
    assert names(found) == ["twin"]
    assert found.hosts[0].addresses == ("1.0.0.1",)


async def test_null_mx_is_a_fact(route):
    found = await route("nullmx.alpha.test")
    assert (found.status, found.code, found.reply_code) == (RouteStatus.NULL_MX, "5.1.10", 556)
    assert not found.is_temporary
    assert names(await route("half.alpha.test")) == ["one"]


async def test_a_domain_that_does_not_exist_and_one_that_cannot_be_asked(route):
    none = await route("none.alpha.test")
    assert (none.status, none.code, none.is_temporary) == (RouteStatus.NO_DOMAIN, "5.1.2", False)
    unknown = await route("gamma.test")
    assert (unknown.status, unknown.code, unknown.is_temporary) == (RouteStatus.UNKNOWN, "4.4.3", True)
    assert "gamma.test" in unknown.why


async def test_hosts_without_addresses(route):
    lost = await route("lost.alpha.test")
    assert (lost.status, lost.code) == (RouteStatus.NO_HOST, "5.4.4")
    assert "nowhere.alpha.test" in lost.why
    some = await route("some.alpha.test")
    assert names(some) == ["one"]
    assert [one.name for one in some.dropped] == ["nowhere.alpha.test"]
    assert (await route("address.alpha.test")).status is RouteStatus.UNKNOWN


async def test_a_failed_look_up_of_one_host_leaves_the_others(route):
    assert names(await route("away.alpha.test")) == ["one"]  # RFC 7672 §2.1.2
    gone = await route("gone.alpha.test")
    assert (gone.status, gone.is_temporary) == (RouteStatus.UNKNOWN, True)


async def test_addresses_that_are_not_public_are_dropped(route):
    private = await route("private.alpha.test")
    assert names(private) == ["mixed"]
    assert private.hosts[0].addresses == ("1.0.0.6",)
    local = await route("local.alpha.test")
    assert (local.status, local.code) == (RouteStatus.NOT_PUBLIC, "5.4.4")
    allowed = await route("local.alpha.test", RoutePolicy(allow_private_addresses=True))
    assert allowed.hosts[0].addresses == ("::1", "127.0.0.1")


@pytest.mark.parametrize(
    ("own", "left", "status"),
    [
        ("backup.alpha.test", {"one", "two", "three"}, RouteStatus.FOUND),
        ("two.alpha.test", set(), RouteStatus.LOOP),
        ("other.test", {"one", "two", "three", "backup"}, RouteStatus.FOUND),
    ],
)
async def test_what_is_not_better_than_ourselves_is_dropped(route, own, left, status):
    found = await route("alpha.test", RoutePolicy(own_names=frozenset({own})))
    assert set(names(found)) == left
    assert found.status is status
    assert {one.status for one in found.dropped} <= {RouteStatus.LOOP}


@pytest.mark.parametrize(
    ("own", "left"),
    [
        ("2a00::9", {"one", "two", "three"}),
        ("1.0.0.3", set()),
        ("9.9.9.9", {"one", "two", "three", "backup"}),
    ],
)
async def test_our_addresses_are_ourselves_too(route, own, left):
    found = await route("alpha.test", RoutePolicy(own_addresses=frozenset({own})))
    assert set(names(found)) == left
    if not left:
        assert (found.status, found.code) == (RouteStatus.LOOP, "5.4.6")


@pytest.mark.parametrize(
    ("literal", "addresses", "status"),
    [
        ("[1.0.0.1]", ("1.0.0.1",), RouteStatus.FOUND),
        ("[ipv6:2A00::0001]", ("2a00::1",), RouteStatus.FOUND),
        ("[127.0.0.1]", (), RouteStatus.NOT_PUBLIC),
        ("[1.0.0.9]", (), RouteStatus.LOOP),
        ("[1.0.0]", (), RouteStatus.NO_DOMAIN),
        ("[1.0.0.1", (), RouteStatus.NO_DOMAIN),
    ],
)
async def test_address_literals(route, literal, addresses, status):
    found = await route(literal, RoutePolicy(own_addresses=frozenset({"1.0.0.9"})))
    assert found.status is status
    assert tuple(address for host in found.hosts for address in host.addresses) == addresses
    assert all(host.is_literal for host in found.hosts)


async def test_hosts_and_addresses_are_bounded(route):
    found = await route("many.test")
    assert [host.preference for host in found.hosts] == list(range(1, MAX_HOSTS + 1))
    assert len((await route("wide.many.test")).hosts[0].addresses) == MAX_ADDRESSES


async def test_a_smarthost_is_resolved_without_mx(port):
    resolver = Resolver([("127.0.0.1", port)])
    found = await relay_hosts("alpha.test", resolver)
    assert found.status is RouteStatus.NO_HOST
    assert (await relay_hosts("Relay.alpha.test.", resolver)).hosts[0].addresses == ("1.0.0.5",)
    literal = await relay_hosts("[10.0.0.1]", resolver, RoutePolicy(allow_private_addresses=True))
    assert literal.hosts[0].addresses == ("10.0.0.1",)


async def test_dnssec_is_noted_of_the_route_and_of_each_host():
    def respond(query: bytes) -> list[bytes]:
        secure = 0x20
        if b"\x05alpha" in query[:19]:
            return [
                reply(
                    query,
                    "alpha.test. 60 MX 10 mx1.alpha.test.",
                    "alpha.test. 60 MX 20 mx2.alpha.test.",
                    flags=secure,
                )
            ]
        if b"\x03mx1" in query:
            return [reply(query, "mx1.alpha.test. 60 A 1.0.0.1", flags=secure)]
        return [reply(query, "mx2.alpha.test. 60 A 1.0.0.2")]

    async with responder(respond) as server:
        resolver = Resolver([("127.0.0.1", server.port)])
        found = await mail_hosts("alpha.test", resolver, random.Random(1), RoutePolicy(families=(4,)))
    assert found.is_authenticated
    assert [host.is_authenticated for host in found.hosts] == [True, False]
