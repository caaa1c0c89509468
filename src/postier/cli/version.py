"""`postier version`."""

import click

from postier import __version__
from postier.cli.invocation import Verb
from postier.cli.output import json_option, show_json


@click.command(cls=Verb)
@json_option
def command(*, as_json: bool) -> None:
    """Print the version."""
    if as_json:
        show_json({"version": __version__})
    else:
        click.echo(f"postier {__version__}")
