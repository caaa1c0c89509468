"""Row 33: we never sign with l=, and a signature that leaves a part of the body open never passes."""

import base64
import hashlib

from postier.mailauth import dkim
from postier.mailauth.dkim.sign import _signature
from postier.mailauth.dkim.verify import SignedHeader
from postier.mailauth.letter import Letter
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver

KEY = dkim.SigningKey("example.com", "s", dkim.generate_key("ed25519"))
ZONE = StaticResolver.of_txt({"s._domainkey.example.com": dkim.key_record(KEY.private.public_key())})
MESSAGE = b"From: a@example.com\r\nSubject: offer\r\n\r\nHello\r\n"


def signed_with_length(message, length):
    body_hash = base64.b64encode(hashlib.sha256(message.partition(b"\r\n\r\n")[2][:length]).digest()).decode()
    own = (
        f"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/simple; d=example.com; s=s; l={length}; h=from:subject; bh={body_hash}; b="
    ).encode()
    data = SignedHeader(Letter.parse(message).fields).data([b"from", b"subject"], dkim.Canon.RELAXED, own)
    return own + base64.b64encode(_signature(KEY.private, data)) + b"\r\n" + message


def test_appended_html_does_not_pass():
    signed = signed_with_length(MESSAGE, 7)
    assert dkim.run(dkim.verify(signed, 1), ZONE)[0].result is Outcome.PASS
    (result,) = dkim.run(dkim.verify(signed + b"<html>pay here</html>\r\n", 1), ZONE)
    assert result.result is Outcome.POLICY
    assert result.problem is dkim.Problem.PARTIAL


def test_we_never_sign_with_l():
    assert b"l=" not in dkim.sign(MESSAGE, [KEY], 1).partition(b" b=")[0]
