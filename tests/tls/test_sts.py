"""`tls.sts` and `tls.https`: a DNS server and an HTTPS server of the test, a clock that the test turns."""

import asyncio
import contextlib

import pytest

from postier.dns.authoritative import AuthoritativeServer
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailauth.mta_sts import MAX_POLICY_OCTETS, Mode
from postier.tls import https, sts
from postier.tls.certificates import CertificateFiles
from postier.tls.https import FetchError, HttpsSource
from postier.tls.policy import StsProblem, TlsResult
from postier.tls.server import ServerTls, Service
from postier.tls.sts import MIN_AGE_S, REFRESH_S, RETRY_S, InMemory, StsPolicies
from tests.certificate_authority import Authority

POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.alpha.test\r\nmax_age: 604800\r\n"


def ok(body: bytes, head: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n" + head + b"\r\n" + body


def zone(identifier: str | None, address: str = "127.0.0.1") -> str:
    announced = f'_mta-sts IN TXT "v=STSv1; id={identifier};"\n' if identifier else ""
    return f"{announced}mta-sts IN A {address}\n"


class World:
    """A domain, its policy host and a sender's clock."""

    def __init__(self, dns: AuthoritativeServer, resolver: Resolver) -> None:
        self.dns = dns
        self.resolver = resolver
        self.response = ok(POLICY)
        self.requests: list[bytes] = []
        self.now_s = 1_000_000.0
        self.hold: asyncio.Event | None = None

    def announce(self, identifier: str | None) -> None:
        self.dns.zones.put("alpha.test", zone(identifier))
        self.resolver.cache.clear()

    async def serve(self, reader, writer) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if self.hold is not None:
                await self.hold.wait()
            writer.write(self.response)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def world(tmp_path, *names: str, memory: InMemory | None = None, **options):
    authority = Authority(tmp_path)
    files = CertificateFiles(*authority.issue("policy", *(names or ("mta-sts.alpha.test",))))
    tls = ServerTls(Service.HTTP, [files])
    async with AuthoritativeServer(Zones({"alpha.test": zone("1")})) as dns:
        made = World(dns, Resolver([(dns.host, dns.port)]))
        web = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls.context)
        async with web:
            options = {"allow_private_addresses": True, "authorities": authority.file} | options
            source = HttpsSource(made.resolver, port=web.sockets[0].getsockname()[1], **options)
            made.source = source
            made.policies = StsPolicies(made.resolver, source, memory=memory, now=lambda: made.now_s)
            yield made


# ── what is in force ──


async def test_a_policy_is_fetched_once(tmp_path):
    async with world(tmp_path) as one:
        for _ in range(3):
            policy = await one.policies.policy("alpha.test")
        assert policy.mode is Mode.ENFORCE
        assert policy.allows("mx.alpha.test")
        (request,) = one.requests
        assert request.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.alpha.test\r\n")
        assert one.policies.problem("alpha.test") is None


async def test_a_domain_without_announcement_has_none_and_is_not_asked(tmp_path):
    async with world(tmp_path) as one:
        for announced in (None, "", "not/valid"):
            one.announce(announced)
            assert await one.policies.policy("alpha.test") is None
        assert await one.policies.policy("beta.test") is None
        assert one.requests == []


async def test_a_new_id_brings_a_new_policy(tmp_path):
    async with world(tmp_path) as one:
        await one.policies.policy("alpha.test")
        one.response = ok(POLICY.replace(b"enforce", b"testing"))
        assert (await one.policies.policy("alpha.test")).mode is Mode.ENFORCE
        one.announce("2")
        one.now_s += MIN_AGE_S
        assert (await one.policies.policy("alpha.test")).mode is Mode.TESTING
        assert len(one.requests) == 2


async def test_ids_that_change_all_the_time_cause_a_fetch_a_minute(tmp_path):
    async with world(tmp_path) as one:
        for number in range(5):
            one.announce(str(number))
            assert (await one.policies.policy("alpha.test")).mode is Mode.ENFORCE
            one.now_s += MIN_AGE_S / 4
        assert len(one.requests) == 2


async def test_a_cached_policy_outlives_dns_and_https(tmp_path):
    async with world(tmp_path) as one:
        await one.policies.policy("alpha.test")
        one.announce(None)
        assert (await one.policies.policy("alpha.test")).mode is Mode.ENFORCE
        one.announce("2")
        one.now_s += MIN_AGE_S
        one.response = b"HTTP/1.1 404 Not Found\r\n\r\n"
        assert (await one.policies.policy("alpha.test")).mode is Mode.ENFORCE
        assert one.policies.problem("alpha.test").result is TlsResult.STS_POLICY_FETCH_ERROR
        one.now_s += 604_800 - MIN_AGE_S - 1
        assert (await one.policies.policy("alpha.test")).mode is Mode.ENFORCE
        one.now_s += 1
        one.announce(None)
        assert await one.policies.policy("alpha.test") is None


async def test_it_is_refreshed_each_day_before_it_ends(tmp_path):
    async with world(tmp_path) as one:
        await one.policies.policy("alpha.test")
        one.now_s += REFRESH_S - 1
        await one.policies.policy("alpha.test")
        assert len(one.requests) == 1
        one.now_s += 1
        await one.policies.policy("alpha.test")
        assert len(one.requests) == 2
        one.now_s += 604_800 - 1  # its time counts from the refresh
        one.announce(None)
        assert await one.policies.policy("alpha.test") is not None


async def test_after_a_failure_there_is_a_pause_for_this_id_only(tmp_path):
    async with world(tmp_path) as one:
        one.response = ok(b"no policy")
        found = await one.policies.policy("alpha.test")
        assert isinstance(found, StsProblem)
        assert found == one.policies.problem("alpha.test")
        assert one.policies.problem("alpha.test").result is TlsResult.STS_POLICY_INVALID
        one.now_s += RETRY_S - 1
        assert await one.policies.policy("alpha.test") == found
        assert len(one.requests) == 1
        one.announce("2")
        await one.policies.policy("alpha.test")
        assert len(one.requests) == 2
        one.announce(None)  # a policy that is not announced is none
        assert await one.policies.policy("alpha.test") is None
        one.announce("2")
        one.now_s += RETRY_S
        one.response = ok(POLICY)
        assert (await one.policies.policy("alpha.test")).mode is Mode.ENFORCE
        assert one.policies.problem("alpha.test") is None


async def test_ids_that_change_all_the_time_and_cannot_be_had(tmp_path):
    async with world(tmp_path) as one:
        one.response = ok(b"no policy")
        for number in range(5):
            one.announce(str(number))
            assert isinstance(await one.policies.policy("alpha.test"), StsProblem)
            one.now_s += MIN_AGE_S / 4
        assert len(one.requests) == 2


async def test_many_ask_and_one_fetches(tmp_path):
    async with world(tmp_path) as one:
        one.hold = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(one.policies.policy("alpha.test")) for _ in range(5)]
            one.hold.set()
        assert {task.result().mode for task in asking} == {Mode.ENFORCE}
        assert len(one.requests) == 1
        assert one.policies._fetching == {}


async def test_a_memory_carries_policies_over_a_restart(tmp_path):
    memory = InMemory()
    async with world(tmp_path, memory=memory) as one:
        await one.policies.policy("alpha.test")
    async with world(tmp_path, memory=memory) as again:
        assert (await again.policies.policy("alpha.test")).mode is Mode.ENFORCE
        assert again.requests == []


async def test_memory_and_failures_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(sts, "MAX_KNOWN", 1)
    async with world(tmp_path) as one:
        known = await one.policies.policy("alpha.test")
        one.dns.zones.put("beta.test", zone("1"))
        assert known is not None
        await one.policies.policy("beta.test")
        assert one.policies.problem("beta.test").result is TlsResult.STS_WEBPKI_INVALID
        one.announce("2")
        one.now_s += MIN_AGE_S
        one.response = b"junk"
        await one.policies.policy("alpha.test")
        assert one.policies.problem("beta.test") is None


# ── HTTPS ──


@pytest.mark.parametrize(
    "response",
    [
        ok(POLICY),
        ok(POLICY, b"Content-Length: %d\r\n" % len(POLICY)),
        ok(POLICY, b"content-length: %d\r\n" % len(POLICY)) + b"trailing",
        ok(
            b"5\r\n" + POLICY[:5] + b"\r\n%X;x=y\r\n" % len(POLICY[5:]) + POLICY[5:] + b"\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n",
        ),
        ok(POLICY).replace(b"1.1 200 OK", b"1.0 200"),
        ok(POLICY).replace(b"; charset=utf-8", b""),
    ],
)
async def test_a_body_comes_in_each_form(tmp_path, response):
    async with world(tmp_path) as one:
        one.response = response
        assert await one.source.fetch("alpha.test") == POLICY


@pytest.mark.parametrize(
    ("response", "result"),
    [
        (
            b"HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.alpha.test/x\r\n\r\n",
            TlsResult.STS_POLICY_FETCH_ERROR,
        ),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", TlsResult.STS_POLICY_FETCH_ERROR),
        (b"HTTP/1.1 2000\r\n\r\n", TlsResult.STS_POLICY_FETCH_ERROR),
        (b"junk\r\n\r\n", TlsResult.STS_POLICY_FETCH_ERROR),
        (b"junk", TlsResult.STS_POLICY_FETCH_ERROR),
        (b"", TlsResult.STS_POLICY_FETCH_ERROR),
        (b"x" * 40_000, TlsResult.STS_POLICY_FETCH_ERROR),
        (ok(POLICY).replace(b"text/plain", b"text/html"), TlsResult.STS_POLICY_INVALID),
        (b"HTTP/1.1 200 OK\r\n\r\n" + POLICY, TlsResult.STS_POLICY_INVALID),
        (ok(POLICY, b"Content-Length: 9999\r\n"), TlsResult.STS_POLICY_FETCH_ERROR),
        (ok(b"", b"Content-Length: 65537\r\n"), TlsResult.STS_POLICY_INVALID),
        (ok(b"x" * (MAX_POLICY_OCTETS + 1)), TlsResult.STS_POLICY_INVALID),
        (ok(b"zz\r\n", b"Transfer-Encoding: chunked\r\n"), TlsResult.STS_POLICY_FETCH_ERROR),
        (ok(b"10001\r\n", b"Transfer-Encoding: chunked\r\n"), TlsResult.STS_POLICY_INVALID),
    ],
)
async def test_what_is_no_policy_file(tmp_path, response, result):
    async with world(tmp_path) as one:
        one.response = response
        with pytest.raises(FetchError) as caught:
            await one.source.fetch("alpha.test")
        assert caught.value.result is result


async def test_a_body_of_the_greatest_size(tmp_path):
    async with world(tmp_path) as one:
        one.response = ok(b"x" * MAX_POLICY_OCTETS)
        assert len(await one.source.fetch("alpha.test")) == MAX_POLICY_OCTETS


async def test_the_certificate_must_be_the_policy_hosts(tmp_path):
    async with world(tmp_path, "alpha.test") as one:
        with pytest.raises(FetchError) as caught:
            await one.source.fetch("alpha.test")
        assert caught.value.result is TlsResult.STS_WEBPKI_INVALID
        assert one.requests == []


async def test_only_public_addresses_are_dialled(tmp_path):
    async with world(tmp_path, allow_private_addresses=False) as one:
        with pytest.raises(FetchError, match="no address that is public"):
            await one.source.fetch("alpha.test")
        with pytest.raises(FetchError, match="no address"):
            await one.source.fetch("beta.test")


async def test_a_slow_host_is_given_up(tmp_path):
    async with world(tmp_path, timeout_s=0.2) as one:
        one.hold = asyncio.Event()
        with pytest.raises(FetchError, match="took over"):
            await one.source.fetch("alpha.test")
        one.hold.set()
    assert https.TIMEOUT_S == 60
