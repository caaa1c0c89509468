"""`postier queue`: the letters that wait to be sent on."""

import random
import time
from typing import TYPE_CHECKING, Any

import click

from postier.cli.arguments import confirm, size_text, time_text, yes_option
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import Column, json_option, show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from postier.mta.queue_rows import QueueMessage, QueueRecipient
    from postier.store.transaction import ReadTx, Store, WriteTx

_LIST = (
    Column("id", "id"),
    Column("created_at", "since"),
    Column("size", "size", is_number=True),
    Column("sender", "sender"),
    Column("recipients", "recipients"),
    Column("state", "state"),
    Column("due_at", "next attempt"),
    Column("last_reply", "last reply"),
)
_STATS = (
    Column("destination", "destination"),
    Column("recipients", "recipients", is_number=True),
    Column("held", "held", is_number=True),
    Column("oldest_s", "oldest (s)", is_number=True),
    Column("attempts", "attempts", is_number=True),
)


class _IdType(click.ParamType[int]):
    """A letter id, as `queue list` prints it."""

    name = "id"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from postier.mta.letter_id import parse_letter_id

        if isinstance(value, int):
            return value
        number = parse_letter_id(str(value))
        if number is None:
            self.fail(f"{value} is no letter id; `postier queue list` prints them", param, ctx)
        return number


_id_argument = click.argument("queue_id", metavar="ID", type=_IdType())


@click.group(cls=Noun)
def command() -> None:
    """List, show, retry, hold, release, fail and remove queued letters."""


@command.command(name="list")
@json_option
@pass_invocation
def list_(invocation: Invocation, *, as_json: bool) -> None:
    """List all queued letters, oldest first."""
    rows = on_store(invocation, lambda store: store.read_bulk(_rows))
    if not as_json:
        for row in rows:
            row["recipients"] = ", ".join(row["recipients"])
            row["size"] = size_text(row["size"])
    show_table(rows, _LIST, as_json=as_json)


@command.command()
@_id_argument
@json_option
@pass_invocation
def show(invocation: Invocation, queue_id: int, *, as_json: bool) -> None:
    """Show one letter and what became of each recipient."""
    row = on_store(invocation, lambda store: store.read(_whole, queue_id))
    if row is None:
        raise _unknown(queue_id)
    if as_json:
        show_json(row)
        return
    for key, value in row.items():
        if key != "recipients":
            click.echo(f"{key}: {value}")
    for recipient in row["recipients"]:
        click.echo(
            f"  {recipient['address']}: {recipient['state']}, {recipient['attempts']} attempts,"
            f" next {recipient['due_at']}; {recipient['last_reply'] or 'no reply yet'}"
        )


@command.command()
@_id_argument
@pass_invocation
def retry(invocation: Invocation, queue_id: int) -> None:
    """Try a letter at once."""
    from postier.mta.queue_rows import retry_now

    _change(invocation, queue_id, retry_now, "due now")


@command.command()
@_id_argument
@pass_invocation
def hold(invocation: Invocation, queue_id: int) -> None:
    """Keep a letter from being tried."""
    from postier.mta import queue_rows

    _change(invocation, queue_id, queue_rows.hold, "held")


@command.command()
@_id_argument
@pass_invocation
def release(invocation: Invocation, queue_id: int) -> None:
    """Let a held letter be tried, at once."""
    from postier.mta import queue_rows

    _change(invocation, queue_id, queue_rows.release, "released")


@command.command()
@_id_argument
@yes_option
@pass_invocation
def fail(invocation: Invocation, queue_id: int, *, yes: bool) -> None:
    """Give a letter up; its sender is told."""
    from postier.accounts.directory import Directory
    from postier.mta.administer import fail_letter

    confirm("Give the letter up and tell its sender?", is_sure=yes)
    hostname = invocation.settings().hostname

    async def act(store: "Store") -> int:
        directory = Directory(store, hostname=hostname)
        chance = random.SystemRandom()
        try:
            return await fail_letter(
                store,
                directory,
                hostname,
                queue_id,
                now_us=time.time_ns() // 1000,
                random_bits=chance.getrandbits,
            )
        finally:
            directory.close()

    _tell(queue_id, on_store(invocation, act), "given up")


@command.command()
@_id_argument
@yes_option
@pass_invocation
def remove(invocation: Invocation, queue_id: int, *, yes: bool) -> None:
    """Remove a letter; nobody is told."""
    from postier.mta.queue_rows import remove_message

    confirm("Remove the letter without telling anybody?", is_sure=yes)
    if not on_store(invocation, lambda store: store.write(remove_message, queue_id)):
        raise _unknown(queue_id)
    click.echo("removed")


@command.command()
@json_option
@pass_invocation
def stats(invocation: Invocation, *, as_json: bool) -> None:
    """Count what waits, by destination, the oldest first."""
    show_table(on_store(invocation, lambda store: store.read_bulk(_stats)), _STATS, as_json=as_json)


def _change(
    invocation: Invocation, queue_id: int, change: "Callable[[WriteTx, int], int]", done: str
) -> None:
    from postier.mta.queue_rows import find_message

    def checked(tx: "WriteTx") -> int | None:
        return None if find_message(tx, queue_id) is None else change(tx, queue_id)

    changed = on_store(invocation, lambda store: store.write(checked))
    if changed is None:
        raise _unknown(queue_id)
    click.echo(f"{done}: {changed} recipients")


def _tell(queue_id: int, count: int, done: str) -> None:
    if not count:
        raise _unknown(queue_id)
    click.echo(f"{done}: {count} recipients")


def _unknown(queue_id: int) -> click.ClickException:
    from postier.mta.letter_id import letter_id_text

    return click.ClickException(
        f"there is no letter {letter_id_text(queue_id)} in the queue; `postier queue list` shows what there is"
    )


def _rows(tx: "ReadTx") -> list[dict[str, Any]]:
    from postier.mta.queue_rows import find_recipients, list_messages

    return [_row(message, find_recipients(tx, message.queue_id)) for message in list_messages(tx)]


def _row(message: "QueueMessage", recipients: "list[QueueRecipient]") -> dict[str, Any]:
    unfinished = [each for each in recipients if each.state in {"waiting", "held"}]
    waiting = [each.due_at for each in unfinished if each.state == "waiting"]
    return {
        "id": message.trace_id,
        "created_at": time_text(message.created_at),
        "size": message.size_bytes,
        "sender": message.reverse_path or "<>",
        "message_id": message.message_id,
        "recipients": [each.forward_path for each in unfinished],
        "state": "held" if unfinished and not waiting else "waiting",
        "due_at": time_text(min(waiting)) if waiting else None,
        "last_reply": next((each.last_reply for each in unfinished if each.last_reply), ""),
    }


def _whole(tx: "ReadTx", queue_id: int) -> dict[str, Any] | None:
    from postier.mta.queue_rows import find_message, find_recipients

    message = find_message(tx, queue_id)
    if message is None:
        return None
    recipients = find_recipients(tx, queue_id)
    whole = _row(message, recipients)
    whole["recipients"] = [
        {
            "address": each.forward_path,
            "destination": each.destination,
            "state": each.state,
            "attempts": each.attempts,
            "due_at": time_text(each.due_at),
            "last_reply": each.last_reply,
        }
        for each in recipients
    ]
    return whole


def _stats(tx: "ReadTx") -> list[dict[str, Any]]:
    now_us = time.time_ns() // 1000
    return [
        {
            "destination": destination,
            "recipients": recipients,
            "held": held,
            "oldest_s": (now_us - oldest) // 1_000_000,
            "attempts": attempts,
        }
        for destination, recipients, held, oldest, attempts in tx.rows(
            "SELECT r.destination, count(*), sum(CASE WHEN r.state = 'held' THEN 1 ELSE 0 END), min(m.created_at),"
            " max(r.attempts) FROM queue_recipient r JOIN queue_message m ON m.queue_id = r.queue_id"
            " WHERE r.state IN ('waiting', 'held') GROUP BY r.destination ORDER BY min(m.created_at)"
        )
    ]
