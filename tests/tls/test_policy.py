"""`tls.policy`: one destination, one policy; DNS is a real responder whose AD bit each test sets."""

import random

import pytest

from postier.dns.mx import MailRoute, RoutePolicy, mail_hosts
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailauth.dane import Tlsa
from postier.mailauth.mta_sts import Mode, Policy
from postier.tls.policy import (
    StsProblem,
    TlsDemand,
    TlsLevel,
    TlsPolicy,
    TlsResult,
    TlsUnusable,
    destination_policy,
)
from tests.dns_responder import responder

DIGEST = "ab" * 32
ZONE = f"""
@      IN MX 10 mx
mx     IN A 192.0.2.1
_25._tcp.mx  IN TLSA 3 1 1 {DIGEST}
       IN TLSA 1 1 1 {DIGEST}
_2525._tcp.mx IN TLSA 2 0 1 {DIGEST}
plain  IN MX 10 host
host   IN A 192.0.2.2
odd    IN MX 10 strange
strange IN A 192.0.2.3
_25._tcp.strange IN TLSA 0 0 1 {DIGEST}
       IN TLSA 3 1 9 {DIGEST}
aliased IN MX 10 other
other  IN CNAME mx
outer  IN MX 10 own
own    IN CNAME host
_25._tcp.own IN TLSA 3 1 1 {DIGEST}
also   IN CNAME @
"""


class Sts:
    """A fetcher that has policies at hand, and counts who asks."""

    def __init__(self, mode: Mode | None = None, *mx: str) -> None:
        self.asked: list[str] = []
        self._policy = None if mode is None else Policy(mode, 86_400, mx or ("mx.alpha.test",))

    async def policy(self, domain: str) -> Policy | None:
        self.asked.append(domain)
        return self._policy


async def decide(
    domain: str = "alpha.test",
    *,
    fetcher: Sts | None = None,
    insecure: tuple[bytes, ...] = (),
    broken: tuple[bytes, ...] = (),
    **demand,
) -> TlsPolicy | TlsUnusable:
    """The policy for the first host of `domain`; questions that start with `insecure` have no AD, `broken` fail."""
    zones = Zones({"alpha.test": ZONE}, authenticated=True)

    def respond(query: bytes) -> list[bytes]:
        answer = bytearray(zones.respond(query, is_udp=True))
        asked = query[12:].lower()
        if asked.startswith(insecure):
            answer[3] &= ~0x20
        if asked.startswith(broken):
            return [query[:2] + b"\x81\x82" + query[4:6] + bytes(6) + query[12:-11]]
        return [bytes(answer)]

    async with responder(respond) as server:
        resolver = Resolver([("127.0.0.1", server.port)], attempts=1)
        route = await mail_hosts(
            domain, resolver, random.Random(1), RoutePolicy(allow_private_addresses=True)
        )
        return await destination_policy(
            route, route.hosts[0], resolver, fetcher=fetcher, demand=TlsDemand(**demand)
        )


APEX = b"\x05alpha\x04test"
MX_HOST = b"\x02mx\x05alpha"
TLSA_MX = b"\x03_25\x04_tcp\x02mx"


async def test_dane_where_everything_is_signed():
    sts = Sts(Mode.ENFORCE)
    policy = await decide(fetcher=sts)
    assert policy.level is TlsLevel.DANE
    assert policy.tlsa == (Tlsa(3, 1, 1, bytes.fromhex(DIGEST)),)
    assert policy.server_name == "mx.alpha.test"
    assert policy.names == ("mx.alpha.test", "alpha.test")
    assert policy.is_mandatory
    assert policy.is_authenticated
    assert sts.asked == []  # DANE decides; nothing else is even asked


async def test_the_port_dialled_is_the_one_asked_for():
    assert (await decide(port=2525)).tlsa[0].usage == 2
    assert (await decide(port=465)).level is TlsLevel.OPPORTUNISTIC


async def test_the_expanded_domain_is_a_reference_too():
    assert (await decide("also.alpha.test")).names == ("mx.alpha.test", "also.alpha.test", "alpha.test")


@pytest.mark.parametrize("insecure", [MX_HOST, TLSA_MX])
async def test_an_unsigned_host_has_no_dane(insecure):
    assert (await decide(insecure=(insecure,))).level is TlsLevel.OPPORTUNISTIC


async def test_no_tlsa_question_for_an_unsigned_host():
    assert (await decide(insecure=(MX_HOST,), broken=(TLSA_MX,))).level is TlsLevel.OPPORTUNISTIC


async def test_unsigned_mx_with_a_signed_host_is_dane_for_the_host_alone():
    policy = await decide(insecure=(APEX,))
    assert policy.level is TlsLevel.DANE
    assert policy.names == ("mx.alpha.test",)  # RFC 7672 §3.2.2 eid6283


async def test_a_failed_tlsa_look_up_makes_the_host_unusable():
    for insecure in ((), (APEX,)):
        unusable = await decide(broken=(TLSA_MX,), insecure=insecure, fetcher=Sts(Mode.ENFORCE))
        assert isinstance(unusable, TlsUnusable)
        assert (unusable.result, unusable.code) == (TlsResult.DNSSEC_INVALID, "4.7.5")


async def test_records_that_cannot_be_used_still_promise_tls():
    policy = await decide("odd.alpha.test")
    assert policy.level is TlsLevel.ENCRYPTED
    assert policy.is_mandatory
    assert not policy.is_authenticated


async def test_the_expanded_name_is_asked_first_and_then_the_plain_one():
    aliased = await decide("aliased.alpha.test")
    assert (aliased.server_name, aliased.names[0]) == ("mx.alpha.test", "mx.alpha.test")
    outer = await decide("outer.alpha.test")
    assert (outer.level, outer.server_name) == (TlsLevel.DANE, "own.alpha.test")


async def test_mta_sts_where_there_is_no_dane():
    policy = await decide("plain.alpha.test", fetcher=Sts(Mode.ENFORCE, "host.alpha.test"))
    assert policy.level is TlsLevel.MTA_STS
    assert policy.server_name == "host.alpha.test"
    assert policy.sts.mode is Mode.ENFORCE


async def test_a_host_outside_an_enforced_policy_is_unusable():
    unusable = await decide("plain.alpha.test", fetcher=Sts(Mode.ENFORCE, "mx.alpha.test"))
    assert isinstance(unusable, TlsUnusable)
    assert unusable.result is TlsResult.VALIDATION_FAILURE
    assert "host.alpha.test" in unusable.why


@pytest.mark.parametrize(
    ("mode", "why"), [(Mode.TESTING, "tests"), (Mode.NONE, "no policy"), (None, "no policy")]
)
async def test_a_policy_in_testing_changes_nothing(mode, why):
    policy = await decide("plain.alpha.test", fetcher=Sts(mode, "mx.alpha.test"))
    assert policy.level is TlsLevel.OPPORTUNISTIC
    assert why in policy.why
    assert not policy.is_mandatory


async def test_what_a_report_has_to_tell_of_a_policy():
    """RFC 8461 §5, RFC 8460 §4.3.2: the mode decides what happens, not what is told."""
    met = await decide("plain.alpha.test", fetcher=Sts(Mode.TESTING, "host.alpha.test"))
    assert (met.is_testing, met.complaint) == (True, None)
    other = await decide("plain.alpha.test", fetcher=Sts(Mode.TESTING, "mx.alpha.test"))
    assert other.complaint.result is TlsResult.VALIDATION_FAILURE
    refused = await decide("plain.alpha.test", fetcher=Sts(Mode.ENFORCE, "mx.alpha.test"))
    assert (refused.result, refused.sts.mode) == (TlsResult.VALIDATION_FAILURE, Mode.ENFORCE)
    none = await decide("plain.alpha.test", fetcher=Sts(Mode.NONE, "mx.alpha.test"))
    assert (none.is_testing, none.complaint) == (False, None)
    enforced = await decide("plain.alpha.test", fetcher=Sts(Mode.ENFORCE, "host.alpha.test"))
    assert not enforced.is_testing


async def test_a_policy_that_cannot_be_had_is_none_with_a_complaint():
    problem = StsProblem(TlsResult.STS_POLICY_FETCH_ERROR, "gone")
    fetcher = Sts()
    fetcher._policy = problem
    policy = await decide("plain.alpha.test", fetcher=fetcher)
    assert (policy.level, policy.sts, policy.complaint) == (TlsLevel.OPPORTUNISTIC, None, problem)
    assert policy.why.endswith("cannot be had: gone")
    unmet = await decide("plain.alpha.test", fetcher=fetcher, insecure=(b"\x05plain",), require_tls=True)
    assert unmet.is_demanded


# ── what is asked for on top ──


async def test_the_operator_switches_tls_off():
    assert (await decide(minimum=TlsLevel.NONE)).level is TlsLevel.NONE


@pytest.mark.parametrize(
    ("minimum", "level"),
    [
        (TlsLevel.OPPORTUNISTIC, TlsLevel.OPPORTUNISTIC),
        (TlsLevel.ENCRYPTED, TlsLevel.ENCRYPTED),
        (TlsLevel.REQUIRED, TlsLevel.REQUIRED),
        (TlsLevel.MTA_STS, TlsLevel.REQUIRED),
    ],
)
async def test_the_operator_raises_the_floor(minimum, level):
    assert (await decide("plain.alpha.test", minimum=minimum)).level is level
    assert (await decide(minimum=minimum)).level is TlsLevel.DANE


async def test_mandatory_dane():
    unusable = await decide("plain.alpha.test", minimum=TlsLevel.DANE)
    assert isinstance(unusable, TlsUnusable)
    assert unusable.result is TlsResult.DANE_REQUIRED
    assert (await decide("odd.alpha.test", minimum=TlsLevel.DANE)).result is TlsResult.DANE_REQUIRED


async def test_requiretls():
    assert (await decide(require_tls=True)).level is TlsLevel.DANE
    assert (await decide("plain.alpha.test", require_tls=True)).level is TlsLevel.REQUIRED
    sts = Sts(Mode.ENFORCE, "*.alpha.test")
    unsigned = (b"\x05plain",)
    assert (
        await decide("plain.alpha.test", require_tls=True, fetcher=sts, insecure=unsigned)
    ).level is TlsLevel.MTA_STS
    unusable = await decide("plain.alpha.test", require_tls=True, insecure=unsigned)
    assert isinstance(unusable, TlsUnusable)
    assert unusable.code == "5.7.10"


async def test_tls_required_no():
    for domain, broken in (("alpha.test", ()), ("alpha.test", (TLSA_MX,)), ("odd.alpha.test", ())):
        policy = await decide(domain, is_tls_optional=True, broken=broken)
        assert policy.level is TlsLevel.OPPORTUNISTIC
        assert "TLS-Required" in policy.why
    assert (await decide(is_tls_optional=True, minimum=TlsLevel.ENCRYPTED)).level is TlsLevel.ENCRYPTED


async def test_address_literals_have_no_policy():
    route: MailRoute = await mail_hosts("[1.0.0.1]", Resolver([("127.0.0.1", 1)]), random.Random(1))
    policy = await destination_policy(
        route, route.hosts[0], Resolver([("127.0.0.1", 1)]), fetcher=Sts(Mode.ENFORCE)
    )
    assert (policy.level, policy.server_name) == (TlsLevel.OPPORTUNISTIC, None)
