"""Row 34: an added From, Subject or the like breaks our signature; a message with two From proves nothing."""

import pytest

from postier.mailauth import dkim, dmarc
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver

KEY = dkim.SigningKey("example.com", "s", dkim.generate_key("ed25519"))
ZONE = StaticResolver.of_txt(
    {
        "s._domainkey.example.com": dkim.key_record(KEY.private.public_key()),
        "_dmarc.example.com": "v=DMARC1; p=reject",
    }
)
MESSAGE = b"From: a@example.com\r\nTo: b@example.org\r\nSubject: x\r\n\r\nHello\r\n"


@pytest.mark.parametrize("name", dkim.OVERSIGNED)
@pytest.mark.parametrize("at_the_top", [True, False])
def test_added_fields(name, at_the_top):
    signed = dkim.sign(MESSAGE, [KEY], 1) + MESSAGE
    added = name.encode() + b": mallory@evil.test\r\n"
    changed = added + signed if at_the_top else signed.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1)
    (result,) = dkim.run(dkim.verify(changed, 1), ZONE)
    assert result.result is Outcome.FAIL


def test_two_from_prove_nothing_even_if_the_signer_did_not_oversign():
    message = dkim.sign(MESSAGE, [KEY], 1, headers=["From", "Subject"]) + MESSAGE
    assert dkim.run(dkim.verify(message, 1), ZONE)[0].result is Outcome.PASS
    forged = b"From: ceo@victim.test\r\n" + message
    results = dkim.run(dkim.verify(forged, 1), ZONE)
    assert results[0].result is Outcome.POLICY
    assert dmarc.run(dmarc.check(forged, None, results), ZONE).result is Outcome.PERMERROR
