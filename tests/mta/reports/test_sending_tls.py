"""TLS reports by HTTPS, and what is tried again."""

import asyncio
import gzip
import random
from datetime import date

import msgspec
import pytest

from postier.accounts.directory import Directory
from postier.accounts.dkim_keys import make_keys
from postier.accounts.domains import add_domain
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailauth.dane import Tlsa
from postier.mailauth.mta_sts import Mode, Policy
from postier.mailauth.reports.tls import PolicyType, read_tls
from postier.mta.reports.sending import MAX_TRIES, Sender
from postier.mta.reports.sighting_rows import KEPT_DAYS, due_reports, sent_since
from postier.mta.reports.sightings import Sightings
from postier.mta.reports.tls_sightings import MAX_PATTERNS, MAX_TLSA, TlsWitness
from postier.tls.policy import TlsLevel, TlsPolicy, TlsResult
from tests.mta.reports.servers import DAY_US, Poster, real_now_us

ZONES = {
    ".": "",
    "beta.test": '_smtp._tls IN TXT "v=TLSRPTv1; rua=https://reports.beta.test/v1"\n',
    "mail.test": '_smtp._tls IN TXT "v=TLSRPTv1; rua=mailto:tls@mail.test"\n',
    "quiet.test": "",
}
STS = TlsPolicy(TlsLevel.MTA_STS, "mx.beta.test", sts=Policy(Mode.ENFORCE, 86_400, ("mx.beta.test",)))


@pytest.fixture
async def sender(store):
    directory = Directory(store, hostname="mx.alpha.test")
    async with AuthoritativeServer(Zones(ZONES)) as dns:
        resolver = Resolver([(dns.host, dns.port)])
        await store.write(add_domain, "alpha.test", make_keys("alpha.test", date(2026, 1, 1)))
        yield Sender(
            store, directory, resolver, Poster(takes=True), "mx.alpha.test", 10, real_now_us, random.getrandbits,
            delay_us=-DAY_US,
        )  # fmt: skip
    directory.close()


async def see(store, *domains):
    sightings = Sightings(store, real_now_us)
    witness = TlsWitness(sightings)
    for domain in domains:
        witness.saw(domain, STS, "mx.beta.test", "192.0.2.1", None, "")
        witness.saw(domain, STS, "mx.other.test", "192.0.2.1", None, "")
        witness.saw(domain, STS, "mx.beta.test", "192.0.2.1", TlsResult.CERTIFICATE_EXPIRED, "expired")
    await sightings.fold()


async def test_a_report_is_posted(store, sender):
    await see(store, "beta.test", "quiet.test")
    assert await sender.send_due(asyncio.Event()) == 1
    ((url, media_type, content),) = sender.poster.posted
    assert (url, media_type) == ("https://reports.beta.test/v1", "application/tlsrpt+gzip")
    report = read_tls(gzip.decompress(content))
    assert report.contact == "postmaster@alpha.test"
    (policy,) = report.policies
    assert (policy.policy_type, policy.succeeded, policy.failed) == (PolicyType.STS, 2, 1)
    assert policy.policy_lines == ("version: STSv1", "mode: enforce", "mx: mx.beta.test", "max_age: 86400")
    (failure,) = policy.failures
    assert (failure.kind, failure.mx_host, failure.receiving_ip) == (
        "certificate-expired",
        "mx.beta.test",
        "192.0.2.1",
    )
    assert await store.read(lambda tx: tx.value("SELECT count(*) FROM tls_sighting")) == 0


async def test_a_server_that_does_not_take_it_is_tried_again_later(store, sender):
    await see(store, "beta.test")
    sender.poster.takes = False
    stopping = asyncio.Event()
    assert await sender.send_due(stopping) == 0
    assert await sender.send_due(stopping) == 0
    assert len(sender.poster.posted) == 1
    for attempt in range(2, MAX_TRIES + 3):
        await store.write(lambda tx: tx.run("UPDATE report_done SET due_at = 0"))
        await sender.send_due(stopping)
        assert len(sender.poster.posted) == min(attempt, MAX_TRIES)
    assert await store.read(lambda tx: tx.value("SELECT outcome FROM report_done")) == "nobody took it"


async def letters_queued(store):
    return await store.read(lambda tx: tx.value("SELECT count(*) FROM queue_message"))


async def test_a_cap_below_what_was_sent_sends_nothing(store, sender):
    """It may be lowered in the configuration."""
    await see(store, "beta.test")
    assert await sender.send_due(asyncio.Event()) == 1
    await see(store, "quiet.test")
    assert await msgspec.structs.replace(sender, per_day=0).send_due(asyncio.Event()) == 0
    assert await store.read(lambda tx: tx.value("SELECT count(*) FROM tls_sighting")) == 2


async def test_two_senders_that_both_think_it_is_theirs_send_once(store, sender):
    """A round may take longer than its lease."""
    await see(store, "mail.test")
    reporting = await sender._reporting()
    (due,) = await store.read(due_reports, 1 << 30, real_now_us(), 10)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(sender._send(due, reporting))
    assert await letters_queued(store) == 1
    assert await store.read(sent_since, 0) == 1
    await sender._later(due, "too late")  # what was sent stays sent
    assert await store.read(due_reports, 1 << 30, real_now_us() + DAY_US, 10) == []


async def test_whoever_has_lost_the_duty_sends_no_more(store, sender):
    await see(store, "mail.test", "beta.test")
    held = iter((True, False))

    async def holds():
        return next(held)

    assert await sender.send_due(asyncio.Event(), holds) == 1
    assert next(held, None) is None


async def test_a_policy_is_told_within_bounds(sqlite_store):
    sightings = Sightings(sqlite_store, real_now_us)
    patterns = tuple(f"mx{number}.beta.test" for number in range(MAX_PATTERNS + 1))
    tlsa = (Tlsa(3, 1, 1, b"\0" * 32),) * (MAX_TLSA + 1)
    for policy in (
        TlsPolicy(TlsLevel.MTA_STS, "mx.beta.test", sts=Policy(Mode.ENFORCE, 1, patterns)),
        TlsPolicy(TlsLevel.DANE, "mx.beta.test", tlsa=tlsa),
    ):
        TlsWitness(sightings).saw("beta.test", policy, "mx.beta.test", "192.0.2.1", None, "x" * 1_000)
    sts, dane = sightings._tls
    assert (len(sts.mx_hosts), len(sts.policy_lines)) == (MAX_PATTERNS, MAX_PATTERNS + 3)
    assert len(dane.policy_lines) == MAX_TLSA


async def test_old_sightings_go(store, sender):
    await see(store, "beta.test")
    late = msgspec.structs.replace(sender, delay_us=-DAY_US * (KEPT_DAYS + 1), per_day=0)
    await late.send_due(asyncio.Event())
    assert await store.read(lambda tx: tx.value("SELECT count(*) FROM tls_sighting")) == 0


async def test_without_a_key_nothing_is_sent(store, sender):
    await see(store, "beta.test")
    await store.write(lambda tx: tx.run("DELETE FROM dkim_key"))
    assert await sender.send_due(asyncio.Event()) == 0
    assert sender.poster.posted == []
    assert await store.read(lambda tx: tx.value("SELECT count(*) FROM tls_sighting")) == 2


async def test_tlsa_records_are_told_as_they_are(sqlite_store):
    sightings = Sightings(sqlite_store, real_now_us)
    policy = TlsPolicy(TlsLevel.DANE, "mx.beta.test", tlsa=(Tlsa(3, 1, 1, b"\x1f\x85"),))
    TlsWitness(sightings).saw("beta.test", policy, "mx.beta.test", "192.0.2.1", None, "")
    (key,) = sightings._tls
    assert (key.policy_type, key.policy_lines) == (PolicyType.TLSA, ("3 1 1 1F85",))


async def test_of_dane_the_base_domain_is_named_and_the_recipients_domain_is_told(store, sender):
    """RFC 8460 §1.1: one policy for each host, in the report to whom the letters went."""
    sightings = Sightings(store, real_now_us)
    witness = TlsWitness(sightings)
    for host, base in (("mx1.beta.test", "mx1.beta.test"), ("mx2.beta.test", "real.host.test")):
        policy = TlsPolicy(TlsLevel.DANE, host, base, tlsa=(Tlsa(3, 1, 1, b"\x1f\x85"),))
        witness.saw("beta.test", policy, host, "192.0.2.1", None, "")
    witness.saw("beta.test", STS, "mx.beta.test", "192.0.2.1", None, "")
    await sightings.fold()
    assert await sender.send_due(asyncio.Event()) == 1
    ((_, _, content),) = sender.poster.posted
    policies = read_tls(gzip.decompress(content)).policies
    assert sorted((each.policy_type, each.domain) for each in policies) == [
        (PolicyType.STS, "beta.test"),
        (PolicyType.TLSA, "mx1.beta.test"),
        (PolicyType.TLSA, "real.host.test"),
    ]
