"""Logins by OAuth tokens against a whole server and its issuer: curl, imaplib, smtplib, poplib, and ManageSieve by hand."""

import asyncio
import base64
import contextlib
import imaplib
import json
import os
import poplib
import smtplib
import socket
import time

import msgspec
import pytest

from postier.app.demo.node import HOST, Node, NodePlan, Ports, prepare
from tests.accounts.tokens.signing import AUDIENCE, ISSUER, token
from tests.certificate_authority import Authority
from tests.clients.letters import LIMIT_S, arrived, letter
from tests.clients.programs import done, run
from tests.clients.test_curl import LOGIN_DENIED
from tests.clients.two_servers import PASSWORD, SOURCE, Account
from tests.issuer_server import CLIENT_ID, CLIENT_SECRET, IssuerServer
from tests.ports import free_port

pytestmark = pytest.mark.xdist_group("clients")

ALICE = "alice@alpha.test"
CONFIGURATION_URL = "https://login.alpha.test/.well-known/openid-configuration"
MECHANISMS = {"OAUTHBEARER", "XOAUTH2"}
COMMON = f'[oauth]\nissuer = "{ISSUER}"\nscope = "mail"\nopenid_configuration = "{CONFIGURATION_URL}"\n'


class Office(msgspec.Struct, frozen=True):
    """A running server, its one user, its issuer, and a maker of good tokens."""

    alice: Account
    issuer: IssuerServer
    node: NodePlan

    def good(self, **more):
        """A token of this moment, which the issuer knows too."""
        made = token("ES256", now_s=time.time(), **more)
        self.issuer.answers[made] = {"active": True, "username": ALICE, "scope": "mail"}
        return made

    def complaints(self):
        lines = map(json.loads, self.node.log.read_text().splitlines())
        return [line for line in lines if line["level"] in {"error", "critical"}]

    def reasons(self):
        """Of all refused tokens so far."""
        lines = map(json.loads, self.node.log.read_text().splitlines())
        return [line["reason"] for line in lines if line["event"] == "token-refused"]


def by_keys(issuer, authority):
    return f'keys_url = "{issuer.url("/keys")}"\naudience = "{AUDIENCE}"\nauthorities = "{authority.file}"\n'


def by_asking(issuer, authority):
    return (
        f'introspection_url = "{issuer.url("/ask")}"\nauthorities = "{authority.file}"\n'
        f'client_id = "{CLIENT_ID}"\nclient_secret_file = "secret"\n'
    )


@contextlib.contextmanager
def running(folder, way):
    authority = Authority(folder)
    ports = Ports(*(free_port() for _ in range(8)))
    plan = NodePlan(folder / "alpha", "alpha.test", "alice", PASSWORD, ports, free_port(), free_port())
    with IssuerServer(authority.issue("issuer", HOST)) as issuer, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.fspath(SOURCE))
        asyncio.run(prepare(plan))
        (plan.folder / "secret").write_text(CLIENT_SECRET)
        with plan.configuration.open("a") as file:
            file.write(COMMON + way(issuer, authority))
        node = Node(plan)
        try:
            node.start()
            account = Account(ALICE, PASSWORD, ports, plan.certificate, plan.hostname)
            yield Office(account, issuer, plan)
        finally:
            node.stop()


@pytest.fixture(scope="module", params=[by_keys, by_asking])
def office(request, tmp_path_factory):
    with running(tmp_path_factory.mktemp("office"), request.param) as made:
        yield made
        assert made.complaints() == []


def bearer(name, text):
    return f"n,a={name},\x01host=mx\x01port=1\x01auth=Bearer {text}\x01\x01".encode()


def older(name, text):
    return f"user={name}\x01auth=Bearer {text}\x01\x01".encode()


WORDS = pytest.mark.parametrize(("mechanism", "words"), [("OAUTHBEARER", bearer), ("XOAUTH2", older)])


def imap(office):
    account = office.alice
    return imaplib.IMAP4_SSL(HOST, account.ports.imaps, ssl_context=account.tls, timeout=LIMIT_S)


@WORDS
def test_imaplib(office, mechanism, words):
    text = office.good()
    with imap(office) as client:
        assert {f"AUTH={name}" for name in MECHANISMS} <= set(client.capabilities)
        client.authenticate(mechanism, lambda _: words(ALICE, text))
        assert client.select()[0] == "OK"


def test_a_refused_token_is_told_by_its_reason_and_how_to_get_a_better_one(office):
    told, before = [], len(office.reasons())

    def answer(challenge):
        if challenge:
            told.append(json.loads(challenge))
            return b"\x01"
        return bearer(ALICE, "no-such-token")

    with imap(office) as client:
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.authenticate("OAUTHBEARER", answer)
        client.authenticate("OAUTHBEARER", lambda _: bearer(ALICE, office.good()))  # another attempt
    assert told == [{"status": "invalid_token", "scope": "mail", "openid-configuration": CONFIGURATION_URL}]
    assert len(office.reasons()[before:]) == 1
    assert "no-such-token" not in office.node.log.read_text()


@WORDS
def test_smtplib(office, mechanism, words):
    account = office.alice
    with smtplib.SMTP(HOST, account.ports.submission, timeout=LIMIT_S) as client:
        client.starttls(context=account.tls)
        client.ehlo()
        assert set(client.esmtp_features["auth"].split()) >= MECHANISMS
        first = words(ALICE, office.good()).decode()
        client.user, client.password = ALICE, ""
        client.auth(mechanism, lambda challenge=None: first if challenge is None else "\x01")
        subject = f"{mechanism} {time.monotonic_ns()}"
        client.sendmail(ALICE, [ALICE], letter(account, account, subject=subject))
    assert any(f"Subject: {subject}".encode() in one for one in arrived(account))


@WORDS
def test_poplib(office, mechanism, words):
    account = office.alice
    box = poplib.POP3_SSL(HOST, account.ports.pop3s, context=account.tls, timeout=LIMIT_S)
    assert set(box.capa()["SASL"]) >= MECHANISMS
    said = base64.b64encode(words(ALICE, office.good())).decode()
    assert box._shortcmd(f"AUTH {mechanism} {said}").startswith(b"+OK")
    assert box.stat()[0] >= 0
    box.quit()


@WORDS
def test_managesieve(office, mechanism, words):
    account = office.alice

    def until(stream, start):
        lines = []
        while not lines or not lines[-1].startswith(start):
            lines.append(stream.readline())
            assert lines[-1]
        return b"".join(lines)

    with socket.create_connection((HOST, account.ports.managesieve), LIMIT_S) as plain:
        with plain.makefile("rb", buffering=0) as stream:
            assert b"OAUTH" not in until(stream, b"OK")
            plain.sendall(b"STARTTLS\r\n")
            until(stream, b"OK")
        with (
            account.tls.wrap_socket(plain, server_hostname=account.hostname) as secured,
            secured.makefile("rb", buffering=0) as stream,
        ):
            assert b"OAUTHBEARER XOAUTH2" in until(stream, b"OK")
            said = base64.b64encode(words(ALICE, office.good()))
            secured.sendall(b'AUTHENTICATE "%b" {%d+}\r\n%b\r\n' % (mechanism.encode(), len(said), said))
            until(stream, b"OK")
            secured.sendall(b"LISTSCRIPTS\r\n")
            until(stream, b"OK")


def curl(office, scheme, text, folder, *arguments, path="", feed=b"", call=done):
    account = office.alice
    port = {"smtp": account.ports.submission, "imaps": account.ports.imaps, "pop3s": account.ports.pop3s}[
        scheme
    ]
    return call(
        *("curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", account.certificate),
        *("--resolve", f"{account.hostname}:{port}:{HOST}", "--user", f"{ALICE}:", "--oauth2-bearer", text),
        *(*arguments, f"{scheme}://{account.hostname}:{port}/{path}"),
        folder=folder,
        feed=feed,
    )


@pytest.mark.parametrize("mechanism", sorted(MECHANISMS))
def test_curl(office, tmp_path, mechanism):
    options = ("--login-options", f"AUTH={mechanism}")
    text = office.good()
    assert b"INBOX" in curl(office, "imaps", text, tmp_path, *options).stdout
    curl(office, "pop3s", text, tmp_path, *options)
    mail = ("--mail-from", ALICE, "--mail-rcpt", ALICE, "--upload-file", "-")
    curl(office, "smtp", text, tmp_path, *options, *mail, feed=letter(office.alice, office.alice))
    for scheme, more in (("imaps", ()), ("pop3s", ()), ("smtp", mail)):
        refused = curl(office, scheme, "x.y.z", tmp_path, *options, *more, feed=b"x\r\n", call=run)
        assert refused.returncode == LOGIN_DENIED, refused.stderr


def test_no_token_and_no_announcement_without_tls(office):
    account = office.alice
    with imaplib.IMAP4(HOST, account.ports.imap, timeout=LIMIT_S) as client:
        assert not any("OAUTH" in name for name in client.capabilities)
        with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
            client.authenticate("OAUTHBEARER", lambda _: bearer(ALICE, office.good()))
    with smtplib.SMTP(HOST, account.ports.submission, timeout=LIMIT_S) as client:
        client.ehlo()
        assert not client.has_extn("auth")


def test_another_account_and_a_stranger(office):
    with imap(office) as client, pytest.raises(imaplib.IMAP4.error, match="AUTHORIZATIONFAILED"):
        client.authenticate(
            "XOAUTH2", lambda challenge: b"\x01" if challenge else older("a@b.test", office.good())
        )
    text = office.good(email="stranger@alpha.test")
    office.issuer.answers[text]["username"] = "stranger@alpha.test"
    with imap(office) as client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.authenticate("XOAUTH2", lambda challenge: b"\x01" if challenge else older("", text))
    assert office.reasons()[-2:] == [
        "this account may not act for another",
        "no account here has the address that it names",
    ]


def test_passwords_go_on(office):
    with imap(office) as client:
        client.login(ALICE, PASSWORD)


def test_an_issuer_that_is_away_when_the_server_starts(tmp_path):
    def later(issuer, authority):
        issuer.status = 503
        return by_keys(issuer, authority)

    with running(tmp_path, later) as office:
        with imap(office) as client, pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
            client.authenticate(
                "XOAUTH2", lambda challenge: b"\x01" if challenge else older(ALICE, office.good())
            )
        assert "issuer keys not fetched" in office.node.log.read_text()
        assert "logins can't be checked now; try again later" in office.reasons()
        with imap(office) as client:
            client.login(ALICE, PASSWORD)


def test_which_claims_are_told_wrong_in_the_log(tmp_path):
    with running(tmp_path, by_keys) as office:
        for more in ({"aud": "x"}, {"iss": "x"}, {"exp": 5}, {"scope": ""}, {"email_verified": False}):
            text = office.good(**more)
            with imap(office) as client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
                client.authenticate(
                    "XOAUTH2", lambda given, text=text: b"\x01" if given else older(ALICE, text)
                )
            assert text not in office.node.log.read_text()
        assert [one.rpartition("(")[2] for one in office.reasons()] == [
            "aud)",
            "iss)",
            "exp)",
            "it lacks the scope that is required",
            "email_verified)",
        ]
