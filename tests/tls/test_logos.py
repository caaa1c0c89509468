"""`tls.logos`: BIMI's questions over HTTPS, those of DNS by the resolver."""

import asyncio

from postier.dns.authoritative import AuthoritativeServer
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailauth.bimi import HttpsQuestion, parse_url
from postier.mailauth.questions import Status, TxtQuestion
from postier.tls.certificates import CertificateFiles
from postier.tls.logos import LogoSource
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority

LIMIT = 100


async def test_files_and_records(tmp_path):
    authority = Authority(tmp_path)
    tls = ServerTls(Service.HTTP, [CertificateFiles(*authority.issue("logo", "logo.alpha.test"))])
    bodies = {b"/a.svg?x": b"x" * LIMIT, b"/large": b"x" * (LIMIT + 1)}
    requests = []

    async def serve(reader, writer):
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        body = bodies.get(requests[-1].split(b" ")[1])
        writer.write(b"HTTP/1.1 %s\r\n\r\n%s" % ((b"302 Found", b"") if body is None else (b"200 OK", body)))
        await writer.drain()
        writer.close()

    zone = "logo IN A 127.0.0.1\nx IN TXT hello\n"
    async with AuthoritativeServer(Zones({"alpha.test": zone})) as dns:
        resolver = Resolver([(dns.host, dns.port)])
        source = LogoSource(resolver, authorities=authority.file, allow_private_addresses=True)
        web = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls.context)
        async with web:
            port = web.sockets[0].getsockname()[1]

            async def fetched(path, of=source):
                url = parse_url(f"https://logo.alpha.test:{port}{path}")
                return await of.query(HttpsQuestion(url, LIMIT))

            assert (await fetched("/a.svg?x")).records == (b"x" * LIMIT,)
            assert requests[0].startswith(b"GET /a.svg?x HTTP/1.1\r\nHost: logo.alpha.test\r\n")
            large = await fetched("/large")
            assert (large.status, large.records) == (
                Status.SERVFAIL,
                ("what logo.alpha.test serves is over 100 octets",),
            )
            assert (await fetched("/moved")).records == ("logo.alpha.test answered 'HTTP/1.1 302 Found'",)
            private = await fetched("/a.svg?x", LogoSource(resolver, authorities=authority.file))
            assert private.records == ("logo.alpha.test has no address that is public",)
        question = TxtQuestion("x.alpha.test")
        assert source.cached(question) is None
        assert (await source.query(question)).records == (b"hello",)
        assert source.cached(question).records == (b"hello",)
        assert source.cached(HttpsQuestion(parse_url("https://a.test/"), LIMIT)) is None
        assert (await source.query_all([question]))[0].records == (b"hello",)
        assert await source.owner(question) == "x.alpha.test"
