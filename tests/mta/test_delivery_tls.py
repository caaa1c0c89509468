"""The outgoing way under TLS: what is opportunistic never stops a letter, what a domain demands is never given up."""

import pytest

from postier.mailauth.mta_sts import Mode, Policy
from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.mta.post_office import ZONES, post_office
from tests.mta.remote_server import HANG_UP, Remote
from tests.servers.smtp_server import letters

ONE, TWO = "127.0.0.2", "127.0.0.3"
WRONG = "00" * 32


@pytest.fixture
def tls(tmp_path):
    """A certificate that nobody vouches for, of another name."""
    files = CertificateFiles(*Authority(tmp_path).issue("other", "other.test"))
    return ServerTls(Service.SMTP, [files]).context


class Enforced:
    """A domain that enforces MTA-STS for these hosts."""

    def __init__(self, *patterns):
        self.patterns = patterns

    async def policy(self, _domain):
        return Policy(Mode.ENFORCE, 86_400, self.patterns)


async def outcome(office, recipient="b@beta.test", **facts):
    """Queue a letter; its row after the attempt, or None when it is delivered or has failed."""
    await office.send(recipient, **facts)
    await office.quiet()
    rows = await office.rows()
    return rows[0] if rows else None


async def test_a_certificate_of_nobody_is_good_enough(sqlite_store, tls):
    """RFC 7435: encrypted is better than not."""
    async with post_office(sqlite_store, {ONE: (one := Remote(tls=tls))}) as office:
        assert await outcome(office) is None
    (taken,) = one.letters
    assert taken.is_encrypted
    assert [line for line in one.lines if line.startswith("EHLO")] == ["EHLO mx.alpha.test"] * 2


@pytest.mark.parametrize("reply", ["454 4.7.0 not now", "502 5.5.1 what"])
async def test_tls_refused(sqlite_store, tls, reply):
    async with post_office(sqlite_store, {ONE: (one := Remote({"STARTTLS": reply}, tls=tls))}) as office:
        assert await outcome(office) is None
    assert not one.letters[0].is_encrypted


async def test_a_handshake_that_fails(sqlite_store):
    """Plain, on another connection: nothing here demands TLS."""
    one = Remote(extensions=("STARTTLS",), replies={"STARTTLS": "220 go on\r\nthis is no TLS"})
    async with post_office(sqlite_store, {ONE: one}) as office:
        assert await outcome(office) is None
    assert not one.letters[0].is_encrypted
    assert one.connections == 2


@pytest.mark.parametrize("injected", [b"250 injected\r\n", b"250-x\r\n250 SIZE 1\r\n", b"554 no\r\n"])
async def test_what_is_said_in_plain_behind_starttls(sqlite_store, tls, injected):
    """SECURITY 8: an attacker's words in plaintext are no part of the encrypted dialogue."""
    one = Remote(tls=tls, injected=injected)
    async with post_office(sqlite_store, {ONE: one}) as office:
        row = await outcome(office)
        if row is not None:
            assert row[1] == "waiting"
    for taken in one.letters:
        assert taken.recipients == ("b@beta.test",)
    assert await letters(sqlite_store, "alice@alpha.test") == []


# What the domain demands (SECURITY 39)


@pytest.mark.parametrize("is_offered", [True, False], ids=["wrong-certificate", "stripped"])
async def test_dane_that_fails_waits(sqlite_store, tls, is_offered):
    remotes = {ONE: (one := Remote(tls=tls if is_offered else None)), TWO: (two := Remote())}
    async with post_office(sqlite_store, remotes, is_signed=True) as office:
        office_zone = ZONES["beta.test"] + "".join(
            f"_{office.port}._tcp.{host} IN TLSA 3 1 1 {WRONG}\n" for host in ("one", "two")
        )
        office.zones.put("beta.test", office_zone)
        _, state, _, reply = await outcome(office)
    assert state == "waiting"
    assert reply.startswith("451 4.7.5 ")
    assert not one.letters
    assert not two.letters
    assert await letters(sqlite_store, "alice@alpha.test") == []


@pytest.mark.parametrize("is_offered", [True, False], ids=["wrong-certificate", "stripped"])
async def test_mta_sts_that_fails_waits(sqlite_store, tls, is_offered):
    remotes = {ONE: (one := Remote(tls=tls if is_offered else None))}
    async with post_office(sqlite_store, remotes, fetcher=Enforced("*.beta.test")) as office:
        _, state, _, reply = await outcome(office)
    assert state == "waiting"
    assert reply.startswith("451 4.")
    assert not one.letters


async def test_a_host_that_the_policy_does_not_name_is_not_even_dialled(sqlite_store, tls):
    remotes = {ONE: (one := Remote(tls=tls)), TWO: Remote(tls=tls)}
    async with post_office(sqlite_store, remotes, fetcher=Enforced("two.beta.test")) as office:
        _, state, _, _ = await outcome(office)
    assert state == "waiting"
    assert not one.connections


async def test_requiretls_is_never_given_up(sqlite_store, tls):
    """RFC 8689 §4.2.1: neither DNSSEC nor MTA-STS vouches for the host."""
    async with post_office(sqlite_store, {ONE: (one := Remote(tls=tls))}) as office:
        await outcome(office, requires_tls=True)
    assert not one.letters


async def test_a_server_that_hangs_up_under_tls_is_not_asked_in_plain(sqlite_store, tls):
    one = Remote({"MAIL": HANG_UP}, tls=tls)
    async with post_office(sqlite_store, {ONE: one}) as office:
        _, state, _, _ = await outcome(office)
    assert state == "waiting"
    assert one.connections == 1
