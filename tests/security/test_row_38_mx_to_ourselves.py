"""SECURITY 38: an MX that points at loopback, private ranges or ourselves is not followed; `.` takes no mail."""

import random

import pytest

from postier.dns.authoritative import AuthoritativeServer
from postier.dns.mx import RoutePolicy, RouteStatus, mail_hosts
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones

ZONE = """
loop     IN MX 10 host-loop
host-loop IN A 127.0.0.1
six      IN MX 10 host-six
host-six IN AAAA ::1
mapped   IN MX 10 host-mapped
host-mapped IN AAAA ::ffff:127.0.0.1
nat      IN MX 10 host-nat
host-nat IN AAAA 64:ff9b::7f00:1
meta     IN MX 10 host-meta
host-meta IN A 169.254.169.254
zero     IN MX 10 host-zero
host-zero IN A 0.0.0.0
implicit IN A 127.0.0.1
alias    IN MX 10 to-loop
to-loop  IN CNAME host-loop
name     IN MX 10 localhost
localhost IN A 127.0.0.1
null     IN MX 0 .
ours     IN MX 10 us
us       IN A 1.0.0.1
"""


async def route(name: str, policy: RoutePolicy):
    async with AuthoritativeServer(Zones({"alpha.test": ZONE})) as server:
        resolver = Resolver([(server.host, server.port)])
        return await mail_hosts(f"{name}.alpha.test", resolver, random.Random(1), policy)


@pytest.mark.parametrize(
    "name", ["loop", "six", "mapped", "nat", "meta", "zero", "implicit", "alias", "name"]
)
async def test_an_mx_inside_is_refused_unless_allowed(name):
    found = await route(name, RoutePolicy())
    assert (found.status, found.hosts, found.is_temporary) == (RouteStatus.NOT_PUBLIC, (), False)
    assert (await route(name, RoutePolicy(allow_private_addresses=True))).hosts


@pytest.mark.parametrize(
    "literal", ["[127.0.0.1]", "[10.0.0.1]", "[ipv6:::1]", "[ipv6:::ffff:127.0.0.1]", "[0.0.0.0]"]
)
async def test_an_address_literal_inside_is_refused(literal):
    found = await mail_hosts(literal, Resolver([("127.0.0.1", 1)]), random.Random(1))
    assert found.status is RouteStatus.NOT_PUBLIC


async def test_null_mx_is_final():
    found = await route("null", RoutePolicy(allow_private_addresses=True))
    assert (found.status, found.code) == (RouteStatus.NULL_MX, "5.1.10")


@pytest.mark.parametrize(
    "ourselves",
    [RoutePolicy(own_names=frozenset({"us.alpha.test"})), RoutePolicy(own_addresses=frozenset({"1.0.0.1"}))],
)
async def test_an_mx_that_is_ourselves_is_a_loop(ourselves):
    found = await route("ours", ourselves)
    assert (found.status, found.code) == (RouteStatus.LOOP, "5.4.6")
