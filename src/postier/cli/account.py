"""`postier account`: who has mail here."""

from typing import TYPE_CHECKING

import click

from postier.cli.arguments import (
    AddressType,
    SizeType,
    confirm,
    domain_option,
    given_password,
    password_stdin_option,
    size_text,
    time_text,
    yes_option,
)
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import Column, json_option, show_json, show_table
from postier.mime.address import Address

if TYPE_CHECKING:
    from postier.accounts.accounts import Account
    from postier.accounts.credentials import Secrets
    from postier.store.transaction import ReadTx, WriteTx

_LIST = (
    Column("address", "address"),
    Column("is_admin", "admin"),
    Column("used", "used", is_number=True),
    Column("quota", "quota", is_number=True),
    Column("created_at", "since"),
)

_address_argument = click.argument("address", type=AddressType())
_quota_option = click.option(
    "--quota", type=SizeType(), metavar="SIZE", help="Room for mail: 5G, 500M, none."
)


@click.group(cls=Noun)
def command() -> None:
    """Add, list, show, change and remove accounts."""


@command.command()
@_address_argument
@password_stdin_option
@click.option("--admin", is_flag=True, help="Let it administer the server.")
@_quota_option
@json_option
@pass_invocation
def add(
    invocation: Invocation,
    address: Address,
    *,
    password_stdin: bool,
    admin: bool,
    quota: int | None,
    as_json: bool,
) -> None:
    """Make an account; without a password given, one is made and printed."""
    from postier.accounts.accounts import add_account
    from postier.accounts.names import canonical_address
    from postier.mailbox.folders import default_mailboxes

    secret, made = _secret(from_stdin=password_stdin)
    on_store(
        invocation,
        lambda store: store.write(
            add_account, address, secret, default_mailboxes, is_admin=admin, quota_bytes=_limit(quota)
        ),
    )
    _tell(str(canonical_address(address)), "added account", made, as_json=as_json)


@command.command(name="list")
@domain_option
@json_option
@pass_invocation
def list_(invocation: Invocation, domain: str | None, *, as_json: bool) -> None:
    """List all accounts."""
    from postier.accounts.accounts import list_accounts

    found = on_store(invocation, lambda store: store.read_bulk(list_accounts, domain))
    rows = [_row(account) for account in found]
    if not as_json:
        for row, account in zip(rows, found, strict=True):
            row |= {
                "is_admin": "admin" if account.is_admin else "",
                "used": size_text(account.used_bytes),
                "quota": size_text(account.quota_bytes),
            }
    show_table(rows, _LIST, as_json=as_json)


@command.command()
@_address_argument
@json_option
@pass_invocation
def show(invocation: Invocation, address: Address, *, as_json: bool) -> None:
    """Show one account."""
    row = on_store(invocation, lambda store: store.read(_look, address))
    if as_json:
        show_json(row)
        return
    for key, value in row.items():
        click.echo(f"{key}: {', '.join(value) if isinstance(value, list) else value}")


@command.command(name="set")
@_address_argument
@_quota_option
@click.option("--admin/--no-admin", default=None, help="Whether it may administer the server.")
@pass_invocation
def set_(invocation: Invocation, address: Address, *, quota: int | None, admin: bool | None) -> None:
    """Change an account's quota or rights."""
    if quota is None and admin is None:
        raise click.UsageError("give --quota, --admin or --no-admin")
    on_store(invocation, lambda store: store.write(_change, address, quota, is_admin=admin))
    click.echo(f"changed account {address}")


@command.command()
@_address_argument
@password_stdin_option
@json_option
@pass_invocation
def password(invocation: Invocation, address: Address, *, password_stdin: bool, as_json: bool) -> None:
    """Give an account a new password; without one given, one is made and printed."""
    secret, made = _secret(from_stdin=password_stdin)
    on_store(invocation, lambda store: store.write(_set_password, address, secret))
    _tell(str(address), "changed the password of", made, as_json=as_json)


@command.command()
@_address_argument
@yes_option
@pass_invocation
def remove(invocation: Invocation, address: Address, *, yes: bool) -> None:
    """Remove an account and its mail."""
    confirm(f"Remove {address} and all its mail?", is_sure=yes)
    on_store(invocation, lambda store: store.write_bulk(_remove, address))
    click.echo(f"removed account {address}")


def _secret(*, from_stdin: bool) -> "tuple[Secrets, str | None]":
    """What to store, and the password if it was made here."""
    from postier.accounts.credentials import generate_password, password_secrets
    from postier.accounts.refusals import InvalidError

    given = given_password(from_stdin=from_stdin)
    made = None if given is not None else generate_password()
    try:
        return password_secrets(given or made or ""), made
    except InvalidError as error:
        raise click.UsageError(str(error)) from None


def _tell(address: str, done: str, made: str | None, *, as_json: bool) -> None:
    if as_json:
        show_json({"address": address, "password": made})
        return
    click.echo(f"{done} {address}")
    if made is not None:
        click.echo(f"password: {made}")


def _look(tx: "ReadTx", address: Address) -> dict[str, object]:
    from postier.accounts.accounts import account_info
    from postier.accounts.aliases import aliases_of
    from postier.accounts.credentials import has_password

    account = account_info(tx, address)
    return {
        **_row(account),
        "has_password": has_password(tx, account.account_id),
        "aliases": [str(alias) for alias in aliases_of(tx, account.address)],
    }


def _change(tx: "WriteTx", address: Address, quota: int | None, *, is_admin: bool | None) -> None:
    from postier.accounts.accounts import account_info, set_admin, set_quota

    account_id = account_info(tx, address).account_id
    if quota is not None:
        set_quota(tx, account_id, _limit(quota))
    if is_admin is not None:
        set_admin(tx, account_id, is_admin=is_admin)


def _set_password(tx: "WriteTx", address: Address, secret: "Secrets") -> None:
    from postier.accounts.accounts import account_info
    from postier.accounts.credentials import set_password

    set_password(tx, account_info(tx, address).account_id, secret)


def _remove(tx: "WriteTx", address: Address) -> None:
    from postier.accounts.accounts import account_info, remove_account

    remove_account(tx, account_info(tx, address).account_id)


def _limit(quota: int | None) -> int | None:
    return None if quota is None or quota < 0 else quota


def _row(account: "Account") -> dict[str, object]:
    return {
        "address": str(account.address),
        "is_admin": account.is_admin,
        "quota_bytes": account.quota_bytes,
        "used_bytes": account.used_bytes,
        "created_at": time_text(account.created_at),
    }
