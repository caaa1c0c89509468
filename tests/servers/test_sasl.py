"""Logins that send no password, in every protocol: SCRAM and its binding to TLS, tokens, certificates."""

import asyncio
import base64
import contextlib
import hashlib
import re
import ssl

import pytest
import pytest_asyncio
import structlog

from postier.accounts.credentials import password_secrets, set_password
from postier.accounts.foreign_login import TokenUnavailableError
from postier.accounts.tokens.verdict import Refusal, TokenAccepted, TokenRefused
from postier.sasl.oauth import Told
from postier.sasl.scram import ChannelBinding, ScramClient
from postier.smtp.settings import Role
from postier.tls.certificates import CertificateError, CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.servers.imap.served import ADDRESSES, PASSWORD, Served
from tests.servers.managesieve_server import ManageSieveServer
from tests.servers.pop3_server import Pop3Server

SECRETS = password_secrets(PASSWORD)
ALICE = ADDRESSES[0]


def give_keys(tx, address="%"):
    """Give accounts their password again, now with keys for SCRAM."""
    for (account_id,) in tx.rows("SELECT account_id FROM account WHERE address LIKE ?", address):
        set_password(tx, account_id, SECRETS)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def server_tls(authority):
    return ServerTls(Service.IMAP, [CertificateFiles(*authority.issue("mx.alpha.test", "mx.alpha.test"))])


def encoded(octets):
    return base64.b64encode(octets).decode() or "="


async def authenticate(client, mechanism, sasl):
    """AUTHENTICATE in IMAP; the tagged line."""
    client.tag += 1
    client.send(f"a{client.tag} AUTHENTICATE {mechanism} {encoded(sasl.start())}\r\n")
    while (line := await client.line()).startswith(b"+ "):
        client.send(base64.b64encode(sasl.step(base64.b64decode(line[2:]))) + b"\r\n")
    return line.partition(b" ")[2]


@pytest.mark.parametrize(("mechanism", "algorithm"), [("SCRAM-SHA-256", "sha256"), ("SCRAM-SHA-1", "sha1")])
async def test_imap_by_scram(served, mechanism, algorithm):
    await served.store.write(give_keys)
    client = await served.connect()
    assert re.search(rb"AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1 AUTH=PLAIN AUTH=LOGIN", client.greeting)
    for name, word in ((ALICE, "wrong"), ("nobody@alpha.test", PASSWORD)):
        refused = await authenticate(client, mechanism, ScramClient(name, word, "c", algorithm))
        assert refused == b"NO [AUTHENTICATIONFAILED] The name or the password is wrong"
    sasl = ScramClient(ALICE, PASSWORD, "c", algorithm)
    assert (await authenticate(client, mechanism, sasl)).startswith(b"OK [CAPABILITY ")
    assert sasl.is_satisfied
    await client.ok("SELECT INBOX")


async def test_it_is_not_offered_while_somebody_has_no_keys(served):
    await served.store.write(give_keys, ALICE)
    client = await served.connect()
    assert b"SCRAM" not in client.greeting
    sasl = ScramClient(ALICE, PASSWORD, "c")
    assert await authenticate(client, "SCRAM-SHA-256", sasl) == b"NO Unknown authentication mechanism"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_login_bound_to_its_tls_channel(sqlite_store, tmp_path, authority, version):
    context = ssl.create_default_context(cafile=str(authority.file))
    context.minimum_version = context.maximum_version = version
    options = {"has_starttls": True, "is_plaintext_login_allowed": False, "tls": server_tls(authority)}
    async with Served(sqlite_store, tmp_path, **options) as served:
        await sqlite_store.write(give_keys)

        async def connect():
            client = await served.connect()
            assert b"AUTH=" not in client.greeting
            await client.ok("STARTTLS")
            await client.writer.start_tls(context, server_hostname="mx.alpha.test")
            return client, client.writer.get_extra_info("ssl_object")

        client, tls = await connect()
        (capability,) = await client.ok("CAPABILITY")
        assert (
            b"AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1-PLUS AUTH=SCRAM-SHA-1" in capability
        )
        certificate = hashlib.sha256(tls.getpeercert(binary_form=True)).digest()
        elsewhere = ChannelBinding("tls-server-end-point", hashlib.sha256(b"another").digest())
        here = ChannelBinding("tls-server-end-point", certificate)
        unknown = ChannelBinding("tls-exporter", b"x")
        for binding in (elsewhere, unknown, None):
            sasl = ScramClient(ALICE, PASSWORD, "c", binding=binding)
            assert (await authenticate(client, "SCRAM-SHA-256-PLUS", sasl)).startswith(
                b"NO [AUTHENTICATIONFAILED]"
            )
        downgraded = ScramClient(ALICE, PASSWORD, "c")
        downgraded._gs2 = b"y,,"
        assert (await authenticate(client, "SCRAM-SHA-256", downgraded)).startswith(
            b"NO [AUTHENTICATIONFAILED]"
        )
        sasl = ScramClient(ALICE, PASSWORD, "c", binding=here)
        assert (await authenticate(client, "SCRAM-SHA-256-PLUS", sasl)).startswith(b"OK ")
        assert sasl.is_satisfied
        if version is ssl.TLSVersion.TLSv1_2:
            client, tls = await connect()
            unique = ChannelBinding("tls-unique", tls.get_channel_binding("tls-unique"))
            sasl = ScramClient(ALICE, PASSWORD, "c", "sha1", binding=unique)
            assert (await authenticate(client, "SCRAM-SHA-1-PLUS", sasl)).startswith(b"OK ")


async def test_pop3_by_scram(sqlite_store):
    async with Pop3Server(sqlite_store) as server:
        await sqlite_store.write(give_keys)
        client = await server.connect()
        assert "SASL SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN" in [
            line.decode() for line in await client.lines("CAPA")
        ]
        sasl = ScramClient(ALICE, PASSWORD, "c")
        client.send(f"AUTH SCRAM-SHA-256 {encoded(sasl.start())}\r\n")
        while (line := await client.line()).startswith(b"+ "):
            client.send(base64.b64encode(sasl.step(base64.b64decode(line[2:]))) + b"\r\n")
        assert line.startswith(b"+OK")
        await client.ok("STAT")


async def test_managesieve_by_scram(sqlite_store):
    async with ManageSieveServer(sqlite_store) as server:
        await sqlite_store.write(give_keys)
        client = await server.connect()
        assert b'"SASL" "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN"' in client.greeting
        sasl = ScramClient(ALICE, PASSWORD, "c")
        client.send(f'AUTHENTICATE "SCRAM-SHA-256" "{encoded(sasl.start())}"\r\n')
        while not (line := await client.line()).startswith((b"OK", b"NO")):
            challenge = base64.b64decode(line.strip(b'"').rpartition(b"\r\n")[2] or line.strip(b'"'))
            client.send(b'"%b"\r\n' % base64.b64encode(sasl.step(challenge)))
        assert line.startswith(b"OK")
        assert (await client.ask("LISTSCRIPTS"))[-1].startswith(b"OK")


async def test_submission_by_scram(start_embedded):
    node = await start_embedded(role=Role.SUBMISSION, tls=True)
    await node.store.write(give_keys)
    client = await node.secured()
    offered = re.search(r"AUTH (.*)", client.replies[-1])[1]
    assert offered.startswith("SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN LOGIN")
    sasl = ScramClient("alice@alpha.test", PASSWORD, "c")
    reply = await client.say(f"AUTH SCRAM-SHA-256 {encoded(sasl.start())}")
    while reply.startswith("334 "):
        reply = await client.say(base64.b64encode(sasl.step(base64.b64decode(reply[4:]))).decode())
    assert reply.startswith("235 ")


class Tokens:
    """A `TokenChecker` that knows one token."""

    is_away = False

    async def check(self, token):
        if self.is_away:
            raise TokenUnavailableError
        refusals = {"old": Refusal.EXPIRED, "small": Refusal.SCOPE}
        names = {"good": ALICE, "stranger": "nobody@alpha.test"}
        if token in names:
            return TokenAccepted(names[token], None)
        return TokenRefused(refusals.get(token, Refusal.SIGNATURE))


@pytest_asyncio.fixture
async def encrypted(sqlite_store, tmp_path, authority):
    """An IMAP server to which `connect()` goes by TLS."""
    trusting = ssl.create_default_context(cafile=str(authority.file))
    async with Served(sqlite_store, tmp_path, tls=server_tls(authority), is_tls_implicit=True) as served:
        served.conversation.logins.tokens = Tokens()
        plainly = served.connect
        served.connect = lambda: plainly(ssl=trusting, server_hostname="mx.alpha.test")
        yield served


class Once:
    """A client with one message, and one word more after a refusal."""

    def __init__(self, message, last=b"\x01"):
        self.message = message
        self.last = last
        self.told = b""

    def start(self):
        return self.message

    def step(self, challenge):
        self.told = challenge
        return self.last


def bearer(name, token):
    return b"n,a=%b,\x01host=mx\x01auth=Bearer %b\x01\x01" % (name.encode(), token)


def older(name, token):
    return b"user=%b\x01auth=Bearer %b\x01\x01" % (name.encode(), token)


@pytest.mark.parametrize(("mechanism", "message"), [("OAUTHBEARER", bearer), ("XOAUTH2", older)])
async def test_tokens(encrypted, mechanism, message):
    tokens = encrypted.conversation.logins.tokens
    encrypted.conversation.logins.tokens = None
    assert b"OAUTH" not in (await encrypted.connect()).greeting
    encrypted.conversation.logins.tokens = tokens
    client = await encrypted.connect()
    assert b"AUTH=OAUTHBEARER AUTH=XOAUTH2" in client.greeting
    for token in (b"bad", b"old", b"stranger"):
        bad = Once(message(ALICE, token))
        assert (await authenticate(client, mechanism, bad)).startswith(b"NO [AUTHENTICATIONFAILED]")
        assert b'"status":' in bad.told
    other = await authenticate(client, mechanism, Once(message("carole@beta.test", b"good")))
    assert other.startswith(b"NO [AUTHORIZATIONFAILED]")
    tokens.is_away = True
    kept = Once(message(ALICE, b"good"))
    assert (await authenticate(client, mechanism, kept)).startswith(b"NO [UNAVAILABLE]")
    assert kept.told == b""  # it is not called invalid, or a program would throw it away
    tokens.is_away = False
    assert (await authenticate(client, mechanism, Once(message(ALICE, b"good")))).startswith(b"OK ")


async def test_no_tokens_without_tls_whatever_passwords_may(embedded):
    """RFC 7628 §3."""
    embedded.conversation.logins.tokens = Tokens()
    client = await embedded.connect()
    assert b"AUTH=PLAIN" in client.greeting
    assert b"OAUTH" not in client.greeting
    refused = await authenticate(client, "OAUTHBEARER", Once(bearer(ALICE, b"good")))
    assert refused == b"NO Unknown authentication mechanism"


async def test_a_refused_client_is_told_how_to_get_a_better_token(encrypted):
    encrypted.conversation.logins.told = Told("mail", "https://login.test/conf")
    client = await encrypted.connect()
    small = Once(bearer(ALICE, b"small"))
    assert (await authenticate(client, "OAUTHBEARER", small)).startswith(b"NO ")
    assert small.told == (
        b'{"status":"insufficient_scope","scope":"mail","openid-configuration":"https://login.test/conf"}'
    )


@pytest.mark.parametrize("name", [ALICE, ""])
async def test_refused_tokens_are_counted(encrypted, name):
    client = await encrypted.connect()
    for number in range(6 if name else 21):  # one by one: free by account and network, free by address
        await authenticate(client, "OAUTHBEARER", Once(bearer(name, b"bad%d" % number)))
        if number % 15 == 14:  # a connection may fail twenty times
            client = await encrypted.connect()
    late = await authenticate(client, "OAUTHBEARER", Once(bearer(name, b"good")))
    assert late.startswith(b"NO [UNAVAILABLE] Too many wrong passwords")


async def test_a_program_that_goes_on_with_one_bad_token_shuts_nobody_out(encrypted):
    client = await encrypted.connect()
    for token in [b"bad"] * 9 + [b"old"] * 9:
        await authenticate(client, "OAUTHBEARER", Once(bearer(ALICE, token)))
    assert (await authenticate(client, "OAUTHBEARER", Once(bearer(ALICE, b"good")))).startswith(b"OK ")


async def test_refused_tokens_are_logged_with_the_reason_and_without_the_token(encrypted):
    client = await encrypted.connect()
    with structlog.testing.capture_logs() as lines:
        for token in (b"old", b"stranger", b"s3cr3t"):
            await authenticate(client, "OAUTHBEARER", Once(bearer(ALICE, token)))
        await authenticate(client, "OAUTHBEARER", Once(bearer("carole@beta.test", b"good")))
    found = [line for line in lines if line["event"] == "token-refused"]
    assert [line["reason"] for line in found] == [
        Refusal.EXPIRED.value,
        Refusal.NO_ACCOUNT.value,
        Refusal.SIGNATURE.value,
        "this account may not act for another",
    ]
    assert (found[0]["name"], found[0]["peer"]) == (ALICE, "127.0.0.1")
    assert "s3cr3t" not in str(lines)


async def test_many_exchanges_at_once_do_not_mix(embedded):
    await embedded.store.write(give_keys)
    clients = [await embedded.connect() for _ in range(8)]

    async def one(client, number):
        sasl = ScramClient(ADDRESSES[number % 2], PASSWORD, f"c{number}")
        return await authenticate(client, "SCRAM-SHA-256", sasl)

    answers = await asyncio.gather(*(one(client, number) for number, client in enumerate(clients)))
    assert all(answer.startswith(b"OK ") for answer in answers)


async def test_a_certificate_of_the_client(sqlite_store, tmp_path, authority):
    (tmp_path / "clients").mkdir()
    clients = Authority(tmp_path / "clients", "Clients")
    files = CertificateFiles(*authority.issue("mx.alpha.test", "mx.alpha.test"))
    tls = ServerTls(Service.IMAP, [files], client_authority=clients.file)
    options = {"is_tls_implicit": True, "is_plaintext_login_allowed": False, "tls": tls}

    def context(*certificate):
        made = ssl.create_default_context(cafile=str(authority.file))
        if certificate:
            made.load_cert_chain(*certificate)
        return made

    async with Served(sqlite_store, tmp_path, **options) as served:

        async def connect(*certificate):
            return await served.connect(ssl=context(*certificate), server_hostname="mx.alpha.test")

        client = await connect()
        assert b"AUTH=EXTERNAL" not in client.greeting
        assert b"AUTH=PLAIN" in client.greeting
        for word, end in (("=", b"OK "), (encoded(b"carole@beta.test"), b"NO [AUTHORIZATIONFAILED]")):
            client = await connect(*clients.issue("alice", ALICE))
            assert b"AUTH=EXTERNAL AUTH=PLAIN" in client.greeting
            assert (await client.command(f"AUTHENTICATE EXTERNAL {word}"))[-1].startswith(end)
        client = await connect(*clients.issue("nobody", "nobody@alpha.test"))
        assert (await client.refused("AUTHENTICATE EXTERNAL =")).startswith(b"NO [AUTHENTICATIONFAILED]")
        client = await connect(*clients.issue("host", "host.alpha.test"))
        assert b"AUTH=EXTERNAL" not in client.greeting  # it names no mail address
        greeting = b""
        with contextlib.suppress(ssl.SSLError, ConnectionError):  # nobody whom we trust signed it
            greeting = (await connect(*authority.issue("forged", ALICE))).greeting
        assert greeting == b""


def test_an_authority_that_is_none(tmp_path, authority):
    files = CertificateFiles(*authority.issue("mx.alpha.test", "mx.alpha.test"))
    for path in (tmp_path / "nowhere", files.key):
        with pytest.raises(CertificateError, match="authority"):
            ServerTls(Service.IMAP, [files], client_authority=path)
