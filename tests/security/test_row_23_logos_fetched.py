"""SECURITY 23 for logos: what a stranger's record names is fetched within bounds, unpacked within bounds, and never from within."""

import asyncio
import gzip

import pytest

from postier.dns.authoritative import AuthoritativeServer
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailauth.bimi import Assertion, claim_of_domain
from postier.mailauth.bimi.indicator import MAX_INDICATOR_OCTETS
from postier.mailauth.questions import run
from postier.mta.logos.fetching import fetch_logo
from postier.mta.logos.shelf import Wish
from postier.tls.certificates import CertificateFiles
from postier.tls.logos import LogoSource
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.mailauth.bimi.marks import LOGO
from tests.mailauth.bimi.test_assertion import World
from tests.mta.logos.test_fetching import now_us

BOMB = gzip.compress(bytes(50_000_000))
ENTITIES = LOGO.replace(b"<svg", b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">]><svg', 1)


class Web:
    """A server that says what the test wants, whatever it is asked."""

    def __init__(self):
        self.answer = b""
        self.connections = 0
        self.hangs = False

    async def serve(self, reader, writer):
        self.connections += 1
        await reader.readuntil(b"\r\n\r\n")
        if self.hangs:
            await reader.read()
        writer.write(self.answer)
        writer.close()


def answer(body, head=b"200 OK"):
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


@pytest.fixture
async def fetched(sqlite_store, tmp_path):
    """Fetch a logo from a server that gives this answer; what is kept, and how often it was dialled."""
    authority = Authority(tmp_path)
    tls = ServerTls(Service.HTTP, [CertificateFiles(*authority.issue("web", "logo.alpha.test"))])
    web = Web()
    zone = "logo IN A 127.0.0.1\nlogo IN AAAA ::1\n"
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=tls.context)
    async with server, AuthoritativeServer(Zones({".": "", "alpha.test": zone})) as dns:
        port = server.sockets[0].getsockname()[1]
        record = f"v=BIMI1; l=https://logo.alpha.test:{port}/a.svg"
        claim = run(claim_of_domain("alpha.test"), World({"default._bimi.alpha.test": record}))

        async def fetch(said, **how):
            web.answer, web.hangs = said, said == b""
            options = {"allow_private_addresses": True, "authorities": authority.file, **how}
            source = LogoSource(Resolver([(dns.host, dns.port)]), **options)
            wish = Wish(claim, bytes(16))
            return await fetch_logo(sqlite_store, wish, source, (), now_us), web.connections

        yield fetch


async def test_a_logo_as_it_should_be(fetched):
    judged, _ = await fetched(answer(LOGO))
    assert judged.result is Assertion.PASS


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(BOMB[: MAX_INDICATOR_OCTETS - 1]), "more than 32768 octets"),
        (answer(BOMB), "over 32768 octets"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, "over 32768 octets"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n", "over 32768 octets"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "cannot be fetched"),
        (answer(ENTITIES), "DOCTYPE"),
        (answer(b"<g>" * 10_000), "not SVG Tiny PS"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\n\r\n", "answered 'HTTP/1.1 302 Found'"),
    ],
    ids=["bomb", "large", "endless", "chunk", "head", "entities", "deep", "redirected"],
)
async def test_what_is_too_much(fetched, said, why):
    judged, connections = await fetched(said)
    assert (judged.result, judged.document, connections) == (Assertion.FAIL, b"", 1)
    assert why in judged.problem


async def test_a_server_that_says_nothing(fetched):
    judged, _ = await fetched(b"", timeout_s=0.2)
    assert judged.problem.endswith("took over 0.2 s")


async def test_our_own_network_is_not_dialled(fetched):
    """A record cannot make us speak to what only we can reach."""
    judged, connections = await fetched(answer(LOGO), allow_private_addresses=False)
    assert (judged.result, connections) == (Assertion.FAIL, 0)
    assert judged.problem.endswith("logo.alpha.test has no address that is public")
