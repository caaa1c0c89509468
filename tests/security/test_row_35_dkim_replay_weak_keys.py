"""Row 35: expired signatures and weak keys do not pass, weak keys do not sign, Ed25519 works, x= can be set."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from postier.mailauth import dkim
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver

ED = dkim.SigningKey("example.com", "s", dkim.generate_key("ed25519"))
MESSAGE = b"From: a@example.com\r\n\r\nHello\r\n"


def zone(public):
    return StaticResolver.of_txt({"s._domainkey.example.com": dkim.key_record(public)})


def test_expired_signatures():
    signed = dkim.sign(MESSAGE, [ED], 1_000, lifetime_s=3_600) + MESSAGE
    resolver = zone(ED.private.public_key())
    assert dkim.run(dkim.verify(signed, 4_600), resolver)[0].result is Outcome.PASS
    (result,) = dkim.run(dkim.verify(signed, 10_000), resolver)
    assert (result.result, result.problem) == (Outcome.FAIL, dkim.Problem.EXPIRED)


def test_512_bit_keys_do_not_verify():
    public = RSAPublicNumbers(65537, (1 << 511) + 111).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    resolver = StaticResolver.of_txt({"s._domainkey.example.com": f"p={base64.b64encode(der).decode()}"})
    signed = dkim.sign(MESSAGE, [ED], 1) + MESSAGE
    (result,) = dkim.run(dkim.verify(signed.replace(b"a=ed25519-sha256", b"a=rsa-sha256"), 1), resolver)
    assert (result.result, result.problem, result.key_bits) == (Outcome.POLICY, dkim.Problem.WEAK_KEY, 0)


def test_weak_keys_do_not_sign():
    weak = dkim.SigningKey("example.com", "s", dkim.generate_key("rsa", 1024))
    with pytest.raises(ValueError, match="at least 2048"):
        dkim.sign(MESSAGE, [weak], 1)
    assert dkim.generate_key().key_size >= 2048


def test_sha1_does_not_verify():
    signed = dkim.sign(MESSAGE, [ED], 1) + MESSAGE
    (result,) = dkim.run(
        dkim.verify(signed.replace(b"a=ed25519-sha256", b"a=rsa-sha1"), 1), zone(ED.private.public_key())
    )
    assert (result.result, result.problem) == (Outcome.POLICY, dkim.Problem.WEAK_HASH)
