import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mailauth import dkim
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver


def tags_of(field):
    text = field.decode().partition(":")[2]
    return {
        name: "".join(value.split())
        for name, _, value in (tag.strip().partition("=") for tag in text.split(";"))
    }


def test_two_keys_at_once(message, rsa, ed, resolver):
    fields = dkim.sign(message, [rsa, ed], 12345)
    results = dkim.run(dkim.verify(fields + message, 12345), resolver)
    assert [(result.result, result.algorithm) for result in results] == [
        (Outcome.PASS, "rsa-sha256"),
        (Outcome.PASS, "ed25519-sha256"),
    ]
    assert fields.count(b"DKIM-Signature:") == 2
    assert fields.endswith(b"\r\n")


def test_tags(message, ed):
    tags = tags_of(dkim.sign(message, [ed], 12345, lifetime_s=60, identity="alice@example.com"))
    assert tags | {"b": "", "bh": "", "h": ""} == {
        "v": "1", "a": "ed25519-sha256", "c": "relaxed/relaxed", "d": "example.com", "s": "ed", "i": "alice@example.com",
        "t": "12345", "x": "12405", "b": "", "bh": "", "h": "",
    }  # fmt: skip
    assert "l" not in tags


def test_important_fields_are_oversigned(message, ed):
    names = tags_of(dkim.sign(message, [ed], 1))["h"].split(":")
    assert [names.count(name) for name in ("From", "To", "Subject", "Date", "Message-ID")] == [2] * 5
    for name in ("Cc", "Reply-To", "In-Reply-To", "References", "MIME-Version", "Content-Type"):
        assert names.count(name) == 1
    assert "Received" not in names


@pytest.mark.parametrize(
    "name", [b"From", b"Subject", b"To", b"Cc", b"Reply-To", b"Date", b"Message-ID", b"Content-Type"]
)
def test_an_added_field_breaks_the_signature(message, ed, resolver, name):
    signed = dkim.sign(message, [ed], 1) + message
    for changed in (
        name + b": x\r\n" + signed,
        signed.replace(b"\r\n\r\n", b"\r\n" + name + b": x\r\n\r\n", 1),
    ):
        (result,) = dkim.run(dkim.verify(changed, 1), resolver)
        assert result.result is not Outcome.PASS


def test_list_fields_are_signed_as_they_are(message, ed, resolver):
    letter = (
        b"List-Unsubscribe: <https://a.test>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        + message
    )
    names = tags_of(dkim.sign(letter, [ed], 1))["h"].split(":")
    assert names.count("List-Unsubscribe") == names.count("List-Unsubscribe-Post") == 1


def test_pinned_headers(message, ed, resolver):
    field = dkim.sign(message, [ed], 1, headers=["Subject", "From"])
    assert tags_of(field)["h"] == "Subject:From"
    (result,) = dkim.run(dkim.verify(field + message, 1), resolver)
    assert result.result is Outcome.PASS
    with pytest.raises(ValueError, match="From"):
        dkim.sign(message, [ed], 1, headers=["Subject"])


def test_a_message_without_from_is_not_signed(ed):
    with pytest.raises(ValueError, match="From"):
        dkim.sign(b"Subject: x\r\n\r\n", [ed], 1)


def test_weak_keys_do_not_sign(message, weak_key):  # RFC 8301 §3.2
    weak = dkim.SigningKey("example.com", "weak", weak_key)
    with pytest.raises(ValueError, match="1024 bits; at least 2048"):
        dkim.sign(message, [weak], 1)
    field = dkim.sign(message, [weak], 1, min_rsa_bits=512)
    resolver = StaticResolver.of_txt({"weak._domainkey.example.com": dkim.key_record(weak_key.public_key())})
    assert dkim.run(dkim.verify(field + message, 1), resolver)[0].result is Outcome.PASS


def test_names_are_checked(ed_key):
    with pytest.raises(ValueError, match="no key name"):
        dkim.SigningKey("a..test", "s", ed_key)


def test_lines_are_short(message, rsa):
    letter = message.replace(b"\r\n\r\n", b"\r\n" + b"List-Id: x\r\n" * 40 + b"\r\n", 1)
    for field in (dkim.sign(letter, [rsa], 1), dkim.sign(message, [rsa], 1)):
        assert max(map(len, field.split(b"\r\n"))) <= 78
        assert not re.search(rb"\r\n(?! )", field[:-2])
    assert (
        dkim.run(
            dkim.verify(dkim.sign(letter, [rsa], 1) + letter, 1),
            StaticResolver.of_txt({"rsa._domainkey.example.com": dkim.key_record(rsa.private.public_key())}),
        )[0].result
        is Outcome.PASS
    )


def test_the_keys_of_rfc_8463_sign(rfc8463):
    secret = Ed25519PrivateKey.from_private_bytes(rfc8463.secret)
    keys = [
        dkim.SigningKey("football.example.com", "brisbane", secret),
        dkim.SigningKey("football.example.com", "test", dkim.load_private_key(rfc8463.rsa_pem)),
    ]
    message = rfc8463.message[rfc8463.message.index(b"From:") :]
    fields = dkim.sign(message, keys, 1, min_rsa_bits=1024)
    assert base64.b64decode("2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=") == base64.b64decode(
        tags_of(fields[: fields.index(b"\r\nDKIM")])["bh"]
    )
    results = dkim.run(dkim.verify(fields + message, 1), StaticResolver.of_txt(rfc8463.records))
    assert [result.result for result in results] == [Outcome.PASS] * 2


NAMES = st.sampled_from([b"From", b"To", b"Subject", b"X-A", b"cc", b"List-Id"])
VALUES = st.lists(st.sampled_from([b" ", b"\t", b"a", b"b,", b"\r\n ", b"\xc3\xa9", b":"]), max_size=12).map(
    b"".join
)
BODIES = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b".", b"\n", b"\r"]), max_size=30).map(
    b"".join
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), BODIES)
def test_what_is_signed_verifies(fields, body):
    key = dkim.generate_key("ed25519")
    signing = dkim.SigningKey("example.com", "s", key)
    message = (
        b"From: a@example.com\r\n"
        + b"".join(name + b":" + value + b"\r\n" for name, value in fields)
        + b"\r\n"
        + body
    )
    resolver = StaticResolver.of_txt({"s._domainkey.example.com": dkim.key_record(key.public_key())})
    (result,) = dkim.run(dkim.verify(dkim.sign(message, [signing], 1) + message, 1), resolver)
    assert result.result is Outcome.PASS


@pytest.mark.parametrize("identity", ["@example.com", "joe@example.com", "=22a=20b=22@sub.Example.com"])
def test_identities(message, ed, resolver, identity):
    signed = dkim.sign(message, [ed], 1, identity=identity) + message
    (result,) = dkim.run(dkim.verify(signed, 1), resolver)
    assert result.result == "pass"
    assert result.identity.endswith("example.com")


@pytest.mark.parametrize(
    "identity",
    [
        "joe@example.org",
        "joe@badexample.com",
        "joe",
        "",
        "@",
        "a b@example.com",
        "a;b=c@example.com",
        "a=@example.com",
        "\u00e9@example.com",
    ],
)
def test_identities_that_no_verifier_takes(message, ed, identity):
    with pytest.raises(ValueError, match="i= must be"):
        dkim.sign(message, [ed], 1, identity=identity)


@pytest.mark.parametrize("lifetime_s", [0, -1])
def test_a_signature_that_has_expired_is_not_made(message, ed, lifetime_s):
    with pytest.raises(ValueError, match="expire"):
        dkim.sign(message, [ed], 1, lifetime_s=lifetime_s)
