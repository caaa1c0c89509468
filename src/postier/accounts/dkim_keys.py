"""The keys that sign a domain's mail: made when the domain is added, stored as PEM, published as TXT records.

Not here: signing and verifying (`mailauth`). Sources: RFC 6376 §3.3 (RSA of 2,048 bits), RFC 8463 (Ed25519), RFC 8301.
Invariants: a selector is the month of its making and a letter for the algorithm (`202611r`, `202611e`), so that a
rotation never meets an old name; both algorithms sign, for old verifiers know RSA only.
"""

import datetime as dt
import functools
from enum import StrEnum

import msgspec

from postier.accounts.refusals import ExistsError
from postier.mailauth import dkim
from postier.store.transaction import ReadTx, WriteTx

RSA_BITS = 2_048
_REMEMBERED_KEYS = 1_024


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
    return tuple(
        DkimKey(domain, month + algorithm[0], algorithm, dkim.private_pem(private).decode())
        for algorithm, private in (
            (DkimAlgorithm.RSA, dkim.generate_key("rsa", RSA_BITS)),
            (DkimAlgorithm.ED25519, dkim.generate_key("ed25519")),
        )
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
    return dkim.key_record(signing_key(key).private.public_key())


@functools.lru_cache(_REMEMBERED_KEYS)
def signing_key(key: DkimKey) -> dkim.SigningKey:
    """The key as `mailauth.dkim.sign` takes it; reading PEM costs 100 us and more, so what was read is kept."""
    return dkim.SigningKey(key.domain, key.selector, dkim.load_private_key(key.private_key.encode()))
