"""`tls.dane_check`: a resolver whose word counts, a mail host that shows its certificate, every way it can end."""

import asyncio
import contextlib
import hashlib
import ssl
import time

import dns.flags
import dns.message
import pytest

from postier.dns.resolver import Resolver
from postier.mailauth.dane import public_key_info
from postier.tls.certificates import CertificateFiles
from postier.tls.dane_check import check_dane
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.dns_responder import reply, responder
from tests.mta.remote_server import Remote, shared_port

HOST = "mx.alpha.test"
NOW = int(time.time())


@pytest.fixture
def files(tmp_path):
    return CertificateFiles(*Authority(tmp_path).issue("mx", HOST))


def key_digest(files):
    pem = files.certificate.read_text().partition("-----END")[0] + "-----END CERTIFICATE-----\n"
    return hashlib.sha256(public_key_info(ssl.PEM_cert_to_DER_cert(pem))).hexdigest()


async def checked(records, remote=None, *, is_signed=True, rcodes=None, is_implicit=False):
    """The check of HOST where the DNS has `records` (type to data), and `remote` listens."""
    port = shared_port()

    def respond(query):
        question = dns.message.from_wire(query).question[0]
        kind = question.rdtype.name
        flags = dns.flags.AD if is_signed else 0
        found = [f"{question.name} 60 {kind} {data}" for data in records.get(kind, ())]
        return [reply(query, *found, flags=flags, rcode=(rcodes or {}).get(kind, 0))]

    async with responder(respond) as server:
        resolver = Resolver([("127.0.0.1", server.port)])
        if remote is None:
            return await check_dane(HOST, port, resolver, NOW, is_implicit=is_implicit)
        async with remote.at("127.0.0.1", port):
            return await check_dane(HOST, port, resolver, NOW, is_implicit=is_implicit)


def remote_of(files, **options):
    return Remote(tls=ServerTls(Service.SMTP, [files]).context, **options)


async def test_a_match_is_told_step_by_step(files):
    digest = key_digest(files)
    found = await checked(
        {"A": ["127.0.0.1"], "TLSA": [f"3 1 1 {digest}", "0 0 1 " + "00" * 32]}, remote_of(files)
    )
    assert (found.result, found.is_secure) == ("match", True)
    assert found.trace == (
        f"{HOST} has 127.0.0.1; DNSSEC vouches for it",
        f"_{found.port}._tcp.{HOST}: 2 TLSA records; DNSSEC vouches for it",
        f"3 1 1 {digest} names the server itself (DANE-EE), public key by SHA-256",
        f"0 0 1 {'00' * 32} names PKIX-TA, which mail does not use, certificate by SHA-256: not usable",
        "the server shows 2 certificates",
        "the server's certificate matches (DANE-EE)",
    )


async def test_another_certificate(files):
    found = await checked({"A": ["127.0.0.1"], "TLSA": ["3 1 1 " + "ab" * 32]}, remote_of(files))
    assert (found.result, found.problem) == ("mismatch", "no TLSA record matches the certificate")


async def test_unusable_records(files):
    found = await checked({"A": ["127.0.0.1"], "TLSA": ["1 1 1 " + "ab" * 32]}, remote_of(files))
    assert found.result == "unusable"


async def test_without_dnssec_a_match_counts_for_nothing(files):
    records = {"A": ["127.0.0.1"], "TLSA": [f"3 1 1 {key_digest(files)}"]}
    found = await checked(records, remote_of(files), is_signed=False)
    assert found.result == "none"
    assert "were they signed, the records would match" in found.trace[-2]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"replies": {"STARTTLS": "454 4.7.0 not now"}}, "refuses: 454"),
        ({"replies": {"": "554 go away"}}, "refuses: 554"),
        ({"replies": {"EHLO": ""}}, "ended the connection"),
    ],
)
async def test_a_host_that_shows_no_certificate(files, options, says):
    found = await checked({"A": ["127.0.0.1"], "TLSA": ["3 1 1 " + "ab" * 32]}, remote_of(files, **options))
    assert found.result == "error"
    assert says in found.problem


async def test_a_host_without_starttls_breaks_its_promise():
    found = await checked({"A": ["127.0.0.1"], "TLSA": ["3 1 1 " + "ab" * 32]}, Remote())
    assert (found.result, "no STARTTLS" in found.problem) == ("error", True)


async def test_nobody_listens():
    found = await checked({"A": ["127.0.0.1"], "TLSA": ["3 1 1 " + "ab" * 32]})
    assert (found.result, "127.0.0.1" in found.problem) == ("error", True)


@pytest.mark.parametrize(
    ("records", "rcodes", "result", "says"),
    [
        ({}, {}, "none", "has no address"),
        ({}, {"A": 2}, "error", "cannot be looked up (servfail)"),
        ({"A": ["127.0.0.1"]}, {}, "none", "does not use DANE"),
        ({"A": ["127.0.0.1"], "MX": ["10 other.test."]}, {}, "none", "does not use DANE"),
        ({"A": ["127.0.0.1"]}, {"TLSA": 2}, "error", "wait until the TLSA look-up works"),
    ],
)
async def test_what_the_dns_lacks(records, rcodes, result, says):
    found = await checked(records, rcodes=rcodes)
    assert found.result == result
    assert says in found.problem
    assert not records.get("MX") or f"{HOST} takes its mail at other.test: check those hosts" in found.trace


async def test_tls_from_the_first_octet(files):
    class Implicit:
        @contextlib.asynccontextmanager
        async def at(self, address, port):
            context = ServerTls(Service.SMTP, [files]).context
            server = await asyncio.start_server(lambda _, writer: writer.close(), address, port, ssl=context)
            async with server:
                yield

    records = {"A": ["127.0.0.1"], "TLSA": [f"3 1 1 {key_digest(files)}"]}
    assert (await checked(records, Implicit(), is_implicit=True)).result == "match"
