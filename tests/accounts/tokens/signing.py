"""An issuer's side for tests: keys as JWKs, and tokens signed with them, right or wrong in any part."""

import base64
import hashlib
import hmac
import json
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://login.alpha.test/realm"
AUDIENCE = "https://mail.alpha.test"
NOW_S = 1_795_000_000.0
ALICE = "alice@alpha.test"


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8))


@cache
def private_key(algorithm, which=0):
    """The key number `which` for an algorithm."""
    match algorithm:
        case "RS256" | "PS256":
            return (
                rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else private_key("RS256", which)
            )
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()


def jwk(algorithm, which=0, **more):
    """The public key as a JWK; `kid` is algorithm and number unless given (None: none)."""
    public = private_key(algorithm, which).public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        member = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    elif isinstance(public, ec.EllipticCurvePublicKey):
        numbers = public.public_numbers()
        member = {"kty": "EC", "crv": "P-256", "x": number(numbers.x, 32), "y": number(numbers.y, 32)}
    else:
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        member = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
    member = {"kid": f"{algorithm}-{which}", "use": "sig"} | member | more
    return {name: value for name, value in member.items() if value is not None}


def jwk_set(*members):
    return json.dumps({"keys": list(members)}).encode()


def signature(algorithm, signed, which=0):
    key = private_key(algorithm, which)
    match algorithm:
        case "RS256":
            return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        case "PS256":
            return key.sign(signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        case "ES256":
            r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32) + s.to_bytes(32)
        case "EdDSA":
            return key.sign(signed)


def claims(now_s=NOW_S, **more):
    """Good claims but for what is given; None takes one away."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "4711",
        "client_id": "program",
        "iat": int(now_s) - 10,
        "exp": int(now_s) + 300,
        "jti": "1",
        "scope": "openid mail",
        "email": ALICE,
        "email_verified": True,
    } | more
    return {name: value for name, value in good.items() if value is not None}


def token(algorithm="ES256", which=0, *, header=None, payload=None, signer=None, now_s=NOW_S, **more):
    """A token; `header` is laid over the good one, `payload` (octets) stands for the claims, `signer` signs instead."""
    head = {"alg": algorithm, "typ": "at+jwt", "kid": f"{algorithm}-{which}"} | (header or {})
    head = {name: value for name, value in head.items() if value is not None}
    body = json.dumps(claims(now_s, **more)).encode() if payload is None else payload
    signed = f"{b64(json.dumps(head).encode())}.{b64(body)}"
    signs = signer or (lambda octets: signature(algorithm, octets, which))
    return f"{signed}.{b64(signs(signed.encode()))}"


def by_hmac(secret):
    """Signs as HS256 does."""
    return lambda signed: hmac.digest(secret, signed, hashlib.sha256)
