"""Passwords at rest: Argon2id hashes in table `credential`.

Not here: deciding a login (`login`), what SCRAM needs (`scram_keys`), which is made and goes together with the hash. Sources: RFC 9106, its parameters chosen after the OWASP minimum (19 MiB, two
passes, one lane), which one core of a mail server can afford. Invariants: a password is prepared (`names`) before it
is hashed; hashing and verifying take tens of milliseconds and release the interpreter's lock, so that callers run them
in a thread, never inside a transaction.
"""

import base64
import secrets
from enum import StrEnum

import argon2
import msgspec
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from postier.accounts.names import prepared_password
from postier.accounts.refusals import InvalidError, NotFoundError
from postier.accounts.scram_keys import AllKeys, drop_keys, make_keys, store_keys
from postier.store.transaction import ReadTx, WriteTx

MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
MAX_MEMORY_KIB = 1 << 20  # of a hash that was made elsewhere
MAX_PASSES = 20
SALT_OCTETS = 16
HASH_OCTETS = 32
GENERATED_CHARACTERS = 20  # of 31 letters and digits: 99 bits
CREDENTIALS_TOPIC = "credentials"
_UNMISTAKABLE = "abcdefghjkmnpqrstuvwxyz23456789"
_PASSWORD_ID = 1  # an account has one password; app passwords take the numbers after it

_hasher = argon2.PasswordHasher(
    time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, hash_len=HASH_OCTETS, salt_len=SALT_OCTETS
)


class CredentialKind(StrEnum):
    """What a credential proves; values are stored."""

    PASSWORD = "password"  # noqa: S105 (the name of a kind)


class StoredCredential(msgspec.Struct, frozen=True):
    """One hash of an account and where it stands; `has_keys`: SCRAM knows the same password."""

    account_id: int
    credential_id: int
    secret: str
    has_keys: bool = False


class Secrets(msgspec.Struct, frozen=True):
    """All that is stored of a password: its hash and its SCRAM keys."""

    password_hash: str
    keys: AllKeys

    def __repr__(self) -> str:
        return "Secrets()"  # nothing of it in a log


def _dummy_secret() -> str:
    def text(octets: int) -> str:
        return base64.b64encode(secrets.token_bytes(octets)).decode().rstrip("=")

    return f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${text(SALT_OCTETS)}${text(HASH_OCTETS)}"


DUMMY_SECRET = _dummy_secret()
"""A hash that no password has; verifying against it costs what a real one costs (SECURITY 27)."""


def hash_password(password: str) -> str:
    """The hash to store. Slow: call in a thread. Raises InvalidError for a password that can't be one."""
    prepared = prepared_password(password)
    if prepared is None:
        raise InvalidError("a password has 1 to 1,024 octets and no control characters")
    return _hasher.hash(prepared)


def password_secrets(password: str) -> Secrets:
    """What to store of a password. Slow: call in a thread. Raises as `hash_password`."""
    password_hash = hash_password(password)
    return Secrets(password_hash, make_keys(prepared_password(password) or password))


def is_password(secret: str, password: str) -> bool:
    """Whether the prepared password belongs to the hash. Slow: call in a thread. A damaged hash fits nothing.

    Raises argon2.exceptions.VerificationError if there is no memory for it.
    """
    try:
        return _hasher.verify(secret, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def is_hash(secret: str) -> bool:
    """Whether the text is a hash that `is_password` can verify and that today's limits allow."""
    try:
        parameters = argon2.extract_parameters(secret)
    except InvalidHashError:
        return False
    return (
        parameters.type is argon2.Type.ID
        and parameters.memory_cost <= MAX_MEMORY_KIB
        and parameters.time_cost <= MAX_PASSES
    )


def is_outdated(secret: str) -> bool:
    """Whether the hash was made with other parameters than today's and should be made again."""
    return _hasher.check_needs_rehash(secret)


def generate_password() -> str:
    """A password for printing once: unmistakable letters and digits in groups of five."""
    letters = "".join(secrets.choice(_UNMISTAKABLE) for _ in range(GENERATED_CHARACTERS))
    return "-".join(letters[at : at + 5] for at in range(0, GENERATED_CHARACTERS, 5))


def set_password(tx: WriteTx, account_id: int, secret: str | Secrets) -> None:
    """Give the account this password and have every process forget the old one. With a hash alone, SCRAM knows it after its
    next login by another mechanism.

    Raises NotFoundError if the account is gone.
    """
    password_hash = secret if isinstance(secret, str) else secret.password_hash
    changed = tx.run(
        "INSERT INTO credential (account_id, credential_id, kind, name, secret, created_at)"
        " SELECT account_id, ?, ?, '', ?, ? FROM account WHERE account_id = ?"
        " ON CONFLICT (account_id, credential_id) DO UPDATE SET secret = excluded.secret,"
        " created_at = excluded.created_at",
        _PASSWORD_ID,
        CredentialKind.PASSWORD,
        password_hash,
        tx.now_us,
        account_id,
    )
    if not changed:
        raise NotFoundError(f"account {account_id} is gone")
    if isinstance(secret, str):
        drop_keys(tx, account_id, _PASSWORD_ID)
    else:
        store_keys(tx, account_id, _PASSWORD_ID, secret.keys)
    tx.wake(CREDENTIALS_TOPIC)


def replace_secret(tx: WriteTx, stored: StoredCredential, secret: str) -> None:
    """Store the same password's hash with today's parameters, unless it was changed meanwhile."""
    tx.run(
        "UPDATE credential SET secret = ? WHERE account_id = ? AND credential_id = ? AND secret = ?",
        secret,
        stored.account_id,
        stored.credential_id,
        stored.secret,
    )


def add_keys(tx: WriteTx, stored: StoredCredential, made: AllKeys) -> None:
    """Store the same password's SCRAM keys, unless it was changed meanwhile."""
    if tx.run(  # an update, so that it waits for one under way
        "UPDATE credential SET secret = secret WHERE account_id = ? AND credential_id = ? AND secret = ?",
        stored.account_id,
        stored.credential_id,
        stored.secret,
    ):
        store_keys(tx, stored.account_id, stored.credential_id, made)


def stored_password(tx: ReadTx, address: str) -> StoredCredential | None:
    """The password hash of the account with this canonical address; one query."""
    row = tx.row(
        "SELECT account.account_id, credential_id, secret, EXISTS (SELECT 1 FROM scram_key k WHERE"
        " k.account_id = credential.account_id AND k.credential_id = credential.credential_id) FROM account"
        " JOIN credential ON credential.account_id = account.account_id"
        " WHERE address = ? AND credential_id = ? AND kind = ?",
        address,
        _PASSWORD_ID,
        CredentialKind.PASSWORD,
    )
    if row is None:
        return None
    account_id, credential_id, secret, has_keys = row
    return StoredCredential(account_id, credential_id, secret, bool(has_keys))


def has_password(tx: ReadTx, account_id: int) -> bool:
    """Whether the account can log in with a password."""
    return bool(
        tx.value(
            "SELECT 1 FROM credential WHERE account_id = ? AND credential_id = ?", account_id, _PASSWORD_ID
        )
    )
