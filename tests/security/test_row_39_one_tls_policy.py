"""SECURITY 39: DANE before MTA-STS before opportunistic; what fails above is never mended from below."""

import random
import ssl

import pytest

from postier.dns.authoritative import AuthoritativeServer
from postier.dns.mx import RoutePolicy, mail_hosts
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailauth.mta_sts import Mode, Policy
from postier.tls.certificates import CertificateFiles
from postier.tls.client import client_context
from postier.tls.peer import failed_handshake, verify_peer, without_tls
from postier.tls.policy import TlsLevel, TlsPolicy, TlsUnusable, destination_policy
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import NOW, Authority
from tests.tls_handshake import handshake

WRONG = "00" * 32
ZONE = "@ IN MX 10 mx\nmx IN A 1.0.0.1\n"
DANE = ZONE + f"_25._tcp.mx IN TLSA 3 1 1 {WRONG}\n"


class Enforced:
    """A domain that enforces MTA-STS for this host."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    async def policy(self, _domain: str) -> Policy:
        return Policy(Mode.ENFORCE, 86_400, (self.pattern,))


async def decide(text: str, pattern: str, *, authenticated: bool) -> TlsPolicy | TlsUnusable:
    async with AuthoritativeServer(Zones({"alpha.test": text}, authenticated=authenticated)) as server:
        resolver = Resolver([(server.host, server.port)])
        route = await mail_hosts("alpha.test", resolver, random.Random(1), RoutePolicy())
        return await destination_policy(route, route.hosts[0], resolver, fetcher=Enforced(pattern))


@pytest.fixture
def webpki(tmp_path):
    """A server that satisfies MTA-STS entirely, and whom it trusts."""
    authority = Authority(tmp_path)
    files = CertificateFiles(*authority.issue("mx", "mx.alpha.test"))
    return ServerTls(Service.SMTP, [files]).context, authority


async def test_dane_fails_while_mta_sts_would_pass(webpki):
    context, authority = webpki
    policy = await decide(DANE, "mx.alpha.test", authenticated=True)
    assert policy.level is TlsLevel.DANE
    near, _ = handshake(context, client_context(policy, authority.file), policy.server_name)
    fact = verify_peer(policy, near, NOW.timestamp())
    assert not fact.is_acceptable
    assert not fact.may_go_plain


async def test_mta_sts_fails_while_opportunistic_would_pass(webpki, tmp_path):
    _, authority = webpki
    other = ServerTls(Service.SMTP, [CertificateFiles(*authority.issue("other", "other.test"))])
    policy = await decide(ZONE, "mx.alpha.test", authenticated=False)
    assert policy.level is TlsLevel.MTA_STS
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        handshake(other.context, client_context(policy, authority.file), policy.server_name)
    fact = failed_handshake(policy, caught.value)
    assert not fact.is_acceptable
    assert not fact.may_go_plain


@pytest.mark.parametrize(("text", "authenticated"), [(DANE, True), (ZONE, False), (ZONE, True)])
async def test_stripped_starttls_is_no_delivery(text, authenticated):
    policy = await decide(text, "mx.alpha.test", authenticated=authenticated)
    assert not without_tls(policy).is_acceptable


async def test_the_pattern_is_enforced_here_and_not_by_glue():
    unusable = await decide(ZONE, "*.beta.test", authenticated=False)
    assert isinstance(unusable, TlsUnusable)


async def test_unsigned_tlsa_records_are_no_dane():
    policy = await decide(DANE, "mx.alpha.test", authenticated=False)
    assert policy.level is TlsLevel.MTA_STS


async def test_dns_that_goes_silent_is_no_way_down():
    async with AuthoritativeServer(Zones({"alpha.test": DANE}, authenticated=True)) as server:
        resolver = Resolver([(server.host, server.port)], try_timeout_s=0.1, attempts=1)
        route = await mail_hosts("alpha.test", resolver, random.Random(1))
    unusable = await destination_policy(route, route.hosts[0], resolver, fetcher=Enforced("mx.alpha.test"))
    assert isinstance(unusable, TlsUnusable)
    assert unusable.code == "4.7.5"
