"""The keys that sign a domain's mail: made when the domain is added or its keys are rotated, stored as PEM, published as TXT.

Not here: from one stage to the next (`dkim_stages`), signing and verifying (`mailauth`). Sources: RFC 6376 §3.3 (RSA of
2,048 bits), RFC 8463 (Ed25519), RFC 8301. Invariants: a selector is the month of its making and a letter for the algorithm
(`202611r`, `202611e`), the day and a count when the month is taken, so that a rotation never meets an old name; both
algorithms sign, for old verifiers know RSA only.
"""

import datetime as dt
import functools
import itertools
from collections.abc import Collection, Iterator
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
    """The stage of a key's life; values are stored."""

    PUBLISHED = "published"  # made, its record is to be put into DNS; signs nothing yet
    ACTIVE = "active"  # signs
    RETIRED = "retired"  # signs no more, still published for mail under way


class DkimKey(msgspec.Struct, frozen=True):
    """One private key of a domain, PKCS#8 PEM; times in microseconds since 1970, 0 for a key that is not stored yet."""

    domain: str
    selector: str
    algorithm: DkimAlgorithm
    private_key: str
    state: KeyState = KeyState.ACTIVE
    created_at: int = 0
    state_since: int = 0

    @property
    def record_name(self) -> str:
        """Where its record is published, RFC 6376 §3.6.2.1."""
        return f"{self.selector}._domainkey.{self.domain}"


def make_keys(
    domain: str, date: dt.date, *, state: KeyState = KeyState.ACTIVE, taken: Collection[str] = ()
) -> tuple[DkimKey, ...]:
    """New keys of each algorithm, RSA first, under selectors that are not `taken`. Takes about 100 ms: call outside a
    transaction.
    """
    stem = next(stem for stem in _stems(date) if not {stem + each[0] for each in DkimAlgorithm} & set(taken))
    return tuple(
        DkimKey(domain, stem + algorithm[0], algorithm, dkim.private_pem(private).decode(), state)
        for algorithm, private in (
            (DkimAlgorithm.RSA, dkim.generate_key("rsa", RSA_BITS)),
            (DkimAlgorithm.ED25519, dkim.generate_key("ed25519")),
        )
    )


def _stems(date: dt.date) -> Iterator[str]:
    """The month, the day, then the day with a count."""
    yield f"{date:%Y%m}"
    yield f"{date:%Y%m%d}"
    for count in itertools.count(2):
        yield f"{date:%Y%m%d}-{count}"


def add_key(tx: WriteTx, key: DkimKey) -> None:
    """Store a key. Raises ExistsError if the domain has its selector already."""
    added = tx.run(
        "INSERT INTO dkim_key (domain, selector, algorithm, private_key, state, created_at, state_since)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (domain, selector) DO NOTHING",
        key.domain,
        key.selector,
        key.algorithm,
        key.private_key,
        key.state,
        tx.now_us,
        tx.now_us,
    )
    if not added:
        raise ExistsError(f"domain {key.domain} has a DKIM key with selector {key.selector} already")


def domain_keys(tx: ReadTx, domain: str) -> list[DkimKey]:
    """All keys of the domain, RSA before Ed25519, the newest first."""
    rows = tx.rows(
        "SELECT selector, algorithm, private_key, state, created_at, state_since FROM dkim_key WHERE domain = ?"
        " ORDER BY algorithm DESC, created_at DESC, selector DESC",
        domain,
    )
    return [
        DkimKey(domain, selector, DkimAlgorithm(algorithm), private_key, KeyState(state), created_at, since)
        for selector, algorithm, private_key, state, created_at, since in rows
    ]


def record_text(key: DkimKey) -> str:
    """The text of the key's TXT record, RFC 6376 §3.6.1, RFC 8463 §4.2."""
    return dkim.key_record(signing_key(key).private.public_key())


@functools.lru_cache(_REMEMBERED_KEYS)
def signing_key(key: DkimKey) -> dkim.SigningKey:
    """The key as `mailauth.dkim.sign` takes it; reading PEM costs 100 us and more, so what was read is kept."""
    return dkim.SigningKey(key.domain, key.selector, dkim.load_private_key(key.private_key.encode()))
