"""`postier domain dkim`: a domain's DKIM keys from one stage to the next.

Not here: the stages (`accounts.dkim_stages`). Invariant: no key signs before DNS has its record, unless that is forced.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from postier.cli.arguments import DomainType, time_text
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import Column, json_option, show_json, show_table

if TYPE_CHECKING:
    from postier.accounts.dkim_keys import DkimKey
    from postier.dns.resolver import Resolver
    from postier.store.transaction import ReadTx, Store

_COLUMNS = (
    Column("selector", "selector"),
    Column("algorithm", "key"),
    Column("state", "stage"),
    Column("since", "since"),
    Column("next", "next"),
)

_name_argument = click.argument("name", type=DomainType())
_selectors_argument = click.argument("selectors", nargs=-1, metavar="[SELECTOR]...")


@click.group(name="dkim", cls=Noun)
def dkim() -> None:
    """Rotate DKIM keys: rotate, activate, retire, remove; list them."""


@dkim.command()
@_name_argument
@json_option
@pass_invocation
def rotate(invocation: Invocation, name: str, *, as_json: bool) -> None:
    """Make new keys for NAME and print their records; they sign nothing until they are activated."""
    from postier.accounts.dkim_keys import KeyState, make_keys
    from postier.accounts.dkim_stages import publish_keys
    from postier.accounts.publishing import key_record, zone_lines_of

    async def act(store: "Store") -> "tuple[DkimKey, ...]":
        taken = [key.selector for key in await store.read(_keys, name)]
        today = dt.datetime.now(dt.UTC).date()
        keys = await asyncio.to_thread(make_keys, name, today, state=KeyState.PUBLISHED, taken=taken)
        await store.write(publish_keys, name, keys)
        return keys

    keys = on_store(invocation, act)
    records = [key_record(key) for key in keys]
    if as_json:
        rows = [
            {
                "selector": key.selector,
                "algorithm": key.algorithm.value,
                "state": key.state.value,
                "name": record.name,
                "data": record.data,
            }
            for key, record in zip(keys, records, strict=True)
        ]
        show_json({"domain": name, "dkim_keys": rows})
        return
    click.echo("; publish these records:")
    click.echo("\n".join(zone_lines_of(records)))
    click.echo(f"; then: postier domain dkim activate {name}")


@dkim.command()
@_name_argument
@_selectors_argument
@click.option("--force", is_flag=True, help="Do not ask DNS for the records first.")
@json_option
@pass_invocation
def activate(
    invocation: Invocation, name: str, selectors: tuple[str, ...], *, force: bool, as_json: bool
) -> None:
    """Let published keys of NAME sign, beside those that do; by default all that wait."""
    from postier.accounts.dkim_stages import activate_keys, to_activate
    from postier.app.resolving import resolver_of

    settings = invocation.settings()

    async def act(store: "Store") -> "list[DkimKey]":
        keys = await store.read(to_activate, name, selectors)
        if not force:
            await _insist_on_records(keys, resolver_of(settings))
        return await store.write(activate_keys, name, [key.selector for key in keys])

    _tell(on_store(invocation, act), "signs now", as_json=as_json)
    if not as_json:
        click.echo(f"once mail with the new signatures arrives well: postier domain dkim retire {name}")


@dkim.command()
@_name_argument
@_selectors_argument
@click.option("--force", is_flag=True, help="Also the last key, so that mail leaves unsigned.")
@json_option
@pass_invocation
def retire(
    invocation: Invocation, name: str, selectors: tuple[str, ...], *, force: bool, as_json: bool
) -> None:
    """Let keys of NAME sign no more; by default each that a newer one has replaced."""
    from postier.accounts.dkim_stages import DAY_US, RETIRED_KEPT_US, retire_keys

    keys = on_store(invocation, lambda store: store.write(retire_keys, name, selectors, force=force))
    _tell(keys, "signs no more", as_json=as_json)
    if keys and not as_json:
        until = dt.datetime.now(dt.UTC) + dt.timedelta(microseconds=RETIRED_KEPT_US)
        click.echo(
            f"keep the records for {RETIRED_KEPT_US // DAY_US} days, until {until:%Y-%m-%d}: signed mail is under way;"
            " then publish them with an empty p= (revoked) or take them out, and remove the keys:"
            f" postier domain dkim remove {name} SELECTOR"
        )


@dkim.command()
@_name_argument
@click.argument("selector")
@click.option("--force", is_flag=True, help="Even if mail with its signatures may be under way.")
@pass_invocation
def remove(invocation: Invocation, name: str, selector: str, *, force: bool) -> None:
    """Forget a key of NAME that is retired, or that was never activated."""
    from postier.accounts.dkim_stages import remove_key

    on_store(invocation, lambda store: store.write(remove_key, name, selector, force=force))
    click.echo(f"removed DKIM key {selector} of {name}; its record may go")


@dkim.command(name="list")
@_name_argument
@json_option
@pass_invocation
def list_(invocation: Invocation, name: str, *, as_json: bool) -> None:
    """List the keys of NAME with their stages and what comes next."""
    keys = on_store(invocation, lambda store: store.read(_keys, name))
    show_table([_row(key, time.time_ns() // 1000) for key in keys], _COLUMNS, as_json=as_json)


async def _insist_on_records(keys: "Sequence[DkimKey]", resolver: "Resolver") -> None:
    from postier.accounts.published import Publication, check_records
    from postier.accounts.publishing import Need, key_record

    records = [msgspec.structs.replace(key_record(key), need=Need.NOW) for key in keys]
    found = await check_records(records, resolver)
    for one in found:
        if one.state is not Publication.PUBLISHED:
            raise click.ClickException(
                f"DNS does not have the record of {one.name} yet ({one.state.value}{one.found and ': ' + one.found});"
                " mail signed with this key would fail; publish it, or say --force"
            )


def _tell(keys: "Sequence[DkimKey]", what: str, *, as_json: bool) -> None:
    if as_json:
        show_json({"selectors": [key.selector for key in keys]})
        return
    for key in keys:
        click.echo(f"{key.selector} ({key.algorithm}) of {key.domain} {what}")


def _row(key: "DkimKey", now_us: int) -> dict[str, Any]:
    from postier.accounts.dkim_stages import kept_until

    until = kept_until(key)
    return {
        "selector": key.selector,
        "algorithm": key.algorithm.value,
        "state": key.state.value,
        "since": time_text(key.state_since),
        "record": key.record_name,
        "keep_record_until": time_text(until) if until else None,
        "next": _next(key, now_us),
    }


def _next(key: "DkimKey", now_us: int) -> str:
    from postier.accounts.dkim_keys import KeyState
    from postier.accounts.dkim_stages import is_over, kept_until

    if key.state is KeyState.PUBLISHED:
        return f"publish its record, then: postier domain dkim activate {key.domain}"
    if key.state is KeyState.ACTIVE:
        return ""
    if is_over(key, now_us):
        return f"take out its record, or revoke it (empty p=); postier domain dkim remove {key.domain} {key.selector}"
    return f"keep its record until {time_text(kept_until(key))[:10]}"


def _keys(tx: "ReadTx", name: str) -> "list[DkimKey]":
    from postier.accounts.dkim_keys import domain_keys
    from postier.accounts.domains import domain_info

    domain_info(tx, name)
    return domain_keys(tx, name)
