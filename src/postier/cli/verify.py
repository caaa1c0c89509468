"""`postier verify`: is the whole store sound? Blobs against their hashes, indexes against blobs, counters against rows."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from postier.cli.invocation import Invocation, Verb, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import Column, json_option, progress, show_table

if TYPE_CHECKING:
    from postier.mailbox.verify import Problem
    from postier.store.blobs import BlobId
    from postier.store.transaction import Store

_COLUMNS = (
    Column("account", "account"),
    Column("kind", "what"),
    Column("detail", "detail"),
    Column("mended", "mended"),
)


@click.command(cls=Verb)
@click.option("--repair", "repairs", is_flag=True, help="Mend what can be mended.")
@json_option
@pass_invocation
@click.pass_context
def command(ctx: click.Context, invocation: Invocation, *, repairs: bool, as_json: bool) -> None:
    """Check the whole store, whether the server runs or not; exit 1 if something is wrong (and stays so)."""
    found = on_store(invocation, lambda store: _verify(store, repairs=repairs))
    if found or as_json:
        show_table(found, _COLUMNS, as_json=as_json)
    if not found and not as_json:
        click.echo("the store is sound")
    ctx.exit(1 if any(not row["mended"] for row in found) else 0)


async def _verify(store: "Store", *, repairs: bool) -> list[dict[str, Any]]:
    from postier.accounts.accounts import list_accounts
    from postier.mailbox.verify import check_account, repair
    from postier.mta.letter_id import letter_id_text
    from postier.mta.queue_rows import letters_without_content

    rows: list[dict[str, Any]] = []
    accounts = await store.read_bulk(list_accounts)
    with progress("accounts", len(accounts)) as step:
        for account in accounts:
            problems = await store.read_bulk(check_account, account.account_id)
            left = await store.write_bulk(repair, account.account_id) if problems and repairs else problems
            rows += [_row(str(account.address), problem, is_left=problem in left) for problem in problems]
            step(1)
    rows += await _verify_blobs(store, repairs=repairs)
    rows += [
        {
            "account": "",
            "kind": "queue",
            "detail": f"letter {letter_id_text(each)} has no content",
            "mended": False,
        }
        for each in await store.read_bulk(letters_without_content)
    ]
    return rows


async def _verify_blobs(store: "Store", *, repairs: bool) -> list[dict[str, Any]]:
    from postier.mailbox.verify import BLOBS_AT_ONCE, check_blobs, repair_blob_counts

    loop = asyncio.get_running_loop()

    def load(blob_id: "BlobId") -> bytes:  # called beside the loop
        return asyncio.run_coroutine_threadsafe(store.read_blob(blob_id), loop).result()

    problems: list[Problem] = []
    total = await store.read_bulk(lambda tx: tx.value("SELECT count(*) FROM blob"))
    after: bytes | None = b""
    with progress("contents", total) as step:
        while after is not None:
            found, after = await store.read_bulk(check_blobs, load, after)
            problems += found
            step(BLOBS_AT_ONCE)
    if problems and repairs:
        await store.write_bulk(repair_blob_counts)
    return [_row("", problem, is_left=not (repairs and problem.is_mendable)) for problem in problems]


def _row(account: str, problem: "Problem", *, is_left: bool) -> dict[str, Any]:
    return {"account": account, "kind": problem.kind.value, "detail": problem.detail, "mended": not is_left}
