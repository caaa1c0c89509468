"""`postier config check`, `explain` and `show`."""

import os

import click

from postier.app import configuration, manual
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.output import Column, json_option, show_json, show_table

_COLUMNS = (Column("key", "key"), Column("value", "value"), Column("origin", "from"))


@click.group(cls=Noun)
def command() -> None:
    """Check, explain and show the configuration."""


@command.command()
@json_option
@pass_invocation
@click.pass_context
def check(ctx: click.Context, invocation: Invocation, *, as_json: bool) -> None:
    """Name every mistake by file, line and key; exit 1 if there is any."""
    problems = configuration.check(invocation.path, os.environ)
    if as_json:
        show_json(problems)
    elif not problems:
        click.echo(f"{invocation.path}: ok")
    for problem in () if as_json else problems:
        click.echo(str(problem), err=True)
    ctx.exit(1 if problems else 0)


@command.command()
@click.argument("key")
def explain(key: str) -> None:
    """Tell what KEY (or a section) means, its values, its default and when it changes."""
    try:
        click.echo(manual.explain(key))
    except KeyError as error:
        raise click.UsageError(f"there is no key {key}; the nearest is {error.args[0]}") from None


@command.command()
@json_option
@pass_invocation
def show(invocation: Invocation, *, as_json: bool) -> None:
    """Show every setting as it holds and where it comes from; secrets are hidden."""
    rows = [
        {"key": row.key, "value": row.value, "origin": row.origin}
        for row in configuration.effective(invocation.path, os.environ)
    ]
    show_table(rows, _COLUMNS, as_json=as_json)
