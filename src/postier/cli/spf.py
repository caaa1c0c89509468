"""`postier spf check`: may this client send for this address? Step by step, without a server."""

from collections.abc import Sequence

import click

from postier.cli.diagnosis import answer, plain, resolver_option, show
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.output import json_option, show_json
from postier.dns.exchange import Server
from postier.mailauth import spf
from postier.mailauth.outcome import Outcome
from postier.mailauth.spf.client import client_address


class IpType(click.ParamType[str]):
    """An IP address."""

    name = "ip"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address as it is written usually."""
        try:
            return client_address(str(value))[2]
        except ValueError:
            self.fail(f"{value} is not an IP address", param, ctx)


@click.group(cls=Noun)
def command() -> None:
    """Check whether a client may send for an address (RFC 7208); needs no server."""


@command.command()
@click.argument("ip", type=IpType())
@click.argument("sender")
@click.option("--helo", metavar="NAME", default="", help="The name the client gave in HELO or EHLO.")
@resolver_option
@json_option
@pass_invocation
@click.pass_context
def check(
    ctx: click.Context,
    invocation: Invocation,
    ip: str,
    sender: str,
    helo: str,
    servers: Sequence[Server],
    *,
    as_json: bool,
) -> None:
    """Tell what SPF says about a client at IP that sends for SENDER; exit 0 only for pass.

    SENDER is the address of MAIL FROM, or a domain; an empty one ("" or "<>") checks the name of --helo.
    """
    sender = sender.removeprefix("<").removesuffix(">")
    if not sender and not helo:
        raise click.UsageError(
            "an empty SENDER wants --helo NAME: that is the identity which is checked then"
        )
    if sender and "@" not in sender:
        sender = f"postmaster@{sender}"
    result = answer(spf.check(ip, sender, helo or "unknown"), invocation, servers)
    if as_json:
        show_json({**plain(result), "enhanced_code": result.enhanced_code})
    else:
        who = f"HELO {helo}" if result.identity == "helo" else f"MAIL FROM {sender}"
        show(f"SPF of {ip} with {who}", result.result, result.trace, _reason(result, ip))
    ctx.exit(0 if result.result is Outcome.PASS else 1)


def _reason(result: spf.SpfResult, ip: str) -> str:
    words = result.problem or spf.in_words(result, ip)
    return f"{words} ({result.lookups} terms asked the DNS)" if result.lookups else words
