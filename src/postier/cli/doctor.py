"""`postier doctor`: one page: does this server work, and what to do."""

import asyncio
from typing import TYPE_CHECKING

import click

from postier.cli.invocation import Invocation, Verb, pass_invocation
from postier.cli.output import json_option, printable, show_json

if TYPE_CHECKING:
    from postier.app.doctor.finding import Finding

_MARKS = {"fine": "ok", "warning": "warning", "wrong": "WRONG"}


@click.command(cls=Verb)
@json_option
@pass_invocation
@click.pass_context
def command(ctx: click.Context, invocation: Invocation, *, as_json: bool) -> None:
    """Look at ports, DNS, certificate, keys, queue, store and clock; exit 1 if something is wrong."""
    from postier.app.doctor.examination import examine
    from postier.app.stores import as_owner

    settings = invocation.settings()
    as_owner(settings)
    found = asyncio.run(examine(settings))
    if as_json:
        show_json([_row(one) for one in found])
    else:
        for one in found:
            click.echo(f"{_MARKS[one.state.value]:<8}{one.part}: {printable(one.says)}")
            if one.cure:
                click.echo(f"{'':<8}  -> {printable(one.cure)}")
        wrong = sum(one.state.value == "wrong" for one in found)
        warned = sum(one.state.value == "warning" for one in found)
        click.echo(f"\n{wrong} wrong, {warned} warnings")
    ctx.exit(1 if any(one.state.value == "wrong" for one in found) else 0)


def _row(one: "Finding") -> dict[str, str]:
    return {"part": one.part, "state": one.state.value, "says": one.says, "cure": one.cure}
