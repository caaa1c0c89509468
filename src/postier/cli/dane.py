"""`postier dane check`: TLSA records, DNSSEC and the certificate of a mail host, without a server."""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from postier.cli.diagnosis import resolver_of, resolver_option, show
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.output import json_option, show_json
from postier.dns.exchange import Server
from postier.mailauth.names import host_name

if TYPE_CHECKING:
    from postier.mailauth.dane import Tlsa
    from postier.tls.dane_check import DaneCheck

_MAX_PORT = 65_535
_SUBMISSIONS, _IMAPS, _POP3S = 465, 993, 995


class HostType(click.ParamType[tuple[str, int]]):
    """`HOST` or `HOST:PORT`; port 25 without one."""

    name = "host"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Name and port."""
        text, colon, port = str(value).partition(":")
        name = host_name(text)
        if name is None:
            self.fail(f"{value} is not a host name, with or without :PORT", param, ctx)
        if colon and not (port.isdecimal() and port.isascii() and 0 < int(port[:6]) <= _MAX_PORT):
            self.fail(f"{port!r} is not a port", param, ctx)
        return name, int(port) if colon else 25


@click.group(cls=Noun)
def command() -> None:
    """Check the TLSA records and the certificate of a mail host (RFC 7672); needs no server."""


@command.command()
@click.argument("target", metavar="HOST[:PORT]", type=HostType())
@click.option(
    "--tls",
    "mode",
    type=click.Choice(["starttls", "implicit"]),
    help="How TLS begins; default: at once on 465, 993 and 995, else by STARTTLS.",
)
@click.option("--hello", metavar="NAME", default="localhost", show_default=True, help="Our name in EHLO.")
@click.option(
    "--trust-ad",
    is_flag=True,
    help="Believe --resolver what it says of DNSSEC, though it is not on this machine.",
)
@resolver_option
@json_option
@pass_invocation
@click.pass_context
def check(
    ctx: click.Context,
    invocation: Invocation,
    target: tuple[str, int],
    mode: str | None,
    hello: str,
    servers: Sequence[Server],
    *,
    trust_ad: bool,
    as_json: bool,
) -> None:
    """Look up the TLSA records of HOST, dial it, and compare its certificate; exit 0 only for a match."""
    host, port = target
    is_implicit = mode == "implicit" if mode else port in {_SUBMISSIONS, _IMAPS, _POP3S}
    servers = [msgspec.structs.replace(server, trusted=trust_ad) for server in servers]
    found = asyncio.run(_check(invocation, servers, host, port, hello, is_implicit=is_implicit))
    if as_json:
        show_json({**msgspec.structs.asdict(found), "records": [_row(each) for each in found.records]})
    else:
        show(f"DANE of {host}, port {port}", found.result, found.trace[:-1], found.problem)
    ctx.exit(0 if found.result == "match" else 1)


async def _check(
    invocation: Invocation, servers: Sequence[Server], host: str, port: int, hello: str, *, is_implicit: bool
) -> "DaneCheck":
    from postier.tls.dane_check import check_dane

    resolver = resolver_of(invocation, servers)
    return await check_dane(host, port, resolver, int(time.time()), is_implicit=is_implicit, hello=hello)


def _row(record: "Tlsa") -> dict[str, object]:
    return {**msgspec.structs.asdict(record), "data": record.data.hex()}
