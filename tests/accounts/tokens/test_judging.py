"""Access tokens judged by the issuer's keys: what is taken, every refusal, and the attacks of RFC 8725 §2."""

import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from postier.accounts.tokens.claims import LEEWAY_S, MAX_AUDIENCES, Expected
from postier.accounts.tokens.judging import judge
from postier.accounts.tokens.key_set import MAX_KEY_ID_CHARACTERS, KeySet, read_key_set
from postier.accounts.tokens.signed import MAX_HEADER_OCTETS, MAX_TOKEN_CHARACTERS, MAX_TRIED_KEYS, read_token
from postier.accounts.tokens.verdict import Refusal, TokenAccepted, TokenRefused
from tests.accounts.tokens.signing import (
    ALICE,
    AUDIENCE,
    ISSUER,
    NOW_S,
    b64,
    by_hmac,
    claims,
    jwk,
    jwk_set,
    private_key,
    signature,
    token,
)

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
EXPECTED = Expected(issuer=ISSUER, audience=AUDIENCE, scope="mail", claim="email")
KEYS = read_key_set(jwk_set(*(jwk(algorithm) for algorithm in ALGORITHMS)))


def verdict(text, keys=KEYS, expected=EXPECTED, **options):
    return judge(text, keys, expected, NOW_S, **options)


def refusal(text, *arguments, **options):
    found = verdict(text, *arguments, **options)
    return found.refusal if isinstance(found, TokenRefused) else found


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_good_token_of_each_algorithm(algorithm):
    assert verdict(token(algorithm)) == TokenAccepted(ALICE, NOW_S + 300)
    assert refusal(token(algorithm, signer=lambda _: bytes(64))) is Refusal.SIGNATURE
    assert (
        refusal(token(algorithm, signer=lambda octets: signature(algorithm, octets, 1))) is Refusal.SIGNATURE
    )
    head, _, mark = token(algorithm).split(".")
    other = b64(json.dumps(claims(email="carole@alpha.test")).encode())
    assert refusal(f"{head}.{other}.{mark}") is Refusal.SIGNATURE


@pytest.mark.parametrize(
    ("given_header", "why"),
    [
        ({"typ": "application/at+JWT"}, None),
        ({"typ": "JWT"}, Refusal.TYPE),
        ({"typ": None}, Refusal.TYPE),
        ({"typ": 5}, Refusal.TYPE),
        ({"typ": "dpop+jwt"}, Refusal.TYPE),
        ({"alg": "none"}, Refusal.ALGORITHM),
        ({"alg": "None"}, Refusal.ALGORITHM),
        ({"alg": None}, Refusal.ALGORITHM),
        ({"alg": ["ES256"]}, Refusal.ALGORITHM),
        ({"alg": "es256"}, Refusal.ALGORITHM),
        ({"alg": "ES384"}, Refusal.ALGORITHM),
        ({"alg": "RS512"}, Refusal.ALGORITHM),
        ({"alg": "RS256"}, Refusal.WRONG_KEY),  # and the kid of an EC key
        ({"kid": "unheard-of"}, Refusal.UNKNOWN_KEY),
        ({"kid": 7}, Refusal.MALFORMED),
        ({"kid": "k" * MAX_KEY_ID_CHARACTERS}, Refusal.UNKNOWN_KEY),
        ({"kid": "k" * (MAX_KEY_ID_CHARACTERS + 1)}, Refusal.MALFORMED),
        ({"kid": "../../etc/passwd"}, Refusal.UNKNOWN_KEY),  # a name to compare, nothing else
        ({"kid": "\ud800"}, Refusal.MALFORMED),
        ({"crit": ["exp"], "exp": 1}, Refusal.EXTENSION),
        ({"crit": []}, Refusal.EXTENSION),
        ({"b64": False, "crit": ["b64"]}, Refusal.EXTENSION),
        ({"cty": "JWT"}, Refusal.EXTENSION),
        ({"more": [[[[[[[[]]]]]]]]}, Refusal.MALFORMED),
    ],
)
def test_headers(given_header, why):
    found = refusal(token(header=given_header))
    assert found is why if why else isinstance(found, TokenAccepted)


def test_a_header_at_its_bound():
    bare = json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": "ES256-0", "more": ""})
    room = MAX_HEADER_OCTETS - len(bare)
    assert isinstance(verdict(token(header={"more": "x" * room})), TokenAccepted)
    assert refusal(token(header={"more": "x" * (room + 1)})) is Refusal.MALFORMED


@pytest.mark.parametrize(
    ("given_claims", "why"),
    [
        ({"iss": ISSUER + "/"}, Refusal.ISSUER),
        ({"iss": None}, Refusal.ISSUER),
        ({"iss": [ISSUER]}, Refusal.ISSUER),
        ({"iss": ISSUER.upper()}, Refusal.ISSUER),
        ({"aud": None}, Refusal.AUDIENCE),
        ({"aud": "https://calendar.alpha.test"}, Refusal.AUDIENCE),
        ({"aud": AUDIENCE + "/"}, Refusal.AUDIENCE),
        ({"aud": []}, Refusal.AUDIENCE),
        ({"aud": {AUDIENCE: 1}}, Refusal.AUDIENCE),
        ({"aud": ["x", AUDIENCE]}, None),
        ({"aud": ["x"] * (MAX_AUDIENCES - 1) + [AUDIENCE]}, None),
        ({"aud": ["x"] * MAX_AUDIENCES + [AUDIENCE]}, Refusal.AUDIENCE),
        ({"exp": None}, Refusal.CLAIMS),
        ({"exp": str(NOW_S)}, Refusal.CLAIMS),
        ({"exp": True}, Refusal.CLAIMS),
        ({"exp": -1}, Refusal.CLAIMS),
        ({"exp": 2**53}, None),
        ({"exp": 2**53 + 2}, Refusal.CLAIMS),
        ({"exp": 2**64}, Refusal.CLAIMS),
        ({"exp": NOW_S - LEEWAY_S}, Refusal.EXPIRED),
        ({"exp": NOW_S - LEEWAY_S + 0.5}, None),
        ({"nbf": NOW_S + LEEWAY_S}, None),
        ({"nbf": NOW_S + LEEWAY_S + 0.5}, Refusal.TOO_EARLY),
        ({"nbf": "now"}, Refusal.CLAIMS),
        ({"iat": NOW_S + LEEWAY_S + 1}, Refusal.TOO_EARLY),
        ({"iat": None}, None),
        ({"iat": {}}, Refusal.CLAIMS),
        ({"scope": None}, Refusal.SCOPE),
        ({"scope": "mailbox"}, Refusal.SCOPE),
        ({"scope": "mail"}, None),
        ({"scope": ["mail"]}, Refusal.CLAIMS),
        ({"cnf": {"jkt": "x"}}, Refusal.BOUND),
        ({"token_type": "DPoP"}, Refusal.BOUND),
        ({"token_type": "bearer"}, None),
        ({"email": None}, Refusal.NO_ADDRESS),
        ({"email": ""}, Refusal.NO_ADDRESS),
        ({"email": [ALICE]}, Refusal.NO_ADDRESS),
        ({"email": "alice"}, Refusal.NO_ADDRESS),
        ({"email": "a\ud800@alpha.test"}, Refusal.NO_ADDRESS),
        ({"email": "a" * 309 + "@alpha.test"}, None),
        ({"email": "a" * 310 + "@alpha.test"}, Refusal.NO_ADDRESS),
        ({"email_verified": False}, Refusal.UNVERIFIED),
        ({"email_verified": "false"}, Refusal.UNVERIFIED),
        ({"email_verified": 1}, Refusal.UNVERIFIED),
        ({"email_verified": "true"}, None),
        ({"email_verified": None}, None),
    ],
)
def test_claims(given_claims, why):
    found = refusal(token(**given_claims))
    assert found is why if why else isinstance(found, TokenAccepted)


def test_another_claim_names_the_address():
    expected = Expected(issuer=ISSUER, audience=AUDIENCE, scope="", claim="upn")
    text = token(upn="carole@alpha.test", email_verified=False, scope=None)
    assert verdict(text, expected=expected) == TokenAccepted("carole@alpha.test", NOW_S + 300)
    assert refusal(token(), expected=expected) is Refusal.NO_ADDRESS


def test_issuers_from_before_access_tokens_had_a_type():
    for kind in ("JWT", "jwt", None, "at+jwt"):
        assert isinstance(verdict(token(header={"typ": kind}), accepts_untyped=True), TokenAccepted)
    for kind in ("logout+jwt", "secevent+jwt", 1):
        assert refusal(token(header={"typ": kind}), accepts_untyped=True) is Refusal.TYPE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", Refusal.MALFORMED),
        ("opaque", Refusal.MALFORMED),
        ("..", Refusal.MALFORMED),
        ("a.b", Refusal.MALFORMED),
        ("a.b.c.d", Refusal.MALFORMED),
        ("a.b.c.d.e", Refusal.ENCRYPTED),
        ("." * 5000, Refusal.MALFORMED),
        ("x" * (MAX_TOKEN_CHARACTERS + 1), Refusal.TOO_LONG),
        ("x" * MAX_TOKEN_CHARACTERS, Refusal.MALFORMED),
        (token() + "=", Refusal.MALFORMED),
        (token() + "\n", Refusal.MALFORMED),
        (" " + token(), Refusal.MALFORMED),
        (token().replace(".", "=.", 1), Refusal.MALFORMED),
        (token(payload=b"[]"), Refusal.CLAIMS),
        (token(payload=b"{" + b'"a":' * 3), Refusal.CLAIMS),
        (token(payload=b'{"iss": NaN}'), Refusal.CLAIMS),
        (token(payload=b'{"exp": 1e999}'), Refusal.CLAIMS),
        (token(payload=b'{"exp": 1' + b"0" * 5000 + b"}"), Refusal.CLAIMS),
        (token(payload=b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}"), Refusal.CLAIMS),
        (token(payload=b"\xff"), Refusal.CLAIMS),
        (token(payload=b"\xef\xbb\xbf{}"), Refusal.CLAIMS),
    ],
)
def test_texts_that_are_no_tokens(text, why):
    assert refusal(text) is why


def test_a_claim_that_stands_twice():
    twice = json.dumps(claims())[:-1] + ', "email": "admin@alpha.test"}'
    assert refusal(token(payload=twice.encode())) is Refusal.CLAIMS


@given(st.text(max_size=200) | st.lists(st.text("AZaz09-_=", max_size=40), max_size=6).map(".".join))
def test_any_text_gives_a_verdict(text):
    assert isinstance(verdict(text), TokenRefused)


@given(st.binary(max_size=120), st.binary(max_size=120))
def test_any_octets_in_its_parts_give_a_verdict(header, payload):
    assert isinstance(verdict(f"{b64(header)}.{b64(payload)}.AA"), TokenRefused)
    assert refusal(token("EdDSA", payload=payload)) is not None


@given(
    st.dictionaries(
        st.sampled_from(sorted(claims())),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
        ),
    )
)
def test_any_claims_give_a_verdict(given_claims):
    payload = json.dumps(claims() | given_claims).encode()
    assert isinstance(verdict(token("EdDSA", payload=payload)), TokenAccepted | TokenRefused)


@pytest.mark.parametrize("position", range(0, len(token("EdDSA")), 7))
def test_a_changed_character_is_noticed(position):
    text = token("EdDSA")
    other = "A" if text[position] != "A" else "B"
    assert isinstance(verdict(text[:position] + other + text[position + 1 :]), TokenRefused)


# RFC 8725 §2: the attacks


def test_no_signature_at_all():
    """§2.1."""
    head, body, _ = token(header={"alg": "none"}).split(".")
    assert refusal(f"{head}.{body}.") is Refusal.ALGORITHM
    head, body, _ = token().split(".")
    assert refusal(f"{head}.{body}.") is Refusal.SIGNATURE


def test_the_public_key_as_the_secret_of_hmac():
    """§2.1: HS256 with what everybody knows."""
    public = private_key("RS256").public_key()
    for form in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1):
        for encoding in (Encoding.PEM, Encoding.DER):
            forged = token(
                header={"alg": "HS256", "kid": "RS256-0"}, signer=by_hmac(public.public_bytes(encoding, form))
            )
            assert refusal(forged) is Refusal.ALGORITHM


def test_a_key_for_one_algorithm_verifies_no_other():
    keys = read_key_set(jwk_set(jwk("RS256", alg="RS256")))
    assert isinstance(verdict(token("RS256"), keys), TokenAccepted)
    assert refusal(token("PS256", header={"kid": "RS256-0"}), keys) is Refusal.WRONG_KEY


def test_a_key_in_the_token_is_not_believed():
    """§3.10: neither a key of its own nor a place to fetch one from."""
    own = {
        "jwk": jwk("ES256", 1),
        "jku": "https://evil.test/jwks",
        "x5u": "https://evil.test/",
        "x5c": ["AA=="],
    }
    assert refusal(token("ES256", 1, header=own)) is Refusal.UNKNOWN_KEY
    forged = token("ES256", 1, header=own | {"kid": "ES256-0"})
    assert refusal(forged) is Refusal.SIGNATURE


def test_signatures_of_elliptic_curves_that_are_trivial():
    """§2.3 and CVE-2022-21449: r and s of zero, of the order, DER instead of two halves."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for mark in (
        bytes(64),
        order.to_bytes(32) * 2,
        (1).to_bytes(32) + bytes(32),
        b"\xff" * 64,
        b"",
        bytes(63),
        bytes(65),
    ):
        assert refusal(token(signer=lambda _, mark=mark: mark)) is Refusal.SIGNATURE


def test_encrypted_tokens_are_not_opened():
    """§2.4 to §2.6: no decryption, so nothing to attack in it."""
    assert refusal(".".join([token().split(".")[0], *"abcd"])) is Refusal.ENCRYPTED


def test_a_token_of_another_kind_or_for_another_server():
    """§2.7 and §2.8: substitution."""
    id_token = token(header={"typ": "JWT"}, aud="program", nonce="n")
    assert refusal(id_token) is Refusal.TYPE
    assert refusal(id_token, accepts_untyped=True) is Refusal.AUDIENCE
    assert refusal(token(iss="https://other.test")) is Refusal.ISSUER


# Keys


def test_a_token_that_names_no_key():
    text = token(header={"kid": None})
    assert isinstance(verdict(text), TokenAccepted)
    others = [jwk("ES256", which) for which in range(1, MAX_TRIED_KEYS + 1)]
    within = read_key_set(jwk_set(*others[:-1], jwk("ES256")))
    assert isinstance(verdict(text, within), TokenAccepted)
    beyond = read_key_set(jwk_set(*others, jwk("ES256")))
    assert refusal(text, beyond) is Refusal.UNNAMED_KEY
    assert refusal(text, KeySet(())) is Refusal.UNNAMED_KEY


def test_keys_with_one_name_are_both_tried():
    keys = read_key_set(jwk_set(jwk("ES256", 1, kid="k"), jwk("ES256", kid="k"), jwk("RS256", kid="k")))
    assert isinstance(verdict(token(header={"kid": "k"}), keys), TokenAccepted)
    assert isinstance(verdict(token("RS256", header={"kid": "k"}), keys), TokenAccepted)


def test_no_token_in_a_log():
    text = token()
    shown = repr(read_token(text)) + repr(verdict(text + "x"))
    assert not any(part in shown for part in text.split("."))


def test_which_refusals_are_no_guesses():
    assert [one.name for one in Refusal if one.is_known_good] == [
        "EXPIRED",
        "TOO_EARLY",
        "SCOPE",
        "NO_ADDRESS",
        "UNVERIFIED",
        "NO_ACCOUNT",
    ]
    assert [one.name for one in Refusal if one.may_be_new_key] == ["UNKNOWN_KEY", "UNNAMED_KEY"]
