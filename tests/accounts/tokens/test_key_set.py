"""JWK sets: what is a key here, what is passed over and why, what is no set."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.accounts.tokens.key_set import MAX_KEYS, MAX_SET_OCTETS, KeySetError, read_key_set
from tests.accounts.tokens.signing import b64, jwk, jwk_set, number


def test_all_types_with_what_they_may_verify():
    found = read_key_set(
        jwk_set(jwk("RS256"), jwk("ES256"), jwk("EdDSA"), jwk("PS256", alg="PS256", kid=None))
    )
    assert found.problems == ()
    assert [(key.key_id, sorted(one.value for one in key.algorithms)) for key in found.keys] == [
        ("RS256-0", ["PS256", "RS256"]),
        ("ES256-0", ["ES256"]),
        ("EdDSA-0", ["EdDSA"]),
        ("", ["PS256"]),
    ]


def rsa_of(bits, exponent=65537):
    return jwk("RS256", n=number((1 << bits) - 1), e=number(exponent))


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (5, "key 1: it is no object"),
        (jwk("ES256", kid=5), "kid is no text"),
        (jwk("ES256", kid="k" * 257), "kid is no text, or too long"),
        (jwk("ES256", use="enc"), "not for signatures"),
        (jwk("ES256", key_ops=["sign"]), "not for verifying"),
        (jwk("ES256", key_ops="verify"), "not for verifying"),
        (jwk("ES256", d="AAAA"), "key 'ES256-0': its private part is published"),
        ({"kty": "oct", "k": b64(b"secret"), "alg": "HS256"}, "key 1: its type is none of"),
        (jwk("ES256", alg="HS256"), "alg is not taken"),
        (jwk("ES256", alg="RS256"), "does not fit its type"),
        (jwk("ES256", alg="none"), "alg is not taken"),
        (jwk("ES256", crv="P-384"), "its type is none of"),
        (jwk("ES256", crv="secp256k1"), "its type is none of"),
        (jwk("EdDSA", crv="X25519"), "its type is none of"),
        (jwk("EdDSA", crv="Ed448"), "its type is none of"),
        (jwk("ES256", x=b64(bytes(32)), y=b64(bytes(32))), "its numbers are no key"),
        (jwk("ES256", x=b64(bytes(31))), "its x is missing or wrong"),
        (jwk("ES256", y=None), "its y is missing or wrong"),
        (jwk("EdDSA", x="!"), "its x is missing or wrong"),
        (rsa_of(2047), "an RSA key of 2047 bits"),
        (rsa_of(8193), "an RSA key of 8193 bits"),
        (rsa_of(2048, 1), "exponent is not sound"),
        (rsa_of(2048, 65536), "exponent is not sound"),
        (rsa_of(2048, 2**32 + 1), "exponent is not sound"),
        (jwk("RS256", n=None), "its n is missing or wrong"),
        ({}, "its type is none of"),
        (jwk("ES256", kid="\x1b[31m" + "x" * 60, use="enc"), r"key '\x1b[31mxxx"),
    ],
)
def test_what_is_passed_over(member, why):
    found = read_key_set(jwk_set(member, jwk("ES256", 1)))
    assert [key.key_id for key in found.keys] == ["ES256-1"]
    assert len(found.problems) == 1
    assert why in found.problems[0]
    assert found.problems[0].isprintable()


@pytest.mark.parametrize(("bits", "exponent"), [(2048, 3), (8192, 2**32 - 1)])
def test_sizes_of_rsa_keys_at_their_bounds(bits, exponent):
    assert len(read_key_set(jwk_set(rsa_of(bits, exponent))).keys) == 1


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "not JSON"),
        (b"[]", "no JSON object"),
        (b"{}", 'no array "keys"'),
        (b'{"keys": {}}', 'no array "keys"'),
        (b'{"keys": [], "keys": []}', "twice"),
        (b"<html>", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"{" + b" " * MAX_SET_OCTETS, "over 262144 octets"),
        (b'{"a": ' + b"[" * 10_000, "nested over 8 levels"),
        (jwk_set(*[{}] * (MAX_KEYS + 1)), "over 64 keys"),
    ],
)
def test_what_is_no_set(octets, why):
    with pytest.raises(KeySetError, match=why):
        read_key_set(octets)


def test_a_set_at_its_bounds():
    assert len(read_key_set(jwk_set(*[jwk("ES256")] * MAX_KEYS)).keys) == MAX_KEYS
    full = jwk_set(jwk("ES256")).ljust(MAX_SET_OCTETS)
    assert len(read_key_set(full).keys) == 1


@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "alg", "use", "kid", "key_ops"]),
        st.sampled_from(
            ["RSA", "EC", "OKP", "P-256", "Ed25519", "AQAB", "AA", "", b64(b"\x09" * 32), b64(b"\x81" * 256)]
        )
        | st.integers(-(2**70), 2**70)
        | st.none()
        | st.text(max_size=4),
    )
)
def test_any_member_is_a_key_or_a_problem(member):
    found = read_key_set(json.dumps({"keys": [member]}).encode())
    assert len(found.keys) + len(found.problems) == 1


@given(st.binary(max_size=300))
def test_any_octets_are_a_set_or_none(octets):
    with pytest.raises(KeySetError):
        read_key_set(octets)
