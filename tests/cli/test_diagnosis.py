"""The diagnosing nouns against a real DNS server: what they say, their JSON, their exit codes, and bad input."""

import asyncio
import contextlib
import io
import json
import os
import sys
import threading

import pytest

from postier.mailauth import arc, dkim
from postier.mailauth.authentication_results import MethodResult
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver
from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.dns_server import start_nsd
from tests.mta.remote_server import Remote, shared_port

NOW = 1_704_067_200
KEY = dkim.SigningKey("example.com", "s", dkim.generate_key("ed25519"))
LETTER = (
    b"From: Alice <alice@example.com>\r\nTo: carole@example.org\r\nSubject: hello\r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\nHello Carole,\r\n\r\nthis  is it. \r\n"
)
SIGNED = dkim.sign(LETTER, [KEY], NOW) + LETTER
ZONE = f"""
@ IN TXT "v=spf1 ip4:192.0.2.0/28 include:_spf.example.com a:mail.example.com -all"
@ IN MX 10 mail.example.com.
_spf IN TXT "v=spf1 ip4:203.0.113.0/24 ~all"
mail IN A 127.0.0.1
s._domainkey IN TXT {dkim.zone_text(dkim.key_record(KEY.private.public_key()))}
_dmarc IN TXT "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.com"
broken IN TXT "v=spf1 ipv4:1.2.3.4 -all"
_mta-sts IN TXT "v=STSv1; id=1"
_mta-sts.old IN TXT "v=STSv1 id=1"
mta-sts IN A 127.0.0.1
_25._tcp.mail IN TLSA 3 1 1 {"ab" * 32}
_2525._tcp.mail IN TLSA 3 1 1 {"ab" * 32}
"""


@pytest.fixture(scope="module")
def dns(tmp_path_factory):
    """The options that name a DNS server which knows example.com."""
    with start_nsd(tmp_path_factory.mktemp("nsd"), {"example.com": ZONE, "com": ""}) as port:
        yield "--resolver", f"127.0.0.1:{port}"


@pytest.fixture
def letter(tmp_path):
    """Writes octets into a file; gives its path."""

    def write(content, name="letter.eml"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key.pem"
    path.write_bytes(dkim.private_pem(KEY.private))
    return path


@pytest.fixture
def printed(monkeypatch):
    """Standard output as octets, for commands that write a message."""

    def redirect():
        written = io.TextIOWrapper(io.BytesIO(), write_through=True)
        monkeypatch.setattr(sys, "stdout", written)
        return written.buffer

    return redirect


# ── spf ──


def test_spf_tells_each_step(postier, dns):
    code, out, err = postier("spf", "check", "127.0.0.1", "alice@example.com", "--helo", "x.test", *dns)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "SPF of 127.0.0.1 with MAIL FROM alice@example.com",
        "  example.com publishes v=spf1 ip4:192.0.2.0/28 include:_spf.example.com a:mail.example.com -all",
        "  no match by ip4:192.0.2.0/28",
        "  example.com: looks into _spf.example.com",
        "  _spf.example.com publishes v=spf1 ip4:203.0.113.0/24 ~all",
        "  no match by ip4:203.0.113.0/24",
        "  _spf.example.com: ~all matches: softfail",
        "  no match by include:_spf.example.com",
        "  mail.example.com has the address 127.0.0.1",
        "  example.com: a:mail.example.com matches: pass",
        "  => pass: domain of example.com designates 127.0.0.1 as permitted sender (2 terms asked the DNS)",
    ]


@pytest.mark.parametrize(
    ("ip", "sender", "helo", "word", "says"),
    [
        ("203.0.113.9", "alice@example.com", "x", "pass", "include:_spf.example.com matches"),
        ("198.51.100.1", "example.com", "x", "fail", "-all matches: fail"),
        ("198.51.100.1", "a@broken.example.com", "x", "permerror", "'ipv4' does not exist"),
        ("198.51.100.1", "a@mail.example.com", "x", "none", "publishes no SPF record"),
        ("198.51.100.1", "<>", "example.com", "fail", "HELO example.com"),
    ],
)
def test_spf_verdicts(postier, dns, ip, sender, helo, word, says):
    arguments = ("spf", "check", ip, sender, "--helo", helo, *dns)
    code, out, _ = postier(*arguments)
    assert code == (0 if word == "pass" else 1)
    assert f"=> {word}: " in out
    assert says in out
    code, out, _ = postier(*arguments, "--json")
    found = json.loads(out)
    assert code == (0 if word == "pass" else 1)
    assert (found["result"], bool(found["trace"])) == (word, True)


# ── dkim ──


def test_dkim_verify_tells_each_step(postier, dns, letter):
    code, out, _ = postier("dkim", "verify", letter(SIGNED), "--time", NOW, *dns)
    assert code == 0
    first, *steps = out.splitlines()
    assert first == "DKIM signature 1 of 1"
    assert steps[0] == "  ed25519-sha256 signature of example.com, selector s"
    assert steps[1].startswith("  it signs the body and from, from, to, to, cc, subject")
    assert steps[1].endswith("(relaxed/relaxed)")
    assert steps[2:] == [
        "  the key at s._domainkey.example.com has 256 bits",
        "  the body is as it was signed",
        "  => pass: the signed header fields are as they were signed",
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (SIGNED.replace(b"Carole,", b"Carol,"), "=> fail: the body was changed after signing"),
        (SIGNED.replace(b"Subject: h", b"Subject: H"), "=> fail: a signed header field was changed"),
        (SIGNED.replace(b"s=s;", b"s=t;"), "=> permerror: there is no such key"),
        (LETTER, "=> none: the message has no DKIM signature"),
    ],
)
def test_dkim_failures_say_why(postier, dns, letter, content, says):
    path = letter(content)
    code, out, _ = postier("dkim", "verify", path, "--time", NOW, *dns)
    assert code == 1
    assert says in out
    code, out, _ = postier("dkim", "verify", path, "--time", NOW, *dns, "--json")
    assert code == 1
    assert len(json.loads(out)["signatures"]) == out.count('"selector"')


def test_line_ends_of_files(postier, dns, letter):
    code, out, _ = postier("dkim", "verify", letter(SIGNED.replace(b"\r\n", b"\n")), "--time", NOW, *dns)
    assert code == 0
    assert "LF line ends; read as CRLF" in out
    mbox = b"From alice@example.com Mon Jan  1 00:00:00 2024\n" + SIGNED.replace(b"\r\n", b"\n")
    code, out, _ = postier("dkim", "verify", letter(mbox), "--time", NOW, *dns)
    assert code == 0
    assert "mbox" in out
    code, out, _ = postier("dkim", "verify", letter(SIGNED + b"x\n"), "--time", NOW, *dns)
    assert code == 1
    assert "1 of " in out


def test_a_message_on_standard_input(postier, dns, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SIGNED)))
    assert postier("dkim", "verify", "-", "--time", NOW, *dns)[0] == 0


def test_dkim_sign_makes_what_verify_accepts(postier, dns, letter, key_file, printed):
    options = ("--domain", "example.com", "--selector", "s", "--key", key_file, "--time", NOW)
    output = printed()
    assert postier("dkim", "sign", letter(LETTER), *options)[0] == 0
    assert output.getvalue() == SIGNED
    output = printed()
    assert postier("dkim", "sign", letter(LETTER), *options, "--field", "--headers", "From:Subject")[0] == 0
    field = output.getvalue()
    assert b"h=From:Subject;" in field
    (result,) = dkim.run(
        dkim.verify(field + LETTER, NOW),
        dkim_zone(),
    )
    assert result.result is Outcome.PASS
    output = printed()
    assert postier("dkim", "sign", letter(LETTER.replace(b"\r\n", b"\n")), *options)[0] == 0
    assert output.getvalue() == SIGNED.replace(b"\r\n", b"\n")


def dkim_zone():
    return StaticResolver.of_txt({"s._domainkey.example.com": dkim.key_record(KEY.private.public_key())})


# ── arc ──


def test_arc_seal(postier, letter, key_file, printed):
    options = ("--domain", "example.com", "--selector", "s", "--key", key_file, "--time", NOW)
    checked = (
        b"Authentication-Results: mx.example.com; arc=none; spf=pass smtp.mailfrom=a@b.test\r\n" + SIGNED
    )
    output = printed()
    assert postier("arc", "seal", letter(checked), *options, "--authserv-id", "mx.example.com")[0] == 0
    sealed = output.getvalue()
    assert sealed.endswith(checked)
    result = arc.run(arc.verify(sealed, NOW), dkim_zone())
    assert (result.result, result.sealers) == (Outcome.PASS, ("example.com",))
    assert b"spf=pass smtp.mailfrom=a@b.test" in result.assessments[0]


def test_arc_verify_tells_each_step(postier, dns, letter):
    results = [MethodResult("spf", "pass"), MethodResult("arc", "none")]
    sealed = arc.seal(SIGNED, KEY, "mx.example.com", NOW, status=Outcome.NONE, results=results) + SIGNED
    code, out, _ = postier("arc", "verify", letter(sealed), "--time", NOW, *dns)
    assert code == 0
    assert "set 1 by example.com says: mx.example.com; spf=pass; arc=none" in out
    assert "  set 1 is sealed by example.com\n  every seal is right\n  => pass\n" in out
    code, out, _ = postier("arc", "verify", letter(sealed.replace(b"this  is", b"that is")), *dns, "--json")
    found = json.loads(out)
    assert (code, found["result"]) == (1, "fail")
    assert "the body was changed" in found["problem"]
    assert postier("arc", "verify", letter(SIGNED), *dns)[0] == 1


def test_a_chain_that_may_not_grow(postier, letter, key_file):
    options = ("--domain", "example.com", "--selector", "s", "--key", key_file)
    code, out, err = postier("arc", "seal", letter(LETTER), *options, "--authserv-id", "mx.example.com")
    assert (code, out) == (1, "")
    assert "no set may be added" in err


# ── dmarc ──


def test_dmarc_of_a_message(postier, dns, letter):
    path = letter(SIGNED)
    code, out, _ = postier(
        "dmarc", "check", path, "--ip", "198.51.100.1", "--sender", "a@other.test", "--time", NOW, *dns
    )
    assert code == 0
    assert "_dmarc.example.com publishes v=DMARC1; p=reject" in out
    assert "DKIM of example.com: pass, aligned" in out
    code, out, _ = postier("dmarc", "check", letter(LETTER), *dns, "--json")
    found = json.loads(out)
    assert code == 1
    assert (found["dmarc"]["result"], found["dmarc"]["disposition"]) == ("fail", "reject")
    assert (found["spf"], found["dkim"]) == (None, [])


def test_dmarc_of_a_domain_is_explained(postier, dns):
    code, out, _ = postier("dmarc", "check", "--domain", "a.news.example.com", *dns)
    assert code == 0
    assert [line.strip() for line in out.splitlines()][1:4] == [
        "_dmarc.a.news.example.com publishes no DMARC record",
        "_dmarc.news.example.com publishes no DMARC record",
        "_dmarc.example.com publishes v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.com",
    ]
    assert "example.com is the organisation of a.news.example.com" in out
    assert "mail from a.news.example.com that fails: treat it as suspicious (quarantine)" in out
    assert "aggregate reports go to mailto:d@example.com" in out


# ── dane and mta-sts ──


def test_dane_without_dnssec_counts_for_nothing(postier, dns, tmp_path):
    tls = ServerTls(Service.SMTP, [CertificateFiles(*Authority(tmp_path).issue("mail", "mail.example.com"))])
    with served(Remote(tls=tls.context)) as port:
        code, out, _ = postier("dane", "check", f"mail.example.com:{port}", *dns)
        assert code == 1
        assert "does not use DANE" in out
    code, out, _ = postier("dane", "check", "mail.example.com:2525", *dns, "--json")
    found = json.loads(out)
    assert (code, found["port"], found["records"][0]["data"]) == (1, 2525, "ab" * 32)
    assert "3 1 1 abab" in "".join(found["trace"])


def test_mta_sts_of_a_domain(postier, dns, tmp_path):
    authority = Authority(tmp_path)
    tls = ServerTls(Service.HTTP, [CertificateFiles(*authority.issue("policy", "mta-sts.example.com"))])
    trial = ("--authorities", authority.file, "--private", *dns)
    policy = "version: STSv1\r\nmode: enforce\r\nmx: {}\r\nmax_age: 604800\r\n"
    for host, word in (("*.example.com", "ok"), ("mx.example.net", "broken")):
        with served(PolicyHost(policy.format(host), tls.context)) as port:
            code, out, _ = postier("mta-sts", "check", "example.com", "--port", port, *trial)
        assert code == (0 if word == "ok" else 1)
        assert "https://mta-sts.example.com/.well-known/mta-sts.txt serves" in out
        assert f"MX mail.example.com is {'' if word == 'ok' else 'not '}in the policy" in out
        assert f"=> {word}" in out


@pytest.mark.parametrize(
    ("domain", "word", "says"),
    [
        ("example.com", "broken", "sts-policy-fetch-error"),
        ("old.example.com", "broken", "begins with v=STSv1;"),
        ("mail.example.com", "none", "announces no MTA-STS policy"),
    ],
)
def test_mta_sts_failures_say_why(postier, dns, domain, word, says):
    code, out, _ = postier("mta-sts", "check", domain, *dns)
    assert code == 1
    assert f"=> {word}: " in out
    assert says in out
    code, out, _ = postier("mta-sts", "check", domain, *dns, "--json")
    assert (code, json.loads(out)["result"]) == (1, word)


class PolicyHost:
    """An HTTPS server with one answer."""

    def __init__(self, policy, context):
        self._answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{policy}".encode()
        self._context = context

    async def _serve(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer)
        await writer.drain()
        writer.close()

    @contextlib.asynccontextmanager
    async def at(self, address, port):
        server = await asyncio.start_server(self._serve, address, port, ssl=self._context)
        async with server:
            yield


@contextlib.contextmanager
def served(server):
    """A server in a thread of its own while the command runs; gives its port."""
    port = shared_port()
    is_up = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run():
        async with server.at("127.0.0.1", port):
            is_up.set()
            await stop.wait()

    running = threading.Thread(target=lambda: loop.run_until_complete(run()))
    running.start()
    try:
        assert is_up.wait(30)
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        running.join()
        loop.close()


# ── the configuration, if there is one ──


def test_a_configuration_names_the_resolver(postier, dns, tmp_path):
    (tmp_path / "postier.toml").write_text(f'hostname = "mx.alpha.test"\n[dns]\nresolvers = ["{dns[1]}"]\n')
    assert postier("spf", "check", "127.0.0.1", "alice@example.com")[0] == 0


def test_a_broken_one_that_nobody_named_is_passed_over(postier, dns, letter, tmp_path, monkeypatch):
    broken = tmp_path / "postier.toml"
    broken.write_text("hostnam = 1\n")
    command = ("dkim", "verify", letter(SIGNED), "--time", NOW, *dns)
    code, _, err = postier(*command)
    assert (code, err) == (0, "note: postier.toml cannot be used; the defaults hold\n")
    code, _, err = postier(*command, "--config", broken)
    assert (code, "hostnam" in err) == (1, True)
    monkeypatch.setenv("POSTIER_CONFIG", str(broken))
    assert postier(*command)[0] == 1


# ── bad input ──


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("spf check 1.2.3 a@b.test", "1.2.3 is not an IP address"),
        ("spf check 1.2.3.4 <>", "wants --helo"),
        ("spf check 1.2.3.4 a@b.test --resolver x.test", "--resolver"),
        ("spf check 1.2.3.4 a@b.test --resolver 127.0.0.1:0", "invalid port"),
        ("dkim verify nowhere.eml", "nowhere.eml"),
        ("dmarc check", "give either a FILE"),
        ("dmarc check --domain a.test --ip 1.2.3.4", "--ip and --sender belong together"),
        ("dane check a..b", "is not a host name"),
        ("dane check a.test:99999", "is not a port"),
        ("mta-sts check a..b", "DOMAIN"),
    ],
)
def test_wrong_use(postier, line, complaint):
    code, out, err = postier(*line.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert complaint in err


def test_files_that_are_no_message_or_no_key(postier, letter, config, tmp_path):
    for content, complaint in (
        (b"", "no header field"),
        (b"\r\nHello", "no header field"),
        (b"\0\xff\n", "no header"),
    ):
        code, _, err = postier("dkim", "verify", letter(content))
        assert (code, err.count("\n")) == (1, 1)
        assert complaint in err
    config.write_text('hostname = "mx.alpha.test"\n[limits]\nmessage_size = "1M"\n')
    path = letter(LETTER + b"x" * (1 << 20))
    code, _, err = postier("dkim", "verify", path, "--config", config)
    assert code == 1
    assert "larger than a message may be (1048576 octets)" in err
    wrong = ("dkim", "sign", letter(LETTER), "--domain", "example.com", "--selector", "s", "--key")
    code, _, err = postier(*wrong, letter(b"no key", "key.pem"))
    assert (code, err.count("\n")) == (1, 1)
    assert "no key to sign with" in err
    code, _, err = postier(
        "dkim", "sign", letter(b"To: a@b.test\r\n\r\n"), "--domain", "example.com", "--selector", "s", "--key",
        letter(dkim.private_pem(KEY.private), "good.pem"),
    )  # fmt: skip
    assert code == 1
    assert "without a signed From" in err


def test_nothing_of_a_message_reaches_the_terminal_raw(postier, dns, letter):
    evil = b"DKIM-Signature: v=1; a=\x1b[31m; d=x.test; s=\x1b]0;h\x07; b=AA==; bh=AA==; h=from\r\n" + LETTER
    _, out, _ = postier("dkim", "verify", letter(evil), *dns)
    assert out.isascii()
    assert out.replace("\n", "").isprintable()
    assert os.linesep in out
