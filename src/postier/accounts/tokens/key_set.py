"""The public keys of an issuer: a JWK set as keys that can verify.

Not here: where the set comes from, which key a token names (`signed`). Sources: RFC 7517 §5 (sets; keys that are not
understood are passed over), RFC 7518 §6 (RSA and EC), RFC 8037 §2 (Ed25519), RFC 8725 §3.1 and §3.5. Invariants: a key
verifies only with the algorithms of its own type, so that no token can choose another; a symmetric key, or one whose
private part is told to everybody, is no key here; RSA keys are 2,048 to 8,192 bits.
"""

from collections.abc import Mapping
from enum import Enum
from typing import assert_never

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from postier.accounts.tokens.base64url import decode
from postier.accounts.tokens.json_object import JsonError, read_object, text_of

MAX_SET_OCTETS = 256 << 10  # certificates beside the keys (x5c) make sets large
MAX_KEYS = 64  # of a set
MAX_KEY_ID_CHARACTERS = 256
MIN_RSA_BITS = 2_048  # RFC 7518 §3.3
MAX_RSA_BITS = 8_192  # verifying takes time that grows with its square
MAX_RSA_EXPONENT = 2**32
COORDINATE_OCTETS = 32  # of P-256, RFC 7518 §6.2.1.2
MAX_SHOWN_CHARACTERS = 40  # of a key id within a problem


class Algorithm(Enum):
    """The signatures that are verified; nothing else ever is (RFC 8725 §3.1)."""

    RS256 = "RS256"
    PS256 = "PS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


_PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_RSA = frozenset({Algorithm.RS256, Algorithm.PS256})
_EC = frozenset({Algorithm.ES256})
_ED = frozenset({Algorithm.EDDSA})


class KeySetError(ValueError):
    """The text is no JWK set."""


class _UnfitError(ValueError):
    """One key of a set can't be used; the text says why."""


class VerifyingKey(msgspec.Struct, frozen=True):
    """A key of the issuer; `key_id` is "" if it has none."""

    key_id: str
    algorithms: frozenset[Algorithm]
    public: _PublicKey

    def has_signed(self, algorithm: Algorithm, signed: bytes, signature: bytes) -> bool:
        """Whether the signature over `signed` is this key's, by that algorithm."""
        if algorithm not in self.algorithms:
            return False
        try:
            _verify(self.public, algorithm, signed, signature)
        except InvalidSignature:
            return False
        return True


class KeySet(msgspec.Struct, frozen=True):
    """The keys that can be used, and why the others can't."""

    keys: tuple[VerifyingKey, ...]
    problems: tuple[str, ...] = ()


def read_key_set(octets: bytes) -> KeySet:
    """A JWK set; raises KeySetError. It may hold no key that can be used."""
    try:
        members = read_object(octets, MAX_SET_OCTETS).get("keys")
    except JsonError as error:
        raise KeySetError(str(error)) from None
    if not isinstance(members, list):
        raise KeySetError('it has no array "keys"')
    if len(members) > MAX_KEYS:
        raise KeySetError(f"it has over {MAX_KEYS} keys")
    keys: list[VerifyingKey] = []
    problems: list[str] = []
    for number, member in enumerate(members, 1):
        try:
            keys.append(_key(member))
        except _UnfitError as error:
            problems.append(f"key {_shown(member, number)}: {error}")
    return KeySet(tuple(keys), tuple(problems))


def _key(member: object) -> VerifyingKey:
    if not isinstance(member, dict):
        raise _UnfitError("it is no object")
    if "d" in member:
        raise _UnfitError("its private part is published: whoever reads it can make tokens")
    key_id = member.get("kid", "")
    if key_id != "" and text_of(key_id, MAX_KEY_ID_CHARACTERS) is None:
        raise _UnfitError("its kid is no text, or too long")
    # RFC 7517 §4.2, §4.3: what the key is for
    if member.get("use", "sig") != "sig":
        raise _UnfitError("it is not for signatures (use)")
    operations = member.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise _UnfitError("it is not for verifying (key_ops)")
    public, algorithms = _public(member)
    if "alg" in member:  # RFC 7517 §4.4
        algorithms = frozenset(one for one in algorithms if one.value == member["alg"])
        if not algorithms:
            raise _UnfitError("its alg is not taken, or does not fit its type")
    return VerifyingKey(str(key_id), algorithms, public)


def _public(member: Mapping[str, object]) -> tuple[_PublicKey, frozenset[Algorithm]]:
    kind, curve = member.get("kty"), member.get("crv")
    try:
        if kind == "RSA":
            return _rsa(member), _RSA
        if kind == "EC" and curve == "P-256":
            x, y = (int.from_bytes(_octets(member, name, COORDINATE_OCTETS)) for name in ("x", "y"))
            return ec.EllipticCurvePublicNumbers(
                x, y, ec.SECP256R1()
            ).public_key(), _EC  # on the curve, or ValueError
        if kind == "OKP" and curve == "Ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(_octets(member, "x", COORDINATE_OCTETS)), _ED
    except _UnfitError:
        raise
    except (ValueError, UnsupportedAlgorithm):
        raise _UnfitError("its numbers are no key") from None
    raise _UnfitError("its type is none of RSA, EC with P-256 and OKP with Ed25519")


def _rsa(member: Mapping[str, object]) -> rsa.RSAPublicKey:
    modulus, exponent = (int.from_bytes(_octets(member, name)) for name in ("n", "e"))
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise _UnfitError(f"it is an RSA key of {modulus.bit_length()} bits")
    if not 3 <= exponent <= MAX_RSA_EXPONENT or exponent % 2 == 0:
        raise _UnfitError("its RSA exponent is not sound")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _octets(member: Mapping[str, object], name: str, length: int | None = None) -> bytes:
    text = text_of(member.get(name), MAX_SET_OCTETS)
    octets = decode(text) if text is not None else None
    if not octets or (length is not None and len(octets) != length):
        raise _UnfitError(f"its {name} is missing or wrong")
    return octets


def _verify(public: _PublicKey, algorithm: Algorithm, signed: bytes, signature: bytes) -> None:
    """Raises InvalidSignature."""
    match algorithm:
        case Algorithm.RS256 if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        case Algorithm.PS256 if isinstance(public, rsa.RSAPublicKey):
            salted = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)  # RFC 7518 §3.5
            public.verify(signature, signed, salted, hashes.SHA256())
        case Algorithm.ES256 if isinstance(public, ec.EllipticCurvePublicKey):
            if len(signature) != 2 * COORDINATE_OCTETS:  # RFC 7518 §3.4
                raise InvalidSignature
            halves = signature[:COORDINATE_OCTETS], signature[COORDINATE_OCTETS:]
            der = encode_dss_signature(*(int.from_bytes(half) for half in halves))
            public.verify(der, signed, ec.ECDSA(hashes.SHA256()))
        case Algorithm.EDDSA if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, signed)
        case Algorithm.RS256 | Algorithm.PS256 | Algorithm.ES256 | Algorithm.EDDSA:
            raise InvalidSignature  # a key of another type
        case _:
            assert_never(algorithm)


def _shown(member: object, number: int) -> str:
    key_id = member.get("kid") if isinstance(member, dict) else None
    text = text_of(key_id, MAX_KEY_ID_CHARACTERS)
    return f"{number}" if text is None else ascii(text[:MAX_SHOWN_CHARACTERS])
