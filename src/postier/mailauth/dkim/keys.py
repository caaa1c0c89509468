"""DKIM key records read, keys made, and the records that publish them.

Source: RFC 6376 §3.6.1 with eid3017 and eid5137, RFC 8301 §3.2, RFC 8463 §4. Invariants: parsed records of usual length are
cached by their text; a broken record is a value, never an exception. Private keys are made by the cryptography library, which has its
own randomness.
"""

import base64
import binascii
from functools import lru_cache
from typing import TypeAlias

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

from postier.mailauth.tags import TagError, parse_tags, unfolded, words

MIN_RSA_BITS = 1024  # RFC 8301 §3.2: verifiers MUST NOT consider shorter keys valid
MAX_RSA_BITS = 8192  # RFC 8301 §3.2 asks for 4096; beyond this the work is the attacker's choice
DEFAULT_RSA_BITS = 2048  # RFC 8301 §3.2: signers SHOULD
MAX_KEPT_OCTETS = 2_048  # of a record whose reading is kept: an RSA key of 8,192 bits has some 1,400
ZONE_STRING = 255  # RFC 1035 §3.3

PrivateKey: TypeAlias = RSAPrivateKey | Ed25519PrivateKey
PublicKey: TypeAlias = RSAPublicKey | Ed25519PublicKey


class Key(msgspec.Struct, frozen=True):
    """A usable key record."""

    kind: str  # "rsa" or "ed25519"
    public: PublicKey
    bits: int
    hashes: tuple[str, ...]  # () for all
    is_testing: bool  # t=y
    is_strict: bool  # t=s: i= may not be a subdomain of d=
    services: tuple[str, ...] = ("*",)  # s=

    @property
    def is_for_mail(self) -> bool:
        """Whether letters may be signed with it (RFC 6376 §3.6.1 s=)."""
        return "*" in self.services or "email" in self.services


class BrokenKey(msgspec.Struct, frozen=True):
    """A record that cannot be used, and why; `is_revoked` for an empty p=."""

    why: str
    is_revoked: bool = False


def parse_key(record: bytes) -> Key | BrokenKey:
    """A TXT record as a DKIM key; one of usual length is remembered."""
    return _remembered(record) if len(record) <= MAX_KEPT_OCTETS else _key(record)


def _key(record: bytes) -> Key | BrokenKey:
    try:
        tags = parse_tags(record.decode("utf-8"))
    except UnicodeDecodeError:
        return BrokenKey("the key record is not text")
    except TagError as error:
        return BrokenKey(f"the key record is malformed: {error}")
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):  # RFC 6376 §3.6.1
        return BrokenKey("the key record is not of version DKIM1")
    if "p" not in tags:
        return BrokenKey("the key record has no p=")
    kind = tags.get("k", "rsa").lower()
    if kind not in {"rsa", "ed25519"}:
        return BrokenKey(f"the key type {kind[:20]!r} is unknown")
    text = unfolded(tags["p"])
    if not text:
        return BrokenKey("the key is revoked (empty p=)", is_revoked=True)
    try:
        der = base64.b64decode(text, validate=True)
        public, bits = _load(kind, der)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return BrokenKey(f"p= holds no {kind} public key")
    flags = words(tags.get("t", ""))
    hashes = tuple(words(tags["h"])) if "h" in tags else ()
    services = tuple(words(tags["s"])) if "s" in tags else ("*",)
    return Key(kind, public, bits, hashes, "y" in flags, "s" in flags, services)


_remembered = lru_cache(maxsize=2048)(_key)


def _load(kind: str, der: bytes) -> tuple[PublicKey, int]:
    """The key in p=; RSA as SubjectPublicKeyInfo or RSAPublicKey (eid3017), Ed25519 as 32 octets."""
    if kind == "ed25519":
        return Ed25519PublicKey.from_public_bytes(der), 256  # RFC 8463 §4.2
    public = serialization.load_der_public_key(der)
    if not isinstance(public, RSAPublicKey):
        raise ValueError("not an RSA key")  # noqa: TRY004 -- the record is wrong, not the argument
    return public, public.key_size


def generate_key(algorithm: str = "rsa", bits: int = DEFAULT_RSA_BITS) -> PrivateKey:
    """A new private key, "rsa" (of `bits`) or "ed25519"."""
    if algorithm == "ed25519":
        return Ed25519PrivateKey.generate()
    if algorithm != "rsa":
        raise ValueError(f"unknown key algorithm {algorithm!r}: rsa or ed25519")
    return generate_private_key(65537, bits)


def load_private_key(pem: bytes) -> PrivateKey:
    """A private key from PEM (PKCS#1 or PKCS#8, not encrypted); ValueError for anything else."""
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError("the PEM holds neither an RSA nor an Ed25519 private key")  # noqa: TRY004 -- input, not type
    return key


def private_pem(key: PrivateKey) -> bytes:
    """The key as PKCS#8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def key_record(public: PublicKey) -> str:
    """The TXT text that publishes a key (RFC 6376 §3.6.1, RFC 8463 §4.2)."""
    if isinstance(public, Ed25519PublicKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def zone_text(record: str) -> str:
    """A TXT text as a zone file wants it: quoted strings of at most 255 characters."""
    strings = [record[start : start + ZONE_STRING] for start in range(0, len(record), ZONE_STRING)]
    return " ".join(f'"{string}"' for string in strings)
