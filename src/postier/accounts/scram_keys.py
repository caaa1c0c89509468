"""What SCRAM knows of passwords: keys in table `scram_key`, made when a password is set or comes by another mechanism.

Not here: the exchange (`sasl.scram`), hashes for the other mechanisms (`credentials`), deciding a login (`login`). Sources: RFC
5802, RFC 7677. Invariants: keys belong to the hash of the same password, and go with it; a password that SASLprep refuses
has rows that open nothing; for a name that nobody has there are decoy keys, the same on every worker and node and for ever,
so that nobody learns who has an account (SECURITY 27).
"""

import hashlib
import hmac
import secrets
from enum import StrEnum

import msgspec

from postier.sasl.scram import ScramKeys, derive_keys
from postier.store.transaction import ReadTx, WriteTx

ITERATIONS = 50_000  # some 30 ms: a stolen store should not give passwords away more cheaply than it must
SALT_OCTETS = 16
_DECOYS = "scram decoys"


class ScramAlgorithm(StrEnum):
    """The hashes; values are stored."""

    SHA_256 = "sha256"
    SHA_1 = "sha1"

    @property
    def octets(self) -> int:
        """The length of a key."""
        return hashlib.new(self.value).digest_size


class StoredKeys(msgspec.Struct, frozen=True):
    """The keys of one account for one algorithm; no `keys` if its password has none."""

    account_id: int
    keys: ScramKeys | None


AllKeys = dict[ScramAlgorithm, ScramKeys | None]


def make_keys(password: str) -> AllKeys:
    """The keys of a password. Slow: call in a thread."""
    made: AllKeys = {}
    for algorithm in ScramAlgorithm:
        try:
            salt = secrets.token_bytes(SALT_OCTETS)
            made[algorithm] = derive_keys(password, salt, ITERATIONS, algorithm.value)
        except ValueError:  # the client would not say it either
            made[algorithm] = None
    return made


def store_keys(tx: WriteTx, account_id: int, credential_id: int, made: AllKeys) -> None:
    """Put these in the place of the account's keys."""
    drop_keys(tx, account_id, credential_id)
    empty = ScramKeys(b"", 0, b"", b"")
    for algorithm, keys in made.items():
        kept = keys or empty
        tx.run(
            "INSERT INTO scram_key (account_id, credential_id, algorithm, salt, iterations, stored_key, server_key)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            account_id,
            credential_id,
            algorithm,
            kept.salt,
            kept.iterations,
            kept.stored_key,
            kept.server_key,
        )


def drop_keys(tx: WriteTx, account_id: int, credential_id: int) -> None:
    """Forget the keys of a password that is no longer the one."""
    tx.run("DELETE FROM scram_key WHERE account_id = ? AND credential_id = ?", account_id, credential_id)


def keys_of(tx: ReadTx, address: str, algorithm: ScramAlgorithm) -> StoredKeys | None:
    """The keys of the account with this canonical address; one query."""
    row = tx.row(
        "SELECT a.account_id, k.salt, k.iterations, k.stored_key, k.server_key FROM account a"
        " JOIN scram_key k ON k.account_id = a.account_id WHERE a.address = ? AND k.algorithm = ?",
        address,
        algorithm,
    )
    if row is None:
        return None
    account_id, salt, iterations, stored_key, server_key = row
    keys = ScramKeys(bytes(salt), iterations, bytes(stored_key), bytes(server_key)) if iterations else None
    return StoredKeys(account_id, keys)


def every_password_has_keys(tx: ReadTx) -> bool:
    """Whether SCRAM can be offered: a client that is offered it does not try another mechanism when it fails."""
    return not tx.value(
        "SELECT 1 FROM credential c WHERE NOT EXISTS (SELECT 1 FROM scram_key k"
        " WHERE k.account_id = c.account_id AND k.credential_id = c.credential_id) LIMIT 1"
    )


def decoy_secret(tx: WriteTx) -> bytes:
    """The secret that decoys are made of; one for the whole store, made when it is first wanted."""
    row = tx.row(
        "INSERT INTO server_secret (name, secret) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING secret",
        _DECOYS,
        secrets.token_bytes(32),
    )
    assert row is not None
    return bytes(row[0])


def decoy_keys(secret: bytes, name: str, algorithm: ScramAlgorithm) -> ScramKeys:
    """Keys that no password has, always the same for a name."""

    def some(purpose: str, octets: int) -> bytes:
        text = f"{purpose}:{algorithm}:{name}".encode("utf-8", "replace")
        return hmac.digest(secret, text, "sha256")[:octets]

    return ScramKeys(
        some("salt", SALT_OCTETS),
        ITERATIONS,
        some("stored", algorithm.octets),
        some("server", algorithm.octets),
    )
