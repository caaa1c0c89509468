"""`postier domain mta-sts`: what a domain asks of those who send to it: TLS with a valid certificate.

Not here: the policy (`accounts.own_sts`), the check of any domain (`mta-sts check`).
"""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from postier.cli.arguments import DomainType
from postier.cli.invocation import Invocation, Verb, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import json_option, printable, show_json

if TYPE_CHECKING:
    from postier.accounts.own_sts import OwnPolicy
    from postier.accounts.publishing import DnsRecord
    from postier.app.settings import Settings
    from postier.store.transaction import Store, WriteTx
    from postier.tls.sts_check import StsCheck

MODES = ("testing", "enforce", "none")


@click.command(name="mta-sts", cls=Verb)
@click.argument("name", type=DomainType())
@click.option("--mode", type=click.Choice(MODES), help="Set what senders do where the policy is not met.")
@click.option("--remove", is_flag=True, help="Forget a policy that was withdrawn by mode none.")
@click.option(
    "--check", is_flag=True, help="Look up the record, fetch the policy, compare MX; exit 1 unless right."
)
@click.option(
    "--authorities",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="For --check: trust the certificates in this PEM file instead of the system's.",
)
@click.option(
    "--port", type=click.IntRange(1, 65_535), default=443, help="For --check: the policy host's port."
)
@json_option
@pass_invocation
@click.pass_context
def mta_sts(
    ctx: click.Context,
    invocation: Invocation,
    name: str,
    *,
    mode: str | None,
    remove: bool,
    check: bool,
    authorities: Path | None,
    port: int,
    as_json: bool,
) -> None:
    """Print the MTA-STS policy of NAME and its records; set its mode, check it."""
    if remove:
        from postier.accounts.own_sts import remove_sts_policy

        on_store(invocation, lambda store: store.write(remove_sts_policy, name))
        click.echo(f"{name} has no MTA-STS policy any more; take its record out of DNS")
        return
    settings = invocation.settings()

    async def act(store: "Store") -> "tuple[OwnPolicy, StsCheck | None]":
        own = await store.write(_policy, name, mode, settings.hostname)
        return own, await compare(own, settings, authorities, port) if check else None

    own, checked = on_store(invocation, act)
    if checked is not None:
        if as_json:
            show_json(msgspec.structs.asdict(checked))
        else:
            for step in checked.trace:
                click.echo(printable(step))
        ctx.exit(0 if checked.result == "ok" else 1)
    if as_json:
        show_json({**_row(own), "records": [msgspec.structs.asdict(record) for record in _records(own)]})
    else:
        _tell(own)


def _policy(tx: "WriteTx", name: str, mode: str | None, hostname: str) -> "OwnPolicy":
    from postier.accounts.domains import domain_info
    from postier.accounts.own_sts import own_sts_policy, set_sts_policy
    from postier.mailauth.mta_sts import Mode

    domain_info(tx, name)
    if mode is not None:
        set_sts_policy(tx, name, Mode(mode))
    found = own_sts_policy(tx, name, hostname)
    if found is None:
        raise click.ClickException(
            f"{name} has no MTA-STS policy; begin with: postier domain mta-sts {name} --mode testing"
        )
    return found


async def compare(
    own: "OwnPolicy", settings: "Settings", authorities: Path | None = None, port: int = 443
) -> "StsCheck":
    """What a sender finds, held against what it should find."""
    from postier.app.resolving import resolver_of
    from postier.tls.https import HttpsSource
    from postier.tls.sts_check import check_own

    resolver = resolver_of(settings)
    source = HttpsSource(
        resolver,
        authorities=authorities,
        port=port,
        allow_private_addresses=settings.delivery.allow_private_addresses,
    )
    return await check_own(own.policy, own.identifier, own.domain, resolver, source)


def _records(own: "OwnPolicy") -> "list[DnsRecord]":
    from postier.accounts.publishing import sts_records

    return sts_records(own)


def _row(own: "OwnPolicy") -> dict[str, object]:
    return {
        "domain": own.domain,
        "mode": own.mode.value,
        "id": own.identifier,
        "url": own.url,
        "policy": own.text,
    }


def _tell(own: "OwnPolicy") -> None:
    from postier.accounts.own_sts import WITHDRAWN_US
    from postier.accounts.publishing import zone_lines_of
    from postier.mailauth.mta_sts import Mode

    click.echo(f"; to be served at {own.url}, under a certificate for mta-sts.{own.domain}:")
    click.echo("".join(f";   {line}\n" for line in own.text.splitlines()), nl=False)
    click.echo("\n".join(zone_lines_of(_records(own))))
    match own.mode:
        case Mode.TESTING:
            click.echo(
                f"; once --check and the TLS reports are fine: postier domain mta-sts {own.domain} --mode enforce"
            )
        case Mode.NONE:
            until = dt.datetime.fromtimestamp((own.changed_at + WITHDRAWN_US) // 1_000_000, dt.UTC)
            click.echo(
                f"; senders may remember the policy before; keep this until {until:%Y-%m-%d}, then: --remove"
            )
        case Mode.ENFORCE:
            pass
