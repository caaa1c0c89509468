"""`tls.https_post` against an HTTPS server of the test."""

import asyncio
import contextlib

import pytest

from postier.dns.authoritative import AuthoritativeServer
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.tls.certificates import CertificateFiles
from postier.tls.https_post import HttpsPoster
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority

HOST = "reports.alpha.test"


@contextlib.asynccontextmanager
async def collector(tmp_path, answer=b"HTTP/1.1 201 Created\r\n\r\n", name=HOST):
    """What was posted, the poster, and the port."""
    authority = Authority(tmp_path)
    tls = ServerTls(Service.HTTP, [CertificateFiles(*authority.issue("policy", name))])
    requests = []

    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            requests.append(
                (
                    head,
                    await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r")[0])),
                )
            )
            writer.write(answer)
            await writer.drain()
        writer.close()

    async with AuthoritativeServer(Zones({".": "", "alpha.test": "reports IN A 127.0.0.1\n"})) as dns:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls.context)
        async with server:
            resolver = Resolver([(dns.host, dns.port)])

            def poster(**options):
                given = {"authorities": authority.file, "allow_private_addresses": True} | options
                return HttpsPoster(resolver, **given)

            yield requests, poster, server.sockets[0].getsockname()[1]


async def test_a_report_is_posted(tmp_path):
    async with collector(tmp_path) as (requests, poster, port):
        assert await poster().post(f"https://{HOST}:{port}/v1?x=1", "application/tlsrpt+gzip", b"report")
    ((head, body),) = requests
    assert head.startswith(b"POST /v1?x=1 HTTP/1.1\r\n")
    assert b"\r\nHost: reports.alpha.test:%d\r\n" % port in head
    assert b"\r\nContent-Type: application/tlsrpt+gzip\r\n" in head
    assert body == b"report"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 No\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: https://x/\r\n\r\n",
        b"",
        b"x" * 10_000,
        b"200 OK\r\n",
    ],
)
async def test_only_a_success_counts(tmp_path, answer):
    async with collector(tmp_path, answer) as (_, poster, port):
        assert not await poster().post(f"https://{HOST}:{port}/", "text/plain", b"report")


async def test_a_private_address_is_not_dialled(tmp_path):
    async with collector(tmp_path) as (requests, poster, port):
        assert not await poster(allow_private_addresses=False).post(
            f"https://{HOST}:{port}/", "text/plain", b"x"
        )
        assert requests == []


async def test_the_certificate_must_fit(tmp_path):
    async with collector(tmp_path, name="other.alpha.test") as (requests, poster, port):
        assert not await poster().post(f"https://{HOST}:{port}/", "text/plain", b"x")
        assert requests == []


@pytest.mark.parametrize(
    "url", ["http://reports.alpha.test/", "https://", "https://a b/", "https://x:99999/", "https://none.alpha.test/",
            "https://reports.alpha.test/\u00fc", "https://[::1"],
)  # fmt: skip
async def test_other_urls_are_not_posted_to(tmp_path, url):
    async with collector(tmp_path) as (requests, poster, _):
        assert not await poster().post(url, "text/plain", b"x")
        assert requests == []
