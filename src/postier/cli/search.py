"""`postier search`: the index that makes searching texts fast."""

from typing import TYPE_CHECKING, Any

import click

from postier.cli.arguments import AddressType, size_text
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import Column, json_option, progress, show_table
from postier.mime.address import Address

if TYPE_CHECKING:
    from postier.accounts.accounts import Account
    from postier.store.transaction import ReadTx, Store

_COLUMNS = (
    Column("address", "address"),
    Column("indexed", "indexed", is_number=True),
    Column("waiting", "waiting", is_number=True),
    Column("text", "text", is_number=True),
    Column("index", "index", is_number=True),
    Column("ratio", "ratio", is_number=True),
)
_account_option = click.option("--account", type=AddressType(), metavar="ADDRESS", help="Only this account.")


@click.group(cls=Noun)
def command() -> None:
    """Show and rebuild the index that makes searching texts fast."""


@command.command()
@_account_option
@json_option
@pass_invocation
def status(invocation: Invocation, account: Address | None, *, as_json: bool) -> None:
    """List how far each account is indexed, and what the index takes of the text's size."""
    rows = on_store(invocation, lambda store: store.read_bulk(_status, account))
    if not as_json:
        for row in rows:
            row |= {key: size_text(row[key]) for key in ("text", "index")}
    show_table(rows, _COLUMNS, as_json=as_json)


@command.command()
@_account_option
@pass_invocation
def rebuild(invocation: Invocation, account: Address | None) -> None:
    """Make the index anew, whether the server runs or not; searching stays right meanwhile."""
    count = on_store(invocation, lambda store: _rebuild(store, account))
    click.echo(f"indexed {count} messages; those that make no block yet follow when more have come")


async def _rebuild(store: "Store", address: Address | None) -> int:
    from postier.app.indexing import index_account
    from postier.mailbox.words.keeping import drop_index

    accounts = await store.read(_chosen, address)
    total = sum(row["indexed"] + row["waiting"] for row in await store.read_bulk(_status, address))
    done = 0
    with progress("messages", total) as step:

        def told(count: int) -> None:
            nonlocal done
            done += count
            step(count)

        for account in accounts:
            await store.write_bulk(drop_index, account.account_id)
            await index_account(store, account.account_id, told)
    return done


def _status(tx: "ReadTx", address: Address | None) -> list[dict[str, Any]]:
    from postier.mailbox.words.rows import extent_of

    found = [(account, extent_of(tx, account.account_id)) for account in _chosen(tx, address)]
    return [
        {
            "address": str(account.address),
            "indexed": extent.indexed,
            "waiting": extent.waiting,
            "text": extent.text_bytes,
            "index": extent.stored_bytes,
            "ratio": round(extent.stored_bytes / extent.text_bytes, 3) if extent.text_bytes else None,
        }
        for account, extent in found
    ]


def _chosen(tx: "ReadTx", address: Address | None) -> "list[Account]":
    from postier.accounts.accounts import account_info, list_accounts

    return list_accounts(tx) if address is None else [account_info(tx, address)]
