"""The policy as a sender fetches it: over TLS, under the policy host's name."""

import asyncio
from contextlib import asynccontextmanager
from http import HTTPStatus

from postier.accounts.own_sts import OwnPolicy
from postier.app.doctor.finding import State
from postier.app.doctor.sts import examine_sts
from postier.dns.resolver import Resolver
from postier.mailauth.mta_sts import Mode
from postier.servers.listener import ConnectionLimits, Listener
from postier.tls.certificates import CertificateFiles
from postier.tls.https import HttpsSource
from postier.tls.server import ServerTls, Service
from postier.tls.sts_check import check_sts
from postier.web.conversation import HttpConversation
from postier.web.policies import PolicySite
from postier.web.request import Request
from tests.certificate_authority import Authority
from tests.servers.mail_client import LIMIT_S
from tests.servers.smtp_server import loopback_socket

OWN = OwnPolicy("x.test", Mode.ENFORCE, "mx.x.test", 0)


@asynccontextmanager
async def serving(authority):
    async def text_of(domain):
        return OWN.text if domain == "x.test" else None

    tls = ServerTls(Service.HTTP, [CertificateFiles(*authority.issue("mx", "mx.x.test", "mta-sts.x.test"))])
    bound = loopback_socket()
    conversation = HttpConversation("http", PolicySite(text_of), tls, 5)
    listener = Listener([bound], conversation, ConnectionLimits())
    async with asyncio.TaskGroup() as tasks:
        await listener.start(tasks)
        yield bound.getsockname()[1]
        listener.stop_accepting()
        await listener.finish(asyncio.get_running_loop().time() + LIMIT_S)


async def test_a_sender_finds_the_policy(tmp_path, nsd):
    name, text = OWN.record
    zone = f'@ IN MX 10 mx\nmx IN A 127.0.0.1\nmta-sts IN CNAME mx\n{name}. IN TXT "{text}"\n'
    resolver = Resolver([("127.0.0.1", nsd({"x.test": zone}))])
    authority = Authority(tmp_path)
    async with serving(authority) as port:
        source = HttpsSource(resolver, authorities=authority.file, port=port, allow_private_addresses=True)
        assert await source.fetch("x.test") == OWN.text.encode()
        found = await check_sts("x.test", resolver, source)
        (finding,) = await examine_sts([OWN], resolver, source)
        assert (finding.state, finding.says) == (State.FINE, "x.test: enforce for mx.x.test")
        other = OwnPolicy("x.test", Mode.TESTING, "mx.x.test", 0)
        (finding,) = await examine_sts([other], resolver, source)
        assert (finding.state, "another policy" in finding.says) == (State.WARNING, True)
    assert (found.result, found.policy, found.identifier) == ("ok", OWN.policy, OWN.identifier)


async def test_nothing_else_is_there():
    async def text_of(domain):
        return OWN.text if domain == "x.test" else None

    site = PolicySite(text_of)
    path = "/.well-known/mta-sts.txt"
    assert (await site.answer(Request("GET", path, "mta-sts.x.test"))).status is HTTPStatus.OK
    for request in (
        Request("GET", path, "x.test"),
        Request("GET", path, "mta-sts.y.test"),
        Request("GET", "/", "mta-sts.x.test"),
        Request("GET", path, ""),
    ):
        assert (await site.answer(request)).status is HTTPStatus.NOT_FOUND
