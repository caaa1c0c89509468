"""Rows that the tests of this room start from, made through the room's own functions."""

from postier.accounts.accounts import add_account
from postier.accounts.aliases import add_alias
from postier.accounts.domains import add_domain
from postier.mime.address import Address
from postier.store.transaction import WriteTx


def a(text: str) -> Address:
    return Address.parse(text)


def no_mailboxes(_tx: WriteTx, _account_id: int) -> None:
    """What makes mailboxes where none are needed."""


def account(
    tx: WriteTx,
    address: str,
    secret: str | None = None,
    *,
    is_admin: bool = False,
    quota_bytes: int | None = None,
) -> int:
    return add_account(tx, a(address), secret, no_mailboxes, is_admin=is_admin, quota_bytes=quota_bytes)


def alias(tx: WriteTx, address: str, *targets: str) -> None:
    add_alias(tx, a(address), tuple(map(a, targets)))


def two_domains(tx: WriteTx) -> tuple[int, int]:
    """alice@alpha.test and carole@beta.test; their ids."""
    add_domain(tx, "alpha.test")
    add_domain(tx, "beta.test")
    return account(tx, "alice@alpha.test"), account(tx, "carole@beta.test")
