"""`postier sieve put`, `list`, `get`, `activate`, `rename`, `remove`: the scripts that accounts have on the server.

Not here: `apply` (`sieve_apply`), scripts that are only tried (`sieve`). Invariant: no script is stored that a delivery could not run.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from postier.cli.arguments import AddressType
from postier.cli.invocation import Invocation, Verb, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import Column, json_option, printable, show_json, show_table
from postier.cli.sieve_files import octets_of, script_file
from postier.mime.address import Address

if TYPE_CHECKING:
    from postier.accounts.scripts import ScriptProblem
    from postier.store.transaction import ReadTx, WriteTx

_LIST = (Column("name", "name"), Column("active", "active"), Column("octets", "octets", is_number=True))

address_argument = click.argument("address", type=AddressType())


@click.command(cls=Verb)
@address_argument
@click.argument("file", type=script_file)
@click.option(
    "--name", metavar="NAME", help="How it is called [default: the name of the file without .sieve]."
)
@click.option("--activate", "is_activated", is_flag=True, help="Let it sort the account's mail.")
@json_option
@pass_invocation
def put(
    invocation: Invocation,
    address: Address,
    file: Path,
    *,
    name: str | None,
    is_activated: bool,
    as_json: bool,
) -> None:
    """Check a script and store it for the account ADDRESS; one of that name is replaced."""
    from postier.sieve.problems import ScriptError
    from postier.sieve.script import compile_script

    if name is None and str(file) == "-":
        raise click.UsageError("give --name for a script from standard input")
    name = _name(file.stem if name is None else name)
    content = octets_of(file)
    try:
        compile_script(content)
    except ScriptError as error:
        raise click.ClickException(f"{file}: {error.problems[0]} (`postier sieve check` shows all)") from None
    problem = on_store(
        invocation, lambda store: store.write(_put, address, name, content, is_activated=is_activated)
    )
    _refuse(problem)
    if as_json:
        show_json({"name": name, "active": is_activated or None, "octets": len(content)})
    else:
        click.echo(f"stored {printable(name)}" + (", which is active now" if is_activated else ""))


@click.command(name="list", cls=Verb)
@address_argument
@json_option
@pass_invocation
def list_(invocation: Invocation, address: Address, *, as_json: bool) -> None:
    """List the scripts of the account ADDRESS."""
    from postier.accounts.accounts import account_info
    from postier.accounts.scripts import list_scripts

    found = on_store(
        invocation,
        lambda store: store.read(lambda tx: list_scripts(tx, account_info(tx, address).account_id)),
    )
    rows = [
        {
            "name": each.name,
            "active": each.is_active if as_json else "active" if each.is_active else "",
            "octets": each.size_octets,
        }
        for each in found
    ]
    show_table(rows, _LIST, as_json=as_json)


@click.command(cls=Verb)
@address_argument
@click.argument("name", required=False)
@json_option
@pass_invocation
def get(invocation: Invocation, address: Address, name: str | None, *, as_json: bool) -> None:
    """Print a script of the account ADDRESS: the active one, or the one that is NAMEd."""
    wanted = None if name is None else _name(name)
    found = on_store(invocation, lambda store: store.read(_content, address, wanted))
    if found is None:
        raise click.ClickException(
            f"there is no script {printable(name)}"
            if name is not None
            else f"no script of {address} is active"
        )
    name, content = found
    if as_json:
        show_json({"name": name, "content": content.decode("utf-8", "replace")})
    else:
        click.echo(content, nl=False)


@click.command(cls=Verb)
@address_argument
@click.argument("name", required=False)
@json_option
@pass_invocation
def activate(invocation: Invocation, address: Address, name: str | None, *, as_json: bool) -> None:
    """Let a script sort the mail of the account ADDRESS; without a NAME none does."""
    wanted = _name(name) if name else ""
    _refuse(on_store(invocation, lambda store: store.write(_activate, address, wanted)))
    if as_json:
        show_json({"active": name})
    else:
        click.echo(f"{printable(name)} is active now" if name else "no script is active now")


@click.command(cls=Verb)
@address_argument
@click.argument("name")
@json_option
@pass_invocation
def remove(invocation: Invocation, address: Address, name: str, *, as_json: bool) -> None:
    """Delete a script of the account ADDRESS that is not active."""
    wanted = _name(name)
    _refuse(on_store(invocation, lambda store: store.write(_delete, address, wanted)))
    if as_json:
        show_json({"removed": name})
    else:
        click.echo(f"removed {printable(name)}")


@click.command(cls=Verb)
@address_argument
@click.argument("name")
@click.argument("new")
@json_option
@pass_invocation
def rename(invocation: Invocation, address: Address, name: str, new: str, *, as_json: bool) -> None:
    """Give a script of the account ADDRESS another name; mailboxes that it runs on at IMAP events keep it."""
    before, after = _name(name), _name(new)
    _refuse(on_store(invocation, lambda store: store.write(_rename, address, before, after)))
    if as_json:
        show_json({"renamed": name, "name": new})
    else:
        click.echo(f"renamed {printable(name)} to {printable(new)}")


def stored_name(text: str) -> str | None:
    """The name in its one form; None for what can't be one."""
    from postier.managesieve.names import script_name

    return script_name(text.encode("utf-8", "surrogateescape"))


def _name(text: str) -> str:
    name = stored_name(text)
    if name is None:
        raise click.UsageError(f"{printable(text)} can't be the name of a script")
    return name


def _refuse(problem: "ScriptProblem | None") -> None:
    if problem is not None:
        raise click.ClickException(problem.value)


def _put(
    tx: "WriteTx", address: Address, name: str, content: bytes, *, is_activated: bool
) -> "ScriptProblem | None":
    from postier.accounts.accounts import account_info
    from postier.accounts.scripts import activate_script, put_script

    account_id = account_info(tx, address).account_id
    problem = put_script(tx, account_id, name, content)
    if problem is None and is_activated:
        problem = activate_script(tx, account_id, name)
    return problem


def _activate(tx: "WriteTx", address: Address, name: str) -> "ScriptProblem | None":
    from postier.accounts.accounts import account_info
    from postier.accounts.scripts import activate_script

    return activate_script(tx, account_info(tx, address).account_id, name)


def _delete(tx: "WriteTx", address: Address, name: str) -> "ScriptProblem | None":
    from postier.accounts.accounts import account_info
    from postier.accounts.scripts import delete_script

    return delete_script(tx, account_info(tx, address).account_id, name)


def _rename(tx: "WriteTx", address: Address, old: str, new: str) -> "ScriptProblem | None":
    from postier.accounts.accounts import account_info
    from postier.mailbox.script_names import rename_script_and_references

    return rename_script_and_references(tx, account_info(tx, address).account_id, old, new)


def _content(tx: "ReadTx", address: Address, name: str | None) -> tuple[str, bytes] | None:
    from postier.accounts.accounts import account_info
    from postier.accounts.scripts import active_script, script_content

    account_id = account_info(tx, address).account_id
    if name is None:
        active = active_script(tx, account_id)
        return None if active is None else (active.name, active.content)
    content = script_content(tx, account_id, name)
    return None if content is None else (name, content)
