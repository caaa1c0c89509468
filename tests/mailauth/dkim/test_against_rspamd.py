"""rspamd and we take each other's signatures, keys from a DNS server; it refuses what was changed, and so do we."""

import contextlib
import http.client
import json
import shutil
import subprocess
import time

import pytest
from tests.dns_server import start_nsd
from tests.ports import free_port

from postier.mailauth import dkim
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver

STARTS_WITHIN_S = 60
KEY = dkim.SigningKey("example.com", "s", dkim.generate_key())
ED25519 = dkim.SigningKey("example.com", "ed", dkim.generate_key("ed25519"))
RECORDS = {f"{key.selector}._domainkey": dkim.key_record(key.private.public_key()) for key in (KEY, ED25519)}
ZONE = StaticResolver.of_txt({f"{name}.example.com": record for name, record in RECORDS.items()})
HEADER = (
    b"From: Alice  <alice@example.com>\r\nTo: carole@example.org,\r\n \t  dave@example.org\r\nSubject:  two \t words \r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
)
BODIES = {
    "plain": b"Hello Carole\r\n",
    "white space": b" two  words\t and more \t \r\n\t\r\n \r\nend \r\n\r\n\r\n",
    "long": b"the quick  brown fox \r\n" * 5_000,
    "8bit": "Grüße\r\n".encode(),
}
CONFIGURATION = """
options {{
  pidfile = "{folder}/rspamd.pid"; tempdir = "{folder}"; url_tld = "{folder}/tld"; disable_hyperscan = true;
  control_socket = "{folder}/control mode=0600"; cache_file = "{folder}/cache"; history_file = "{folder}/history";
  local_networks = ["127.0.0.0/8"]; local_addrs = ["127.0.0.0/8"]; filters = ["dkim"];
  dns {{ nameserver = ["127.0.0.1:{dns}"]; }}
}}
logging {{ type = "console"; level = "error"; }}
metric {{ name = "default"; actions {{ reject = 1000; }} }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
dkim_signing {{
  sign_local = true; sign_networks = ["127.0.0.0/8"]; allow_hdrfrom_mismatch = true; use_domain = "header";
  use_esld = false; selector = "s"; path = "{folder}/key.pem"; try_fallback = true;
}}
modules {{ path = "/usr/share/rspamd/plugins/dkim_signing.lua"; }}
lua = "{folder}/empty.lua";
"""


@pytest.fixture(scope="module")
def rspamd(tmp_path_factory):
    """Runs a message through rspamd as if it came from an address; gives its answer."""
    program = shutil.which("rspamd") or shutil.which("rspamd", path="/usr/bin:/usr/sbin")
    if program is None:
        pytest.fail("rspamd is not installed: install the Debian package rspamd (apt-get install rspamd)")
    folder = tmp_path_factory.mktemp("rspamd")
    (folder / "key.pem").write_bytes(dkim.private_pem(KEY.private))
    (folder / "tld").write_text("com\norg\n")
    (folder / "empty.lua").write_text("")
    zone = "".join(f"{name} IN TXT {dkim.zone_text(record)}\n" for name, record in RECORDS.items())
    with start_nsd(tmp_path_factory.mktemp("nsd"), {"example.com": zone}) as dns:
        port = free_port()
        (folder / "rspamd.conf").write_text(CONFIGURATION.format(folder=folder, dns=dns, port=port))
        command = [program, "--no-fork", "--insecure", "--config", folder / "rspamd.conf"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                await_answer(process, port)
                yield lambda message, ip: ask(port, message, ip)
            finally:
                process.terminate()


def await_answer(process, port):
    end = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        try:
            talk(port, "GET", "/ping")
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)  # ends at once if it has died
        else:
            return
    pytest.fail("rspamd did not start")


def ask(port, message, ip):
    return json.loads(talk(port, "POST", "/checkv2", message, {"IP": ip}))


def talk(port, *request):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(*request)
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_we_accept_what_it_signs(rspamd, body):
    field = b"DKIM-Signature: " + rspamd(HEADER + body, "127.0.0.1")["dkim-signature"].encode() + b"\r\n"
    now = int(time.time())
    (result,) = dkim.run(dkim.verify(field + HEADER + body, now), ZONE)
    assert result.result is Outcome.PASS
    changed = HEADER.replace(b"carole@", b"mallory@")
    (result,) = dkim.run(dkim.verify(field + changed + body, now), ZONE)
    assert result.problem is dkim.Problem.SIGNATURE


@pytest.mark.parametrize("key", [KEY, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_it_accepts_what_we_sign(rspamd, key, body):
    message = dkim.sign(HEADER + body, [key], int(time.time()) - 5) + HEADER + body
    assert "R_DKIM_ALLOW" in rspamd(message, "192.0.2.1")["symbols"]
    assert "R_DKIM_REJECT" in rspamd(message.replace(b"carole@", b"mallory@"), "192.0.2.1")["symbols"]
