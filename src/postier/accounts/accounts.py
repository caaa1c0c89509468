"""Accounts: who has mail here.

Not here: passwords (`credentials`), the mailboxes themselves (the room above makes them through a callable).
Invariants: an account's address is canonical (`names`) and no alias has it too; an account id never comes back, so
that what a process still remembers of a removed account never shows another's mail.
"""

from collections.abc import Callable

import msgspec

from postier.accounts.credentials import CREDENTIALS_TOPIC, Secrets, set_password
from postier.accounts.domain_rows import DIRECTORY_TOPIC, hold_domain, of_domain
from postier.accounts.names import canonical_address, is_name
from postier.accounts.refusals import ExistsError, InvalidError, NotFoundError
from postier.mime.address import Address
from postier.store.transaction import ReadTx, Row, WriteTx

ACCOUNT_TABLES = (
    "address_book",
    "annotation",
    "change",
    "contact",
    "contact_address",
    "credential",
    "email",
    "entry",
    "expunged",
    "keyword",
    "mailbox",
    "mailbox_right",
    "scram_key",
    "seen_by",
    "sieve_applied",
    "sieve_event",
    "sieve_memory",
    "sieve_script",
    "sieve_usage",
    "sort_key",
    "subscription",
    "thread_link",
    "url_key",
    "word_block",
    "word_part",
    "word_progress",
    "account",
)
"""Every table whose rows belong to an account; not the queue, for accepted mail is never lost with its sender."""

_COLUMNS = "account_id, address, is_admin, quota_bytes, used_bytes, created_at"


class Account(msgspec.Struct, frozen=True):
    """An account as listings show it; no quota is None; `created_at` in microseconds since 1970."""

    account_id: int
    address: Address
    is_admin: bool
    quota_bytes: int | None
    used_bytes: int
    created_at: int


def add_account(
    tx: WriteTx,
    address: Address,
    secret: str | Secrets | None,
    make_mailboxes: Callable[[WriteTx, int], object],
    *,
    is_admin: bool = False,
    quota_bytes: int | None = None,
) -> int:
    """Make an account with its password and first mailboxes; returns its id.

    Without a `secret` it takes mail but nobody can log in. Raises NotFoundError without its domain, ExistsError if
    an account or alias has the address, InvalidError for a local part that is no name.
    """
    name = canonical_address(address)
    if not is_name(name.local):
        raise InvalidError(f"{address} can't be the address of an account")
    _check_quota(quota_bytes)
    hold_domain(tx, name.domain)
    if account_id_of(tx, name) is not None:
        raise ExistsError(f"account {name} exists already")
    if tx.value("SELECT 1 FROM alias WHERE domain = ? AND local = ?", name.domain, name.local):
        raise ExistsError(f"{name} is an alias; remove it first: postier alias remove {name}")
    account_id = _next_account_id(tx)
    tx.run(
        "INSERT INTO account (account_id, address, is_admin, quota_bytes, next_uidvalidity, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        account_id,
        str(name),
        int(is_admin),
        quota_bytes,
        tx.now_us
        // 1_000_000,  # RFC 9051 §2.3.1.1: a new account of an old name must not show old UIDVALIDITYs
        tx.now_us,
    )
    if secret is not None:
        set_password(tx, account_id, secret)
    make_mailboxes(tx, account_id)
    tx.wake(DIRECTORY_TOPIC)
    return account_id


def list_accounts(tx: ReadTx, domain: str | None = None) -> list[Account]:
    """All accounts, or those of a domain, by address."""
    return [
        _account(row)
        for row in tx.rows(
            f"SELECT {_COLUMNS} FROM account WHERE address LIKE ? ESCAPE '!' ORDER BY address",
            "%" if domain is None else of_domain(domain),
        )
    ]


def account_info(tx: ReadTx, address: Address) -> Account:
    """The account with exactly this address. Raises NotFoundError."""
    name = canonical_address(address)
    row = tx.row(f"SELECT {_COLUMNS} FROM account WHERE address = ?", str(name))
    if row is None:
        raise NotFoundError(f"there is no account {name}")
    return _account(row)


def account_id_of(tx: ReadTx, address: Address) -> int | None:
    """The id of the account with this canonical address."""
    account_id: int | None = tx.value("SELECT account_id FROM account WHERE address = ?", str(address))
    return account_id


def accounts_of(tx: ReadTx, domain: str) -> list[int]:
    """The ids of the domain's accounts, ascending."""
    return [
        account_id
        for (account_id,) in tx.rows(
            "SELECT account_id FROM account WHERE address LIKE ? ESCAPE '!' ORDER BY account_id",
            of_domain(domain),
        )
    ]


def hold_account(tx: WriteTx, account_id: int) -> None:
    """Let nobody else change what it bounds until this transaction ends. Raises NotFoundError."""
    # The same value writes no page; both engines lock.
    if not tx.run("UPDATE account SET modseq = modseq WHERE account_id = ?", account_id):
        raise NotFoundError(f"account {account_id} is gone")


def remove_account(tx: WriteTx, account_id: int) -> None:
    """Remove the account, its mail and every alias target that names it; call through `write_bulk`.

    Mail that it sent stays in the queue. Bodies are swept later. Raises NotFoundError.
    """
    row = tx.row("SELECT address, modseq FROM account WHERE account_id = ?", account_id)
    if row is None:
        raise NotFoundError(f"account {account_id} is gone")
    address, modseq = row
    for table in ACCOUNT_TABLES:
        tx.run(f"DELETE FROM {table} WHERE account_id = ?", account_id)
    tx.run("DELETE FROM alias WHERE target = ?", address)
    tx.run(
        "DELETE FROM mailbox_right WHERE identifier = ?", address
    )  # who gets the address later has no old rights
    for table in ("annotation", "seen_by", "url_key"):
        tx.run(f"DELETE FROM {table} WHERE reader_id = ?", account_id)
    tx.touched(account_id, modseq + 1)  # open sessions look again and find it gone
    tx.wake(DIRECTORY_TOPIC)
    tx.wake(CREDENTIALS_TOPIC)


def set_quota(tx: WriteTx, account_id: int, quota_bytes: int | None) -> None:
    """Let the account hold that many octets; None is no limit. Raises NotFoundError, InvalidError."""
    _check_quota(quota_bytes)
    _change(
        tx,
        account_id,
        tx.run("UPDATE account SET quota_bytes = ? WHERE account_id = ?", quota_bytes, account_id),
    )


def set_admin(tx: WriteTx, account_id: int, *, is_admin: bool) -> None:
    """Let the account administer the server, or no longer. Raises NotFoundError."""
    _change(
        tx,
        account_id,
        tx.run("UPDATE account SET is_admin = ? WHERE account_id = ?", int(is_admin), account_id),
    )


def has_room(tx: ReadTx, account_id: int, size_bytes: int) -> bool:
    """Whether a letter of that size fits into the account's quota; no room where there is no account."""
    return bool(
        tx.value(
            "SELECT 1 FROM account WHERE account_id = ? AND (quota_bytes IS NULL OR used_bytes + ? <= quota_bytes)",
            account_id,
            size_bytes,
        )
    )


def _next_account_id(tx: WriteTx) -> int:
    return int(
        tx.value(
            "INSERT INTO last_id (kind, value) SELECT 'account', coalesce(max(account_id), 0) + 1 FROM account"
            " WHERE true ON CONFLICT (kind) DO UPDATE SET value = CASE WHEN excluded.value > last_id.value"
            " THEN excluded.value ELSE last_id.value + 1 END RETURNING value"
        )
    )


def _check_quota(quota_bytes: int | None) -> None:
    if quota_bytes is not None and quota_bytes < 0:
        raise InvalidError("a quota is not negative")


def _change(tx: WriteTx, account_id: int, changed: int) -> None:
    if not changed:
        raise NotFoundError(f"account {account_id} is gone")
    tx.wake(DIRECTORY_TOPIC)


def _account(row: Row) -> Account:
    account_id, address, is_admin, quota_bytes, used_bytes, created_at = row
    return Account(account_id, Address.parse(address), bool(is_admin), quota_bytes, used_bytes, created_at)
