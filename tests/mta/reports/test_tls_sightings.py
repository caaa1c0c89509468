"""What a TLS report tells of deliveries: every way in which a policy is not met, in testing mode without holding up a letter."""

import pytest

from postier.mailauth.mta_sts import Mode, Policy
from postier.mailauth.reports.tls import PolicyType
from postier.mta.reports.sightings import Sightings
from postier.mta.reports.tls_sightings import TlsWitness
from postier.tls.certificates import CertificateFiles
from postier.tls.policy import StsProblem, TlsResult
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.mta.post_office import ZONES, post_office
from tests.mta.remote_server import HANG_UP, Remote
from tests.mta.reports.servers import real_now_us

ONE, TWO = "127.0.0.2", "127.0.0.3"
MX = "one.beta.test"


class Told:
    """A `PolicyFetcher` that always says the same."""

    def __init__(self, found):
        self.found = found

    async def policy(self, _domain):
        return self.found


def published(*patterns, mode=Mode.TESTING):
    return Told(Policy(mode, 86_400, patterns or ("*.beta.test",)))


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def office(sqlite_store, authority):
    """Deliver one letter to the given servers; what was counted, and what is left in the queue."""

    async def deliver(fetcher, remotes, recipient="b@beta.test", *, is_observed=True, **more):
        sightings = Sightings(sqlite_store, real_now_us)
        async with post_office(
            sqlite_store,
            remotes,
            fetcher=fetcher,
            observer=TlsWitness(sightings) if is_observed else None,
            authorities=authority.file,
            is_signed=bool(more.get("is_signed")),
        ) as office:
            if "zone" in more:
                office.zones.put("beta.test", ZONES["beta.test"] + more["zone"] % office.port)
            await office.send(
                recipient, content=more.get("content", b"From: a@b.test\r\n\r\nHi.\r\n"), sender=""
            )
            await office.quiet()
            return sightings._tls, await office.rows()

    return deliver


def server(authority, *names, days=90, **more):
    """A server with a certificate for these names."""
    files = CertificateFiles(*authority.issue("mx", *names, days=days))
    return Remote(tls=ServerTls(Service.SMTP, [files]).context, **more)


def only(counts):
    """The one sighting: policy type, result, host."""
    ((key, count),) = counts.items()
    assert count == 1
    return key.policy_type, key.result, key.mx_host


async def test_what_is_as_it_should_be_is_one_success_on_one_connection(office, authority):
    remote = server(authority, MX)
    counts, rows = await office(published(), {ONE: remote})
    assert only(counts) == (PolicyType.STS, "", "")
    assert (rows, remote.connections, remote.letters[0].is_encrypted) == ([], 1, True)


@pytest.mark.parametrize(
    ("names", "days", "result"),
    [
        (("other.test",), 90, TlsResult.CERTIFICATE_HOST_MISMATCH),
        ((MX,), -1, TlsResult.CERTIFICATE_EXPIRED),
    ],
)
async def test_a_certificate_that_fails_is_told_and_the_letter_goes(office, authority, names, days, result):
    remote = server(authority, *names, days=days)
    counts, rows = await office(published(), {ONE: remote})
    assert only(counts) == (PolicyType.STS, result.value, MX)
    assert (rows, remote.connections) == ([], 2)
    (taken,) = remote.letters
    assert taken.is_encrypted  # as though nothing were published (RFC 8461 §5)


async def test_an_unknown_authority(office, tmp_path):
    remote = server(Authority(tmp_path, "Stranger"), MX)
    counts, _ = await office(published(), {ONE: remote})
    assert only(counts) == (PolicyType.STS, "certificate-not-trusted", MX)
    assert remote.letters[0].is_encrypted


async def test_a_host_that_the_policy_does_not_name(office, authority):
    remote = server(authority, MX)
    counts, rows = await office(published("two.beta.test"), {ONE: remote})
    assert only(counts) == (PolicyType.STS, "validation-failure", MX)
    ((key, _),) = counts.items()
    assert key.reason == "one.beta.test is not in the MTA-STS policy of beta.test (two.beta.test)"
    assert (rows, remote.connections, len(remote.letters)) == ([], 1, 1)


async def test_no_starttls(office):
    remote = Remote()
    counts, rows = await office(published(), {ONE: remote})
    assert only(counts) == (PolicyType.STS, "starttls-not-supported", MX)
    assert (rows, remote.connections, len(remote.letters)) == ([], 1, 1)


async def test_no_tls_behind_starttls_is_told_once(office):
    remote = Remote({"STARTTLS": "220 go on\r\nthis is no TLS"}, extensions=("STARTTLS",))
    counts, rows = await office(published(), {ONE: remote})
    assert only(counts) == (PolicyType.STS, "validation-failure", MX)
    assert (rows, remote.connections) == ([], 3)  # checked, unchecked, plain
    assert not remote.letters[0].is_encrypted


async def test_nothing_is_checked_for_nobody(office, authority):
    """Without reports a testing policy costs no connection more."""
    remote = server(authority, "other.test")
    _, rows = await office(published(), {ONE: remote}, is_observed=False)
    assert (rows, remote.connections) == ([], 1)


async def test_our_own_reports_are_not_told_about(office, authority):
    """RFC 8460 §3."""
    remote = server(authority, "other.test")
    content = b"From: a@b.test\r\nTLS-Required: No\r\n\r\nHi.\r\n"
    counts, rows = await office(published(), {ONE: remote}, content=content)
    assert (counts, rows, remote.connections) == ({}, [], 1)


async def test_a_network_that_fails_is_no_failure_of_tls(office):
    counts, rows = await office(published(), {ONE: Remote({"": HANG_UP})})
    assert counts == {}
    assert len(rows) == 1


# Enforced policies, and those that cannot be had


async def test_enforced_and_met(office, authority):
    counts, rows = await office(published(mode=Mode.ENFORCE), {ONE: server(authority, MX)})
    assert (only(counts), rows) == ((PolicyType.STS, "", ""), [])


async def test_enforced_and_not_named(office, authority):
    fetcher = published("three.beta.test", mode=Mode.ENFORCE)
    counts, rows = await office(fetcher, {ONE: server(authority, MX)})
    assert {(key.policy_type, key.result, key.mx_host) for key in counts} == {
        (PolicyType.STS, "validation-failure", MX),
        (PolicyType.STS, "validation-failure", "two.beta.test"),
    }
    assert all("mode: enforce" in key.policy_lines for key in counts)
    assert len(rows) == 1


@pytest.mark.parametrize("result", [TlsResult.STS_POLICY_FETCH_ERROR, TlsResult.STS_WEBPKI_INVALID])
async def test_a_policy_that_cannot_be_had(office, authority, result):
    remote = server(authority, "other.test")
    counts, rows = await office(Told(StsProblem(result, "mta-sts.beta.test: gone")), {ONE: remote})
    assert only(counts) == (PolicyType.STS, result.value, MX)
    ((key, _),) = counts.items()
    assert (key.policy_lines, key.reason) == ((), "mta-sts.beta.test: gone")
    assert (rows, remote.connections) == ([], 1)


async def test_dane_is_told_as_dane(office, authority):
    """RFC 8461 §2: MTA-STS does not come into it."""
    zone = "_%d._tcp.one IN TLSA 3 1 1 " + "00" * 32 + "\n"
    counts, _ = await office(published(), {ONE: server(authority, MX)}, zone=zone, is_signed=True)
    failed = [key for key in counts if key.mx_host == MX]
    assert [(key.policy_type, key.result) for key in failed] == [(PolicyType.TLSA, "certificate-not-trusted")]
