"""`postier sieve apply` and `undo`: a script on mail that is stored already.

Not here: what is done (`mta.sieving.applying`). Invariants: with `--dry-run` nothing is changed; without it, every change can be undone
for 30 days.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from postier.cli.invocation import Invocation, Verb, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import json_option, printable, progress, show_json
from postier.cli.sieve_files import is_file, octets_of
from postier.cli.sieve_scripts import address_argument, stored_name
from postier.mime.address import Address

if TYPE_CHECKING:
    from postier.mta.sieving.applying import Said, Target
    from postier.mta.sieving.shelf import Shelf
    from postier.sieve.script import Script
    from postier.store.transaction import ReadTx, Store


@click.command(cls=Verb)
@click.argument("script")
@click.argument("mailbox")
@click.option("--account", metavar="ADDRESS", help="Whose mailbox; else MAILBOX is ADDRESS or ADDRESS/NAME.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done with each message.")
@json_option
@pass_invocation
@click.pass_context
def apply(
    ctx: click.Context,
    invocation: Invocation,
    script: str,
    mailbox: str,
    *,
    account: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Sort the messages of MAILBOX by SCRIPT, a file or the name of one of the account's scripts.

    Messages are moved, copied and flagged; discard means Trash; nothing is sent. Exit 1 when the script fails with a message.
    """
    address, name = _place(mailbox, account)
    from postier.mta.sieving.shelf import Shelf

    run_id = time.time_ns() // 1_000
    content = octets_of(Path(script)) if is_file(script) else None
    settings = invocation.settings().sieve

    async def act(store: "Store") -> "tuple[list[Said], dict[str, int]]":
        shelf = Shelf(store, global_folder=settings.global_scripts, list_folder=settings.lists)
        return await _apply(store, shelf, script, content, address, name, run_id, dry_run=dry_run)

    said, done = on_store(invocation, act)
    has_changed = bool(done)
    if as_json:
        show_json(
            {
                "run": run_id if has_changed else None,
                "dry_run": dry_run,
                "messages": len(said),
                "done": done,
                "each": [_row(each) for each in said if each.is_change or each.left_out or each.error],
            }
        )
    else:
        for each in said:
            if each.error is not None or (dry_run and (each.is_change or each.left_out)):
                click.echo(printable(f"{each.uid}  {each.subject[:60]}: {'; '.join(_words(each))}"))
        click.echo(f"{len(said)} messages" + "".join(f", {number} {what}" for what, number in done.items()))
        if has_changed:
            click.echo(f"undo it with: postier sieve undo {address} {run_id}")
    ctx.exit(1 if any(each.error is not None for each in said) else 0)


@click.command(cls=Verb)
@address_argument
@click.argument("run", required=False, type=int)
@json_option
@pass_invocation
def undo(invocation: Invocation, address: Address, run: int | None, *, as_json: bool) -> None:
    """Undo what `postier sieve apply` did to the account ADDRESS: the last RUN, or the one that is named.

    Messages that were moved, or expunged, since are passed over; flags that were changed since stay, and so do copies whose flags were.
    """
    run_id, came = on_store(invocation, lambda store: _undo(store, address, run))
    if as_json:
        show_json({"run": run_id, **came})
        return
    elsewhere, changed = came["passed_over"], came["changed_since"]
    rest = f"; {elsewhere} are not where they were and stay as they are" if elsewhere else ""
    rest += f"; {changed} were changed since, and those changes stay" if changed else ""
    click.echo(f"undone: {came['undone']} changes{rest}")


def _place(mailbox: str, account: str | None) -> tuple[Address, str]:
    owner, name = (account, mailbox) if account is not None else (mailbox, "INBOX")
    if account is None and "/" in mailbox:
        owner, _, name = mailbox.partition("/")
    try:
        return Address.parse(owner), name
    except ValueError as error:
        raise click.UsageError(f"{error}; give --account ADDRESS") from None


async def _apply(
    store: "Store",
    shelf: "Shelf",
    script: str,
    content: bytes | None,
    address: Address,
    mailbox: str,
    run_id: int,
    *,
    dry_run: bool,
) -> "tuple[list[Said], dict[str, int]]":
    from postier.mailbox.refusals import MailboxRefusedError
    from postier.mta.sieving.applying import apply_script

    try:
        target = await store.read(_target, address, mailbox)
        total = await store.read(_number, target)
        with progress(f"{address}/{mailbox}", total) as step:
            return await apply_script(
                store,
                shelf,
                await _compiled(store, script, content, target),
                target,
                run_id=run_id,
                is_rehearsal=dry_run,
                on_portion=step,
            )
    except MailboxRefusedError as refusal:
        raise click.ClickException(str(refusal)) from None


async def _compiled(store: "Store", script: str, content: bytes | None, target: "Target") -> "Script":
    from postier.accounts.scripts import script_content
    from postier.sieve.problems import ScriptError
    from postier.sieve.script import compile_script

    if content is None:
        name = stored_name(script)
        content = None if name is None else await store.read(script_content, target.account_id, name)
    if content is None:
        raise click.ClickException(f"{printable(script)} is neither a file nor a script of {target.address}")
    try:
        return compile_script(content)
    except ScriptError as error:
        raise click.ClickException(
            f"{script}: {error.problems[0]} (`postier sieve check` shows all)"
        ) from None


async def _undo(store: "Store", address: Address, run: int | None) -> tuple[int, dict[str, int]]:
    from postier.accounts.accounts import account_info
    from postier.mta.sieving.applying import runs_of, undo_portion

    account_id = (await store.read(account_info, address)).account_id
    runs = dict(await store.read_bulk(runs_of, account_id))
    if not runs or (run is not None and run not in runs):
        raise click.ClickException(
            f"there is nothing to undo for {address}" + (f" in run {run}" if run else "")
        )
    run_id = next(iter(runs)) if run is None else run
    came = {"undone": 0, "passed_over": 0, "changed_since": 0}
    with progress(f"{address}", runs[run_id]) as step:
        while portion := await store.write_bulk(undo_portion, account_id, run_id):
            for what in came:
                came[what] += getattr(portion, what)
            step(portion.undone + portion.passed_over)
    return run_id, came


def _target(tx: "ReadTx", address: Address, mailbox: str) -> "Target":
    from postier.accounts.accounts import account_info
    from postier.mailbox.reading import open_mailbox
    from postier.mta.sieving.applying import Target

    account = account_info(tx, address)
    state = open_mailbox(tx, account.account_id, mailbox, actor_id=account.account_id)
    return Target(account.account_id, account.address, state.mailbox_id, state.name)


def _number(tx: "ReadTx", target: "Target") -> int:
    from postier.mailbox.listing import mailbox_status

    return mailbox_status(tx, target.account_id, target.mailbox, actor_id=target.account_id).message_count


def _words(said: "Said") -> list[str]:
    words = [f"error: {said.error}"] if said.error is not None else []
    if said.place is not None:
        words.append(f"move into {_where(said.place)}")
    words += [f"copy into {_where(each)}" for each in said.copies]
    if said.flags is not None:
        words.append(f"flags {' '.join(said.flags) or 'none'}")
    return [*words, *said.left_out]


def _where(place: Any) -> str:
    return str(place.special_use or place.mailbox_id or place.mailbox)


def _row(said: "Said") -> dict[str, Any]:
    return {
        "uid": said.uid,
        "subject": said.subject,
        "move": None if said.place is None else _where(said.place),
        "copy": [_where(each) for each in said.copies],
        "flags": said.flags,
        "left_out": said.left_out,
        "error": said.error,
    }
