"""The keys that sign a domain's mail: made when the domain is added, stored as PEM, published as TXT records.

Not here: signing and verifying (`mailauth`). Sources: RFC 6376 §3.3 (RSA of 2,048 bits), RFC 8463 (Ed25519), RFC 8301.
Invariants: a selector is the month of its making and a letter for the algorithm (`202611r`, `202611e`), so that a
rotation never meets an old name; both algorithms sign, for old verifiers know RSA only.
"""

import base64
import datetime as dt
from enum import StrEnum

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from postier.accounts.refusals import ExistsError
from postier.store.transaction import ReadTx, WriteTx

RSA_BITS = 2_048


class DkimAlgorithm(StrEnum):
    """The key types of DKIM's `k=` tag; values are stored."""

    RSA = "rsa"
    ED25519 = "ed25519"


class KeyState(StrEnum):
    """What a key is used for now; values are stored."""

    ACTIVE = "active"  # signs
    RETIRED = "retired"  # signs no more, still published for mail under way


class DkimKey(msgspec.Struct, frozen=True):
    """One private key of a domain, PKCS#8 PEM."""

    domain: str
    selector: str
    algorithm: DkimAlgorithm
    private_key: str
    state: KeyState = KeyState.ACTIVE

    @property
    def record_name(self) -> str:
        """Where its record is published, RFC 6376 §3.6.2.1."""
        return f"{self.selector}._domainkey.{self.domain}"


def make_keys(domain: str, date: dt.date) -> tuple[DkimKey, ...]:
    """New keys of each algorithm, RSA first. Takes about 100 ms: call outside a transaction."""
    month = f"{date:%Y%m}"
    return (
        DkimKey(domain, f"{month}r", DkimAlgorithm.RSA, _pem(rsa.generate_private_key(65_537, RSA_BITS))),
        DkimKey(domain, f"{month}e", DkimAlgorithm.ED25519, _pem(ed25519.Ed25519PrivateKey.generate())),
    )


def add_key(tx: WriteTx, key: DkimKey) -> None:
    """Store a key. Raises ExistsError if the domain has its selector already."""
    added = tx.run(
        "INSERT INTO dkim_key (domain, selector, algorithm, private_key, state, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (domain, selector) DO NOTHING",
        key.domain,
        key.selector,
        key.algorithm,
        key.private_key,
        key.state,
        tx.now_us,
    )
    if not added:
        raise ExistsError(f"domain {key.domain} has a DKIM key with selector {key.selector} already")


def domain_keys(tx: ReadTx, domain: str) -> list[DkimKey]:
    """All keys of the domain that are to be published, RSA before Ed25519, newest selector first."""
    rows = tx.rows(
        "SELECT selector, algorithm, private_key, state FROM dkim_key WHERE domain = ?"
        " ORDER BY algorithm DESC, selector DESC",
        domain,
    )
    return [
        DkimKey(domain, selector, DkimAlgorithm(algorithm), private_key, KeyState(state))
        for selector, algorithm, private_key, state in rows
    ]


def record_text(key: DkimKey) -> str:
    """The text of the key's TXT record, RFC 6376 §3.6.1, RFC 8463 §4.2."""
    public = serialization.load_pem_private_key(key.private_key.encode(), None).public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        octets = public.public_bytes_raw()  # RFC 8463 §4.2: the bare key, no SubjectPublicKeyInfo
    else:
        octets = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    return f"v=DKIM1; k={key.algorithm}; p={base64.b64encode(octets).decode()}"


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
