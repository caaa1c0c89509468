"""`postier alias`: addresses that stand for others."""

import click

from postier.cli.arguments import AddressType, domain_option
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import Column, json_option, show_table
from postier.mime.address import Address

_LIST = (Column("address", "address"), Column("shown", "targets"))

_address_argument = click.argument("address", type=AddressType())


@click.group(cls=Noun)
def command() -> None:
    """Add, list and remove aliases; a local part of * is a catch-all."""


@command.command()
@_address_argument
@click.argument("targets", type=AddressType(), nargs=-1, required=True, metavar="TARGET...")
@pass_invocation
def add(invocation: Invocation, address: Address, targets: tuple[Address, ...]) -> None:
    """Send what comes for ADDRESS to each TARGET, here or elsewhere; adds to the targets that it has."""
    from postier.accounts.aliases import add_alias

    on_store(invocation, lambda store: store.write(add_alias, address, targets))
    click.echo(f"added alias {address}")


@command.command(name="list")
@domain_option
@json_option
@pass_invocation
def list_(invocation: Invocation, domain: str | None, *, as_json: bool) -> None:
    """List all aliases."""
    from postier.accounts.aliases import list_aliases

    rows: list[dict[str, object]] = []
    for alias in on_store(invocation, lambda store: store.read_bulk(list_aliases, domain)):
        targets = [str(target) for target in alias.targets]
        rows.append({"address": str(alias.address), "targets": targets})
        if not as_json:
            rows[-1]["shown"] = ", ".join(targets)
    show_table(rows, _LIST, as_json=as_json)


@command.command()
@_address_argument
@click.argument("targets", type=AddressType(), nargs=-1, metavar="[TARGET...]")
@pass_invocation
def remove(invocation: Invocation, address: Address, targets: tuple[Address, ...]) -> None:
    """Remove an alias, or only the named targets of it."""
    from postier.accounts.aliases import remove_alias

    on_store(invocation, lambda store: store.write(remove_alias, address, targets))
    click.echo(
        f"removed {', '.join(map(str, targets))} from alias {address}"
        if targets
        else f"removed alias {address}"
    )
