"""Each part of the examination: what is fine, what is not, and that it then names a cure."""

import asyncio
import datetime as dt
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey, KeyState
from postier.accounts.dkim_stages import DAY_US, RETIRED_KEPT_US
from postier.accounts.domains import DomainInfo
from postier.accounts.publishing import DnsRecord
from postier.accounts.unsigned_mail import UnsignedMail
from postier.app.doctor import clock
from postier.app.doctor.certificate import examine_certificate
from postier.app.doctor.finding import State
from postier.app.doctor.names import examine_domain, examine_host
from postier.app.doctor.ports import examine_ports
from postier.app.doctor.signing import examine_keys, examine_unsigned
from postier.app.doctor.storage import examine_queue, examine_store
from postier.app.settings import Listener, Protocol, Settings, Tls, TlsMode
from postier.app.values import Endpoint
from postier.dns.resolver import Resolver
from postier.mta.queue_figures import QueueFigures
from tests.certificate_authority import Authority
from tests.ports import free_port

NOW_US = 1_795_000_000_000_000


def key(selector, state=KeyState.ACTIVE, algorithm=DkimAlgorithm.RSA, days=0):
    at = NOW_US - days * DAY_US
    return DkimKey("x.test", selector, algorithm, "pem", state, at, at)


def settings(*listeners, **more):
    return Settings(hostname="mx.x.test", listener=listeners, **more)


def listener(port, protocol=Protocol.SMTP, tls=TlsMode.NONE):
    return Listener(protocol=protocol, bind=Endpoint("127.0.0.1", port), tls=tls)


@pytest.mark.parametrize(
    ("keys", "state", "words"),
    [
        ([key("1"), key("2", algorithm=DkimAlgorithm.ED25519)], State.FINE, "signs with 1, 2"),
        ([], State.WRONG, "leaves unsigned"),
        ([key("1", KeyState.PUBLISHED)], State.WRONG, "leaves unsigned"),
        ([key("1", algorithm=DkimAlgorithm.ED25519)], State.WARNING, "Ed25519 only"),
        ([key("1", days=731)], State.WARNING, "2 years old"),
        ([key("1", days=730)], State.FINE, ""),
        ([key("1"), key("2", KeyState.PUBLISHED, days=31)], State.WARNING, "for 31 days"),
        ([key("1"), key("2", KeyState.PUBLISHED, days=30)], State.FINE, ""),
        (
            [key("1"), key("2", KeyState.RETIRED, days=RETIRED_KEPT_US // DAY_US)],
            State.WARNING,
            "is retired for 14 days",
        ),
        ([key("1"), key("2", KeyState.RETIRED, days=13)], State.FINE, ""),
    ],
)
def test_keys(keys, state, words):
    (found,) = examine_keys("x.test", keys, NOW_US)
    assert (found.state, words in found.says) == (state, True)
    assert bool(found.cure) == (state is not State.FINE)


def test_unsigned_mail():
    (found,) = examine_unsigned([UnsignedMail("x.test", 3, NOW_US - DAY_US, NOW_US)])
    assert found.state is State.WRONG
    assert (
        "3 letters of x.test have left unsigned since 2026-11-17 11:06, the last on 2026-11-18" in found.says
    )
    (found,) = examine_unsigned([])
    assert found.state is State.FINE


@asynccontextmanager
async def greeting(line):
    async def greet(_, writer):
        writer.write(line)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_ports():
    async with greeting(b"220 mx\r\n") as smtp, greeting(b"* OK\r\n") as imap, greeting(b"HTTP/1.1") as other:
        (found,) = await examine_ports(settings(listener(smtp), listener(imap, Protocol.IMAP)))
        assert found.state is State.FINE
        (found,) = await examine_ports(settings(listener(smtp), listener(free_port())))
        assert (found.state, "refused" in found.says) == (State.WRONG, True)
        (found,) = await examine_ports(settings(listener(smtp), listener(other)))
        assert "answers 'HTTP/1.1'" in found.says
        (found,) = await examine_ports(settings(listener(other, tls=TlsMode.IMPLICIT)))
        assert found.state is State.FINE
    (found,) = await examine_ports(settings(listener(free_port())))
    assert (found.state, found.says) == (State.WRONG, "the server does not run")
    (found,) = await examine_ports(settings())
    assert found.state is State.WRONG


async def test_the_hosts_names(nsd):
    port = nsd(
        {
            "x.test": "mx IN A 9.9.9.9\nhome IN A 192.168.0.1\n",
            "9.9.9.in-addr.arpa": "9 IN PTR mx.x.test.\n",
        }
    )
    resolver = Resolver([("127.0.0.1", port)])
    (found,) = await examine_host("mx.x.test", resolver)
    assert found.state is State.FINE
    (found,) = await examine_host("home.x.test", resolver)
    assert (found.state, "cannot reach" in found.says) == (State.WARNING, True)
    (found,) = await examine_host("none.x.test", resolver)
    assert (found.state, "no address" in found.says) == (State.WRONG, True)
    silent = Resolver([("127.0.0.1", 1)], timeout_s=0.2, try_timeout_s=0.1, attempts=1)
    (found,) = await examine_host("mx.x.test", silent)
    assert found.says == "no DNS server answers"


async def test_a_domains_records(nsd):
    resolver = Resolver([("127.0.0.1", nsd({"x.test": '@ IN MX 10 mx\n_smtp._tls IN TXT "other"\n'}))])
    mx = DnsRecord("x.test", "MX", "10 mx.x.test.", "")
    spf = DnsRecord("x.test", "TXT", "v=spf1 mx -all", "")
    reports = DnsRecord("_smtp._tls.x.test", "TXT", "v=TLSRPTv1; rua=mailto:p@x.test", "")
    for records, state, words in (
        ([mx], State.FINE, "all 1 records"),
        ([mx, spf], State.WRONG, "missing TXT x.test"),
        ([mx, reports], State.WARNING, "missing TXT _smtp._tls.x.test"),
    ):
        found = await examine_domain("x.test", records, "mx.x.test", resolver)
        assert (found.state, words in found.says) == (state, True)


def test_certificates(tmp_path: Path):
    starttls = listener(25, tls=TlsMode.STARTTLS)
    (found,) = examine_certificate(settings(listener(25)))
    assert "no listener uses TLS" in found.says
    (found,) = examine_certificate(settings(starttls))
    assert (found.state, "self-signed" in found.says) == (State.WARNING, True)
    authority = Authority(tmp_path)

    def states(name, host):
        certificate, private = authority.issue(name, host)
        found = examine_certificate(settings(starttls, tls=Tls(certificate=certificate, key=private)))
        return [(one.state, one.says) for one in found]

    ((state, says), *_) = states("good", "mx.x.test")
    assert (state is State.WRONG, "mx.x.test until" in says or "days" in says) == (False, True)
    ((state, says), *_) = states("other", "else.test")
    assert (state, "not for mx.x.test" in says) == (State.WRONG, True)
    missing = Tls(certificate=tmp_path / "none", key=tmp_path / "none")
    (found,) = examine_certificate(settings(starttls, tls=missing))
    assert (found.state, "does not exist" in found.says) == (State.WRONG, True)


def test_store_and_queue(tmp_path: Path):
    at = settings(data=tmp_path)
    assert any("no domain" in one.says for one in examine_store(at, []))
    info = DomainInfo("x.test", 0, 0, 0)
    assert any("no account" in one.says for one in examine_store(at, [info]))
    found = examine_store(at, [DomainInfo("x.test", 2, 0, 0)])
    assert not any(one.state is State.WRONG for one in found)
    four_hours = int(dt.timedelta(hours=4).total_seconds() * 1e6)
    for figures, state in (
        (QueueFigures({"waiting": 0, "held": 0}, 0), State.FINE),
        (QueueFigures({"waiting": 1, "held": 0}, NOW_US - four_hours + 1), State.FINE),
        (QueueFigures({"waiting": 1, "held": 2}, NOW_US - four_hours), State.WARNING),
    ):
        assert examine_queue(figures, NOW_US).state is state


@pytest.mark.parametrize(("kernel", "state"), [(0, State.FINE), (5, State.WARNING), (-1, State.WARNING)])
def test_the_clock(monkeypatch, kernel, state):
    monkeypatch.setattr(clock, "_kernel_state", lambda: kernel)
    assert clock.examine_clock().state is state


def test_the_kernel_answers():
    assert clock._kernel_state() in range(-1, 6)
