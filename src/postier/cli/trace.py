"""`postier trace`: the whole life of a letter, from connect to mailbox or remote reply."""

from typing import TYPE_CHECKING, Any

import click

from postier.cli.arguments import time_text
from postier.cli.invocation import Invocation, Verb, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import json_option, printable, show_json

if TYPE_CHECKING:
    from postier.store.transaction import ReadTx


@click.command(cls=Verb)
@click.argument("name", metavar="MESSAGE-ID|LETTER-ID")
@json_option
@pass_invocation
def command(invocation: Invocation, name: str, *, as_json: bool) -> None:
    """Tell what happened to a letter, by its Message-ID or its id here."""
    stories = on_store(invocation, lambda store: store.read_bulk(_stories, name))
    if not stories:
        raise click.ClickException(
            f"nothing is known of a letter {name}; give a Message-ID or an id of the log"
        )
    if as_json:
        show_json(stories)
        return
    for story in stories:
        click.echo(story["letter"])
        for event in story["events"]:
            click.echo(f"  {event['at']}  {event['event']:10}  {printable(event['detail'])}")


def _stories(tx: "ReadTx", name: str) -> list[dict[str, Any]]:
    from postier.mta.trace_rows import letters_named, story_of

    return [
        {
            "letter": letter_id,
            "events": [
                {"at": time_text(event.at), "event": event.event, "detail": event.detail}
                for event in story_of(tx, letter_id)
            ],
        }
        for letter_id in letters_named(tx, name)
    ]
