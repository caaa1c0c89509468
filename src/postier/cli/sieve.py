"""`postier sieve`: scripts checked, and run on a message without doing what they want done; accounts' scripts beside it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from postier.cli.arguments import AddressType
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import json_option, printable, show_json
from postier.cli.sieve_apply import apply, undo
from postier.cli.sieve_files import octets_of, script_file
from postier.cli.sieve_scripts import activate, get, list_, put, remove, rename
from postier.mime.address import Address

if TYPE_CHECKING:
    from postier.mta.sieving.shelf import Shelf
    from postier.sieve.actions import Result, Step
    from postier.sieve.script import Script
    from postier.sieve.world import Envelope, World
    from postier.store.transaction import ReadTx, Store


@click.group(cls=Noun)
def command() -> None:
    """Check Sieve scripts; keep accounts' scripts; show what one does with a message, sort stored mail by it."""


for verb in (activate, apply, get, list_, put, remove, rename, undo):
    command.add_command(verb)


@command.command()
@click.argument("file", type=script_file)
@json_option
@click.pass_context
def check(ctx: click.Context, file: Path, *, as_json: bool) -> None:
    """Check a script; exit 1 with each mistake's line and column when it is not right."""
    from postier.sieve.problems import ScriptError
    from postier.sieve.script import compile_script

    try:
        script = compile_script(octets_of(file))
    except ScriptError as error:
        if as_json:
            show_json({"problems": error.problems})
        else:
            for problem in error.problems:
                click.echo(printable(f"{file}:{problem.line}:{problem.column}: {problem.message}"))
        ctx.exit(1)
    if as_json:
        show_json({"problems": [], "requires": sorted(script.required)})
    else:
        click.echo("the script is right")


@command.command()
@click.argument("script", type=script_file)
@click.argument("message", type=script_file)
@click.option("--envelope-from", default="", metavar="ADDRESS", help="The sender of the envelope.")
@click.option("--envelope-to", default="", metavar="ADDRESS", help="The recipient of the envelope.")
@click.option("--mailbox", "mailboxes", multiple=True, metavar="NAME", help="A mailbox that exists.")
@click.option(
    "--account",
    type=AddressType(),
    metavar="ADDRESS",
    help="Whose mailboxes, scripts, address books and lists it sees; needs the store, changes nothing.",
)
@click.option(
    "--include",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Where `include` finds scripts, as NAME.sieve.",
)
@click.option("--trace", "with_trace", is_flag=True, help="Show which line tested what, with which result.")
@json_option
@pass_invocation
@click.pass_context
def run(
    ctx: click.Context,
    invocation: Invocation,
    script: Path,
    message: Path,
    *,
    envelope_from: str,
    envelope_to: str,
    mailboxes: tuple[str, ...],
    account: Address | None,
    folder: Path | None,
    with_trace: bool,
    as_json: bool,
) -> None:
    """Show what a script does with a message; nothing is done. Exit 1 when the script fails."""
    from postier.mime.dates import Moment
    from postier.mime.normalise import with_crlf
    from postier.sieve.problems import ScriptError
    from postier.sieve.script import compile_script
    from postier.sieve.world import Envelope, MailboxList, World

    try:
        compiled = compile_script(octets_of(script))
    except ScriptError as error:
        raise click.ClickException(
            f"{script}: {error.problems[0]} (`postier sieve check` shows all)"
        ) from None
    now = time.localtime()
    world = World(
        now=Moment(int(time.mktime(now)), (now.tm_gmtoff or 0) // 60),
        mailboxes=MailboxList(mailboxes),
        own_addresses=(envelope_to,) if envelope_to else (),
        scripts=_Folder(folder),
    )
    envelope = Envelope(envelope_from, envelope_to)
    content = with_crlf(octets_of(message))
    if account is None:
        result = compiled.run(content, envelope, world, with_trace=with_trace)
    else:
        result = _run_on_store(
            invocation,
            lambda tx, shelf: _run_for(
                tx, account, compiled, content, envelope, world, shelf, with_trace=with_trace
            ),
        )
    if as_json:
        show_json(_row(result))
    else:
        _show(result)
    ctx.exit(1 if result.error is not None else 0)


def _run_on_store(invocation: Invocation, act: "Callable[[ReadTx, Shelf], Result]") -> "Result":
    from postier.mta.sieving.shelf import Shelf

    settings = invocation.settings().sieve

    async def run_there(store: "Store") -> "Result":
        shelf = Shelf(store, global_folder=settings.global_scripts, list_folder=settings.lists)
        return await store.read_bulk(act, shelf)

    return on_store(invocation, run_there)


def _run_for(
    tx: "ReadTx",
    address: Address,
    script: "Script",
    content: bytes,
    envelope: "Envelope",
    world: "World",
    shelf: "Shelf",
    *,
    with_trace: bool,
) -> "Result":
    """The script as an account's, which sees what is the account's."""
    from postier.accounts.accounts import account_info
    from postier.mta.sieving.lists import AccountLists
    from postier.mta.sieving.running import full_purse
    from postier.mta.sieving.world import Folders, Inclusions, own_addresses
    from postier.sieve.world import Envelope

    account_id = account_info(tx, address).account_id
    purse = full_purse()
    world = msgspec.structs.replace(
        world,
        own_addresses=own_addresses(tx, address),
        mailboxes=Folders(tx, account_id, purse),
        lists=AccountLists(tx, account_id, shelf.operator_lists, purse, may_read=True),
        scripts=Inclusions(tx, shelf, account_id, may_compile=True),
    )
    if not envelope.recipient:
        envelope = Envelope(envelope.sender, str(address))
    return script.run(content, envelope, world, with_trace=with_trace)


class _Folder:
    """The scripts of a folder, for `include`."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, name: str, *, is_global: bool) -> "Script | None":  # noqa: ARG002 # one folder for both
        """The script of a file; `include` has checked that the name is no path."""
        from postier.sieve.script import compile_script

        path = self._folder / f"{name}.sieve" if self._folder else None
        return compile_script(path.read_bytes()) if path is not None and path.is_file() else None


def _row(result: "Result") -> dict[str, Any]:
    actions = [*result.actions, *([result.keep] if result.keep else [])]
    return {
        "actions": [_plain(action) for action in actions],
        "error": result.error,
        "error_line": result.error_line or None,
        "tracked": [msgspec.to_builtins(each) for each in result.tracked],
        "trace": [msgspec.to_builtins(each) for each in result.trace],
    }


def _plain(action: Any) -> dict[str, Any]:
    """An action as JSON has it: contents as text."""
    fields = {name: getattr(action, name) for name in action.__struct_fields__}
    if isinstance(fields.get("content"), bytes):
        fields["content"] = fields["content"].decode("utf-8", "replace")
    return {"action": type(action).__name__.lower(), **msgspec.to_builtins(fields)}


def _show(result: "Result") -> None:
    for step in result.trace:
        click.echo(printable(_told(step)))
    for row in _row(result)["actions"]:
        action = "implicit keep" if row.pop("is_implicit", False) else row["action"]
        line = row.pop("line")
        changed = row.pop("content", None)
        rest = {
            key: value
            for key, value in row.items()
            if key != "action" and value not in (None, False, "", [], ())
        }
        words = [action, *[f"{key}={value!r}" for key, value in rest.items()]]
        if changed is not None:
            words.append("(the message is changed)")
        click.echo(printable((f"line {line}: " if line else "") + " ".join(words)))
    if result.error is not None:
        click.echo(printable(f"line {result.error_line}: error: {result.error}"))


def _told(step: "Step") -> str:
    if not step.what:
        return f"{step.line:>5}  {step.detail}"
    result = "" if step.result is None else f" -> {'true' if step.result else 'false'}"
    return f"{step.line:>5}  {step.what}{result}"
