import base64

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth import dkim
from postier.mailauth.dkim import keys
from postier.mailauth.dkim.keys import BrokenKey, Key, load_private_key, parse_key, private_pem

ED = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def test_a_record_of_each_kind(rsa_key, ed_key):
    key = parse_key(dkim.key_record(rsa_key.public_key()).encode())
    assert (key.kind, key.bits, key.hashes, key.is_testing, key.is_strict) == ("rsa", 2048, (), False, False)
    assert parse_key(dkim.key_record(ed_key.public_key()).encode()).bits == 256


def test_bare_rsa_keys(rsa_key):  # RFC 6376 eid3017
    der = rsa_key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    assert parse_key(b"p=" + base64.b64encode(der)).bits == 2048


def test_flags_hashes_and_folding():
    key = parse_key(
        f"v=DKIM1; k=ed25519; t=y : s; h=SHA256:sha1; s=email:x; n=note; p={ED[:20]} {ED[20:]}".encode()
    )
    assert isinstance(key, Key)
    assert (key.is_testing, key.is_strict, key.hashes) == (True, True, ("sha256", "sha1"))


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b"v=DKIM1; k=ed25519", "no p="),
        (b"v=DKIM1; p=", "revoked"),
        (b"v=DKIM2; k=ed25519; p=" + ED.encode(), "version"),
        (b"k=ed25519; v=DKIM1; p=" + ED.encode(), "version"),
        (b"k=ed25519; p=AAAA", "no ed25519 public key"),
        (b"k=rsa; p=" + ED.encode(), "no rsa public key"),
        (b"k=dsa; p=" + ED.encode(), "unknown"),
        (b"k=ed25519; p=!!!", "no ed25519 public key"),
        (b"v=spf1 -all", "version"),
        (b"hello", "malformed"),
        (b"k=ed25519; p=\xff", "not text"),
        (b"p=" + ED.encode() + b"; p=" + ED.encode(), "malformed"),
    ],
)
def test_unusable_records(record, why):
    key = parse_key(record)
    assert isinstance(key, BrokenKey)
    assert why in key.why
    assert key.is_revoked == (why == "revoked")


@pytest.mark.parametrize(
    ("services", "is_for_mail"),
    [
        ("*", True),
        ("email", True),
        ("tlsrpt : Email", True),
        ("x:*", True),
        ("tlsrpt", False),
        ("", False),
        ("emails", False),
    ],
)
def test_services(services, is_for_mail):  # RFC 6376 §3.6.1 s=
    assert parse_key(f"k=ed25519; s={services}; p={ED}".encode()).is_for_mail == is_for_mail
    assert parse_key(f"k=ed25519; p={ED}".encode()).is_for_mail


def test_ed25519_keys_are_not_wrapped(ed_key):  # RFC 8463 §4.2
    der = ed_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert isinstance(parse_key(b"k=ed25519; p=" + base64.b64encode(der)), BrokenKey)
    assert isinstance(parse_key(b"k=rsa; p=" + base64.b64encode(der)), BrokenKey)


def test_private_keys_round_trip(rsa_key, ed_key):
    for key in (rsa_key, ed_key):
        assert dkim.key_record(load_private_key(private_pem(key)).public_key()) == dkim.key_record(
            key.public_key()
        )
    with pytest.raises(ValueError):
        load_private_key(b"no pem")
    with pytest.raises(ValueError, match="unknown key algorithm"):
        dkim.generate_key("dsa")


def test_zone_text(rsa_key):
    record = dkim.key_record(rsa_key.public_key())
    text = dkim.zone_text(record)
    strings = text[1:-1].split('" "')
    assert "".join(strings) == record
    assert [len(string) for string in strings[:-1]] == [255]
    assert dkim.zone_text("a" * 255) == '"' + "a" * 255 + '"'


@given(st.binary())
def test_any_bytes(record):
    for candidate in (record, b"v=DKIM1; k=ed25519; p=" + record, b"p=" + base64.b64encode(record)):
        assert isinstance(parse_key(candidate), Key | BrokenKey)


@pytest.mark.parametrize("over", [0, 1])
def test_a_long_record_is_read_and_not_remembered(over):
    head = dkim.key_record(dkim.generate_key("ed25519").public_key()).encode() + b"; n="
    text = head + b"y" * (keys.MAX_KEPT_OCTETS - len(head) + over)
    before = keys._remembered.cache_info().misses
    assert parse_key(text).kind == "ed25519"
    assert keys._remembered.cache_info().misses == before + 1 - over
