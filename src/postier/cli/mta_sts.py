"""`postier mta-sts check`: announcement, policy and mail hosts of a domain, without a server."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from postier.cli.arguments import DomainType
from postier.cli.diagnosis import resolver_of, resolver_option, show
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.output import json_option, show_json
from postier.dns.exchange import Server

if TYPE_CHECKING:
    from postier.tls.sts_check import StsCheck


@click.group(cls=Noun)
def command() -> None:
    """Check the MTA-STS policy of a domain (RFC 8461); needs no server."""


@command.command()
@click.argument("domain", type=DomainType())
@click.option(
    "--authorities",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Trust the certificates in this PEM file instead of the system's.",
)
@click.option(
    "--port", type=click.IntRange(1, 65_535), default=443, help="The port of the policy host, for trials."
)
@click.option("--private", is_flag=True, help="Also dial a policy host at a private address, for trials.")
@resolver_option
@json_option
@pass_invocation
@click.pass_context
def check(
    ctx: click.Context,
    invocation: Invocation,
    domain: str,
    authorities: Path | None,
    port: int,
    servers: Sequence[Server],
    *,
    private: bool,
    as_json: bool,
) -> None:
    """Look up the record of DOMAIN, fetch its policy, and hold its MX hosts against it; exit 0 if all is well."""
    found = asyncio.run(_check(invocation, servers, domain, authorities, port, private=private))
    if as_json:
        show_json(msgspec.structs.asdict(found))
    else:
        steps = found.trace[:-1] if found.trace[-1:] == (found.problem,) else found.trace
        show(f"MTA-STS of {domain}", found.result, steps, found.problem)
    ctx.exit(0 if found.result == "ok" else 1)


async def _check(
    invocation: Invocation,
    servers: Sequence[Server],
    domain: str,
    authorities: Path | None,
    port: int,
    *,
    private: bool,
) -> "StsCheck":
    from postier.tls.https import HttpsSource
    from postier.tls.sts_check import check_sts

    resolver = resolver_of(invocation, servers)
    source = HttpsSource(resolver, authorities=authorities, port=port, allow_private_addresses=private)
    return await check_sts(domain, resolver, source)
