"""`tls.https_service` against servers of the test: URLs, what is sent, what is taken, where it never goes."""

import asyncio
import contextlib

import pytest

from postier.dns.authoritative import AuthoritativeServer
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.tls.certificates import CertificateFiles
from postier.tls.https_get import Fault, GetError
from postier.tls.https_service import MAX_URL_CHARACTERS, ConfiguredService, Form, ServiceUrl, service_url
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.ports import free_port

HOST = "login.alpha.test"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    ("text", "read", "authority"),
    [
        ("https://Login.Alpha.test", ServiceUrl(HOST, 443, "/", is_plain=False), HOST),
        (
            "https://login.alpha.test:8443/a?b=c",
            ServiceUrl(HOST, 8443, "/a?b=c", is_plain=False),
            f"{HOST}:8443",
        ),
        ("https://10.1.2.3/k", ServiceUrl("10.1.2.3", 443, "/k", is_plain=False), "10.1.2.3"),
        ("http://127.0.0.1:8080/k", ServiceUrl("127.0.0.1", 8080, "/k", is_plain=True), "127.0.0.1:8080"),
        ("http://[::1]/k", ServiceUrl("::1", 80, "/k", is_plain=True), "[::1]"),
    ],
)
def test_urls(text, read, authority):
    assert service_url(text) == read
    assert service_url(text).authority == authority


@pytest.mark.parametrize(
    "text",
    [
        "",
        "login.alpha.test/keys",
        "ftp://login.alpha.test/",
        "file:///etc/passwd",
        "https:///keys",
        "https://user:word@login.alpha.test/",
        "https://login.alpha.test/#x",
        "https://login.alpha.test:0/",
        "https://login.alpha.test:99999/",
        "https://login.alpha.test:x/",
        "https://[::1/",
        "https://login.alpha.test/a b",
        "https://login.alpha.test/ä",
        "https://a\x7f/",
        "http://login.alpha.test/",
        "http://localhost/",
        "http://10.1.2.3/",
        "http://127.0.0.1.evil.test/",
        "https://h/" + "x" * MAX_URL_CHARACTERS,
    ],
)
def test_what_is_no_url(text):
    with pytest.raises(ValueError, match=r"it|http"):
        service_url(text)


def test_a_url_at_its_bound():
    assert service_url("https://h/" + "x" * (MAX_URL_CHARACTERS - 10)).host == "h"


@contextlib.asynccontextmanager
async def issuer(folder, answer=OK, *, is_plain=False, name=HOST):
    """What was asked, a maker of services, and the port."""
    authority = Authority(folder)
    tls = ServerTls(Service.HTTP, [CertificateFiles(*authority.issue("issuer", name))])
    asked, ended = [], asyncio.Semaphore(0)

    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            asked.append((head, await reader.readexactly(int(length or 0))))
            writer.write(answer)
            await writer.drain()
        ended.release()

    async with AuthoritativeServer(Zones({".": "", "alpha.test": "login IN A 127.0.0.1\n"})) as dns:
        context = None if is_plain else tls.context
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            resolver = Resolver([(dns.host, dns.port)])

            def service(url, **options):
                given = {"accept": "application/json", "limit_octets": 100, "authorities": authority.file}
                return ConfiguredService(
                    service_url(url.replace("PORT", str(port))), resolver, **given | options
                )

            yield asked, service, port
            for _ in asked:
                await ended.acquire()


async def test_a_get(tmp_path):
    async with issuer(tmp_path) as (asked, service, port):
        assert await service("https://login.alpha.test:PORT/keys?x=1").ask() == b"hello"
    ((head, body),) = asked
    assert head.startswith(b"GET /keys?x=1 HTTP/1.1\r\nHost: login.alpha.test:%d\r\n" % port)
    assert b"\r\nAccept: application/json\r\n" in head
    assert body == b""


async def test_a_form_by_plain_http_on_loopback(tmp_path):
    form = Form(b"token=x", "Basic eA==")
    async with issuer(tmp_path, is_plain=True) as (asked, service, port):
        assert await service("http://127.0.0.1:PORT/ask").ask(form) == b"hello"
    ((head, body),) = asked
    assert head.startswith(b"POST /ask HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % port)
    assert b"\r\nAuthorization: Basic eA==\r\nContent-Type: application/x-www-form-urlencoded\r\n" in head
    assert body == b"token=x"
    assert "x" not in repr(form)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", Fault.STATUS),
        (b"HTTP/1.1 401 No\r\n\r\n", Fault.STATUS),
        (b"HTTP/1.1 201 Created\r\n\r\n", Fault.STATUS),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", Fault.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101, Fault.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", Fault.NETWORK),
        (b"", Fault.NETWORK),
        (b"x" * 100_000, Fault.NETWORK),
    ],
)
async def test_what_is_not_taken(tmp_path, answer, fault):
    async with issuer(tmp_path, answer) as (asked, service, _):
        with pytest.raises(GetError) as refused:
            await service("https://login.alpha.test:PORT/").ask()
        assert refused.value.fault is fault
        assert len(asked) == 1


async def test_the_certificate_is_checked(tmp_path):
    async with issuer(tmp_path, name="other.alpha.test") as (asked, service, _):
        with pytest.raises(GetError) as refused:
            await service("https://login.alpha.test:PORT/").ask()
        assert refused.value.fault is Fault.CERTIFICATE
        with pytest.raises(GetError) as refused:
            await service("https://login.alpha.test:PORT/", authorities=None).ask()
        assert refused.value.fault is Fault.CERTIFICATE
        with pytest.raises(GetError, match="nowhere"):
            await service("https://login.alpha.test:PORT/", authorities=tmp_path / "nowhere").ask()
        assert asked == []


async def test_nobody_there(tmp_path):
    async with issuer(tmp_path) as (_, service, _):
        for url in ("https://gone.alpha.test/", f"http://127.0.0.1:{free_port()}/"):
            with pytest.raises(GetError) as refused:
                await service(url).ask()
            assert refused.value.fault is Fault.NETWORK


async def test_one_that_says_nothing_is_given_up(tmp_path):
    ended = asyncio.Event()

    async def silent(reader, writer):
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        ended.set()

    async with (
        issuer(tmp_path) as (_, service, _),
        await asyncio.start_server(silent, "127.0.0.1", 0) as server,
    ):
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(GetError, match="took over"):
            await service(f"http://127.0.0.1:{port}/", timeout_s=0.05).ask()
        await ended.wait()
