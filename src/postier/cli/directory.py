"""`postier directory`: domains, accounts and aliases as one TOML document."""

import datetime as dt
from typing import TYPE_CHECKING, TextIO

import click

from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import json_option, show_json

if TYPE_CHECKING:
    from postier.store.transaction import Store


@click.group(cls=Noun)
def command() -> None:
    """Export and apply domains, accounts and aliases as one document."""


@command.command()
@click.option("--secrets", is_flag=True, help="With password hashes and private DKIM keys.")
@pass_invocation
def export(invocation: Invocation, *, secrets: bool) -> None:
    """Print the directory as a TOML document."""
    from postier.accounts.document import export_directory

    click.echo(
        on_store(invocation, lambda store: store.read_bulk(export_directory, with_secrets=secrets)), nl=False
    )


@command.command()
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--dry-run", is_flag=True, help="Only tell what would be changed.")
@json_option
@pass_invocation
def apply(invocation: Invocation, file: TextIO, *, dry_run: bool, as_json: bool) -> None:
    """Bring the directory to the document in FILE (- is standard input).

    Domains and accounts are added and changed, never removed; an alias gets exactly the targets written there.
    """
    try:
        text = file.read()
    except UnicodeDecodeError:
        raise click.ClickException(f"{file.name} is not UTF-8") from None
    changes = on_store(invocation, lambda store: _apply(store, text, dry_run=dry_run))
    if as_json:
        show_json({"dry_run": dry_run, "changes": changes})
        return
    for change in changes:
        click.echo(f"would be done: {change}" if dry_run else change)
    if not changes:
        click.echo("nothing to change")


async def _apply(store: "Store", text: str, *, dry_run: bool) -> list[str]:
    from postier.accounts.dkim_keys import make_keys
    from postier.accounts.document import RehearsedError, apply_directory
    from postier.mailbox.folders import default_mailboxes

    today = dt.datetime.now(dt.UTC).date()
    try:
        return await store.write_bulk(
            apply_directory, text, default_mailboxes, lambda domain: make_keys(domain, today), dry_run=dry_run
        )
    except RehearsedError as rehearsed:
        return rehearsed.changes
