"""`postier bimi check` with a DNS server and an HTTPS server of the test, and the logo of a domain of ours."""

import asyncio
import datetime as dt
import json
import threading

import pytest

from postier.tls.certificates import CertificateFiles
from postier.tls.client import checking_context
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.mailauth.bimi.marks import LOGO, NOW_S, MarkAuthority, pem
from tests.mailauth.bimi.marks import authority as marks_of_2026


class Web:
    """An HTTPS server in a thread, for commands that run their own loop."""

    def __init__(self, files):
        self.files = {}
        self._tls = ServerTls(Service.HTTP, [files])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls.context), self._loop
        )
        self._server = server.result()
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        body = self.files.get(path)
        status = b"404 Not Found" if body is None else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\n" + (body or b""))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _close(self):
        self._server.close()
        await self._server.wait_closed()

    def close(self):
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def web(tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    checking_context.cache_clear()
    made = Web(CertificateFiles(*authority.issue("logo", "logo.alpha.test")))
    yield made
    made.close()
    checking_context.cache_clear()


@pytest.fixture
def domain(web, nsd, tmp_path):
    """alpha.test with a logo, and a configuration that finds it; `config` may be written anew."""
    record = (
        f"v=BIMI1; l=https://logo.alpha.test:{web.port}/a.svg; a=https://logo.alpha.test:{web.port}/v.pem"
    )
    zone = (
        f'default._bimi.alpha IN TXT "{record}"\n_dmarc.alpha IN TXT "v=DMARC1; p=reject"\n'
        'logo.alpha IN A 127.0.0.1\n_dmarc.none.alpha IN TXT "v=DMARC1; p=none"\n'
    )
    web.files["/a.svg"] = LOGO
    config = tmp_path / "postier.toml"
    config.write_text(f'hostname = "mx.beta.test"\n[dns]\nresolvers = ["127.0.0.1:{nsd({"test": zone})}"]\n')
    return config


def test_a_domain_is_explained(postier, domain):
    code, out, err = postier("bimi", "check", "alpha.test", "--private")
    assert (code, err) == (0, "")
    assert "- DMARC of alpha.test is strong enough" in out
    assert "- the evidence is not looked at: no roots are configured" in out
    assert "result: pass" in out
    assert "title: Alpha" in out


def test_as_json_with_evidence(postier, domain, web, tmp_path):
    authority = MarkAuthority(now=dt.datetime.now(dt.UTC))
    web.files["/v.pem"] = authority.mark("alpha.test")
    (tmp_path / "roots.pem").write_bytes(pem(authority.root))
    domain.write_text(domain.read_text() + '[bimi]\nroots = "roots.pem"\n')
    code, out, _ = postier("bimi", "check", "alpha.test", "--private", "--json")
    row = json.loads(out)
    assert (code, row["authority"], row["organisation"], row["names"]) == (
        0,
        "pass",
        "Alpha Inc",
        ["alpha.test"],
    )
    assert row["steps"][-1] == "the logo may be shown"
    assert row["evidence"].endswith("/v.pem")


def test_why_there_is_none(postier, domain, web):
    del web.files["/a.svg"]
    code, out, _ = postier("bimi", "check", "alpha.test", "--private")
    assert code == 1
    assert "cannot be fetched: logo.alpha.test answered 'HTTP/1.1 404 Not Found'" in out
    code, out, _ = postier("bimi", "check", "none.alpha.test", "--json")
    assert (code, json.loads(out)["result"]) == (1, "skipped")
    code, out, _ = postier("bimi", "check", "alpha.test", "--private", "--selector", "else")
    assert "result: none" in out


def test_a_letter(postier, domain, tmp_path):
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"From: a@alpha.test\r\n\r\nhello\r\n")
    code, out, _ = postier("bimi", "check", letter)
    assert code == 1
    assert "- DMARC gives fail" in out


def test_a_logo_file(postier, tmp_path):
    logo = tmp_path / "logo.svg"
    logo.write_bytes(LOGO)
    code, out, _ = postier("bimi", "check", logo, "--json")
    assert (code, json.loads(out)["title"]) == (0, "Alpha")
    logo.write_bytes(LOGO.replace(b"tiny-ps", b"full"))
    code, out, _ = postier("bimi", "check", logo)
    assert (code, out) == (1, '- baseProfile="tiny-ps" is missing\nresult: fail\n')


def test_a_certificate_file(postier, tmp_path):
    mark, roots = tmp_path / "mark.pem", tmp_path / "roots.pem"
    mark.write_bytes(marks_of_2026().mark("alpha.test"))
    roots.write_bytes(pem(marks_of_2026("Others").root))
    code, out, _ = postier("bimi", "check", mark, "--roots", roots)
    assert code == 1
    assert "no trusted authority vouches" in out
    roots.write_bytes(pem(marks_of_2026().root))
    code, out, _ = postier("bimi", "check", mark, "--roots", roots, "--time", NOW_S, "--json")
    assert (code, json.loads(out)["names"]) == (0, ["alpha.test"])
    code, out, _ = postier("bimi", "check", mark, "--roots", roots, "--time", NOW_S + 400 * 86_400)
    assert (code, "not valid at" in out) == (1, True)
    assert postier("bimi", "check", mark)[0] == 2
    roots.write_text("nonsense")
    code, _, err = postier("bimi", "check", mark, "--roots", roots)
    assert (code, "no PEM" in err) == (1, True)


def test_wrong_use(postier):
    assert postier("bimi", "check", "a b")[0] == 2
    assert postier("bimi", "check", "alpha.test", "--private", "--selector", "a b")[0] == 2


def test_the_logo_of_our_own_domain(postier, tmp_path):
    (tmp_path / "postier.toml").write_text('hostname = "mx.beta.test"\n')
    postier("domain", "add", "beta.test")
    url = "https://beta.test/logo.svg"
    code, out, _ = postier("domain", "logo", "beta.test", url, "--evidence", "https://beta.test/v.pem")
    record = f"v=BIMI1; l={url}; a=https://beta.test/v.pem;"
    assert code == 0
    assert f"publish: default._bimi.beta.test TXT {record}" in out
    rows = json.loads(postier("domain", "dns", "beta.test", "--json")[1])
    assert [row["data"] for row in rows if row["name"] == "default._bimi.beta.test"] == [record]
    assert json.loads(postier("domain", "show", "beta.test", "--json")[1])["logo"] == url
    assert "no logo" in postier("domain", "logo", "beta.test")[1]
    rows = json.loads(postier("domain", "dns", "beta.test", "--json")[1])
    assert not [row for row in rows if "_bimi" in row["name"]]
    assert "is no https address" in postier("domain", "logo", "beta.test", "http://x.test/a.svg")[2]
    assert postier("domain", "logo", "else.test", url)[0] == 1
    assert postier("domain", "logo", "beta.test", "--evidence", url)[0] == 2
