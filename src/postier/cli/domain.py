"""`postier domain`: the domains whose mail this server takes, and what to publish in DNS for them."""

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from postier.cli.arguments import DomainType, confirm, time_text, yes_option
from postier.cli.domain_dkim import dkim
from postier.cli.domain_mta_sts import compare, mta_sts
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import Column, json_option, show_json, show_table

if TYPE_CHECKING:
    from postier.accounts.dkim_keys import DkimKey
    from postier.accounts.domains import DomainInfo
    from postier.accounts.logos import Logo
    from postier.accounts.own_sts import OwnPolicy
    from postier.accounts.published import Checked
    from postier.accounts.publishing import DnsRecord
    from postier.app.settings import Settings
    from postier.store.transaction import ReadTx

_LIST = (
    Column("domain", "domain"),
    Column("accounts", "accounts", is_number=True),
    Column("aliases", "aliases", is_number=True),
    Column("created_at", "since"),
)
_CHECKED = (
    Column("state", "state"),
    Column("name", "name"),
    Column("type", "type"),
    Column("found", "found"),
)
_DNS = (Column("name", "name"), Column("type", "type"), Column("data", "data"), Column("purpose", "why"))

_name_argument = click.argument("name", type=DomainType())


@click.group(cls=Noun)
def command() -> None:
    """Add, list, show and remove domains; what to publish in DNS for them."""


command.add_command(dkim)
command.add_command(mta_sts)


@command.command()
@_name_argument
@json_option
@pass_invocation
def add(invocation: Invocation, name: str, *, as_json: bool) -> None:
    """Take mail for NAME from now on; makes its DKIM keys."""
    from postier.accounts.dkim_keys import make_keys
    from postier.accounts.domains import add_domain

    keys = make_keys(name, dt.datetime.now(dt.UTC).date())
    on_store(invocation, lambda store: store.write(add_domain, name, keys))
    if as_json:
        show_json({"domain": name, "dkim_selectors": [key.selector for key in keys]})
    else:
        click.echo(f"added domain {name}; what to publish in DNS: postier domain dns {name}")


@command.command(name="list")
@json_option
@pass_invocation
def list_(invocation: Invocation, *, as_json: bool) -> None:
    """List all domains."""
    from postier.accounts.domains import list_domains

    found = on_store(invocation, lambda store: store.read_bulk(list_domains))
    show_table([_row(info) for info in found], _LIST, as_json=as_json)


@command.command()
@_name_argument
@json_option
@pass_invocation
def show(invocation: Invocation, name: str, *, as_json: bool) -> None:
    """Show one domain."""
    info, found, logo = on_store(invocation, lambda store: store.read(_look, name))
    keys = [
        {"selector": key.selector, "algorithm": key.algorithm.value, "state": key.state.value}
        for key in found
    ]
    row = _row(info)
    if logo is not None:
        row |= {"logo": logo.location, "logo_evidence": logo.evidence}
    if as_json:
        show_json({**row, "dkim_keys": keys})
        return
    for key, value in row.items():
        click.echo(f"{key}: {value}")
    for one in keys:
        click.echo(f"dkim key: {one['selector']} ({one['algorithm']}, {one['state']})")


@command.command()
@_name_argument
@click.option("--force", is_flag=True, help="Remove its accounts, their mail, and its aliases too.")
@yes_option
@pass_invocation
def remove(invocation: Invocation, name: str, *, force: bool, yes: bool) -> None:
    """Take no more mail for NAME."""
    from postier.accounts.domains import remove_domain

    if force:
        confirm(f"Remove {name} with all its accounts and their mail?", is_sure=yes)
    on_store(invocation, lambda store: store.write_bulk(remove_domain, name, force=force))
    click.echo(f"removed domain {name}")


@command.command()
@_name_argument
@click.argument("location", metavar="[URL]", default="")
@click.option("--evidence", metavar="URL", default="", help="Where its mark certificate is (VMC or CMC).")
@pass_invocation
def logo(invocation: Invocation, name: str, location: str, *, evidence: str) -> None:
    """Assert the logo at URL for NAME (BIMI); without URL, none."""
    from postier.accounts.logos import Logo, set_logo

    if evidence and not location:
        raise click.UsageError("evidence without a logo says nothing")
    chosen = Logo(location, evidence) if location else None
    on_store(invocation, lambda store: store.write(set_logo, name, chosen))
    if chosen is None:
        click.echo(f"domain {name} asserts no logo; its default._bimi record can go")
    else:
        click.echo(f"publish: default._bimi.{name} TXT {chosen.record_text}")
        click.echo(f"then check it: postier bimi check {name}")


@command.command()
@_name_argument
@click.option("--zone", is_flag=True, help="Print lines for a zone file.")
@click.option("--check", is_flag=True, help="Ask DNS for them; exit 1 unless all is as it should be.")
@json_option
@pass_invocation
@click.pass_context
def dns(
    ctx: click.Context, invocation: Invocation, name: str, *, zone: bool, check: bool, as_json: bool
) -> None:
    """Print the DNS records to publish for NAME."""
    from postier.accounts.own_sts import own_sts_policy
    from postier.accounts.publishing import records_of, zone_lines
    from postier.app.offered_services import services_of

    settings = invocation.settings()
    _, keys, logo = on_store(invocation, lambda store: store.read(_look, name))
    sts = on_store(invocation, lambda store: store.read(own_sts_policy, name, settings.hostname))
    now_us = time.time_ns() // 1000
    records = records_of(name, settings.hostname, keys, services_of(settings), logo, sts=sts, now_us=now_us)
    if check:
        found = asyncio.run(_check(settings, records, sts))
        show_table([msgspec.structs.asdict(one) for one in found], _CHECKED, as_json=as_json)
        ctx.exit(0 if all(one.state.is_fine for one in found) else 1)
    if zone:
        click.echo("\n".join(zone_lines(records, settings.hostname)))
        return
    show_table([_record_row(record) for record in records], _DNS, as_json=as_json)
    if not as_json:
        click.echo(
            f"\n{settings.hostname} itself needs A and AAAA records with this server's public addresses."
        )


def _record_row(record: "DnsRecord") -> dict[str, object]:
    return {**msgspec.structs.asdict(record), "need": record.need.value}


async def _check(
    settings: "Settings", records: "Sequence[DnsRecord]", sts: "OwnPolicy | None"
) -> "list[Checked]":
    from postier.accounts.published import Checked, Publication, check_published
    from postier.app.resolving import resolver_of

    found = await check_published(records, settings.hostname, resolver_of(settings))
    if sts is not None:
        policy = await compare(sts, settings)
        state = Publication.PUBLISHED if policy.result == "ok" else Publication.WRONG
        found.append(Checked(sts.url, "HTTPS", state, policy.problem or f"{sts.mode} for {sts.hostname}"))
    return found


def _look(tx: "ReadTx", name: str) -> "tuple[DomainInfo, list[DkimKey], Logo | None]":
    from postier.accounts.dkim_keys import domain_keys
    from postier.accounts.domains import domain_info
    from postier.accounts.logos import logo_of

    return domain_info(tx, name), domain_keys(tx, name), logo_of(tx, name)


def _row(info: "DomainInfo") -> dict[str, object]:
    return {**msgspec.structs.asdict(info), "created_at": time_text(info.created_at)}
