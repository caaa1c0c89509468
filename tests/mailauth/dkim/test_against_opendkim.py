"""opendkim, the verifier of many servers, and we take each other's signatures; both refuse what was changed."""

import base64
import shutil
import subprocess
import time
from itertools import product

import pytest
from cryptography.hazmat.primitives import serialization

from postier.mailauth import dkim
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver

KEY = dkim.SigningKey("example.com", "s", dkim.generate_key())
RECORD = dkim.key_record(KEY.private.public_key())
ZONE = StaticResolver.of_txt({"s._domainkey.example.com": RECORD})
HEADER = (
    b"Received: from a.test (a.test [192.0.2.1])\r\n\tby b.test; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"From: Alice  <alice@example.com>\r\nTo: carole@example.org,\r\n \t  dave@example.org\r\nSubject :  two \t words \r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nX-Empty:\r\n\r\n"
)
# opendkim sees fields as milters do, without what stands around the colon: in simple form nothing but one space may be there
SIMPLE = HEADER.replace(b"Subject :  two", b"Subject: two").replace(b"X-Empty:\r\n", b"")
BODIES = {
    "plain": b"Hello Carole\r\n",
    "empty": b"",
    "empty lines": b"\r\n\r\n\r\n",
    "white space": b" two  words\t and more \t \r\n\t\r\n \r\nend \r\n\r\n\r\n",
    "long": b"the quick  brown fox \r\n" * 5_000,
    "8bit": "Grüße\r\n".encode(),
}
NAMES = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)


@pytest.fixture(scope="module")
def opendkim(tmp_path_factory):
    """Runs opendkim on a message with these lines of configuration; gives what it says."""
    program = shutil.which("opendkim") or shutil.which("opendkim", path="/usr/sbin")
    if program is None:
        pytest.fail(
            "opendkim is not installed: install the Debian package opendkim (apt-get install opendkim)"
        )
    folder = tmp_path_factory.mktemp("opendkim")
    key = folder / "key.pem"
    key.touch(0o600)
    key.write_bytes(
        KEY.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (folder / "keys").write_text(f"s._domainkey.example.com {RECORD}\n")
    (folder / "all").write_text("0.0.0.0/0\n")
    signing = f"Mode s\nDomain example.com\nSelector s\nKeyFile {key}\nInternalHosts {folder}/all\n"
    verifying = f"Mode v\nTestPublicKeys {folder}/keys\n"

    def run(message, canonicalization=""):
        lines = f"{signing}Canonicalization {canonicalization}\n" if canonicalization else verifying
        (folder / "conf").write_text(f"{lines}Background no\nRequireSafeKeys no\n")
        (folder / "message").write_bytes(message)
        done = subprocess.run(
            [program, "-x", folder / "conf", "-t", folder / "message"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=True,
        )
        return done.stdout

    return run


@NAMES
@pytest.mark.parametrize(
    "canonicalization", ["/".join(pair) for pair in product(("simple", "relaxed"), repeat=2)]
)
def test_we_accept_what_it_signs(opendkim, canonicalization, body):
    header = SIMPLE if canonicalization.startswith("simple") else HEADER
    said = opendkim(header + body, canonicalization)
    field = (
        said[said.index(b"DKIM-Signature:") :].rstrip(b"\n").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    )
    message = field + b"\r\n" + header + body
    now = int(time.time())
    (result,) = dkim.run(dkim.verify(message, now), ZONE)
    assert (result.result, result.canonicalization) == (Outcome.PASS, canonicalization)
    changed = message.replace(b"carole@", b"mallory@", 1)
    (result,) = dkim.run(dkim.verify(changed, now), ZONE)
    assert result.problem is dkim.Problem.SIGNATURE


@NAMES
def test_it_accepts_what_we_sign(opendkim, body):
    message = dkim.sign(HEADER + body, [KEY], int(time.time()) - 5) + HEADER + body
    assert b"2048-bit key) succeeded" in opendkim(message)
    assert b"succeeded" not in opendkim(message.replace(b"carole@", b"mallory@", 1))


def test_it_and_we_read_the_same_key():
    der = base64.b64decode(RECORD.partition("p=")[2])
    assert serialization.load_der_public_key(der) == dkim.parse_key(RECORD.encode()).public
