"""`postier arc verify` and `seal`: the chain of a message in a file, without a server."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from postier.cli.diagnosis import (
    answer,
    file_argument,
    plain,
    read_letter,
    resolver_option,
    show,
    time_option,
)
from postier.cli.dkim import header_list, signing_key, write_letter
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.output import json_option, show_json
from postier.dns.exchange import Server
from postier.mailauth import arc
from postier.mailauth.dkim.keys import MIN_RSA_BITS
from postier.mailauth.outcome import Outcome


@click.group(cls=Noun)
def command() -> None:
    """Verify and seal Authenticated Received Chains (RFC 8617); needs no server."""


@command.command()
@file_argument
@time_option
@resolver_option
@json_option
@pass_invocation
@click.pass_context
def verify(
    ctx: click.Context,
    invocation: Invocation,
    file: Path,
    now: int | None,
    servers: Sequence[Server],
    *,
    as_json: bool,
) -> None:
    """Validate the chain of the message in FILE; exit 0 only for pass. A FILE of - is standard input."""
    read = read_letter(invocation, file)
    at = int(time.time()) if now is None else now
    result = answer(arc.verify(read.letter, at), invocation, servers)
    if as_json:
        assessments = [text.decode("utf-8", "replace") for text in result.assessments]
        show_json({"remark": read.remark, **plain(result), "assessments": assessments})
    else:
        if read.remark:
            click.echo(f"note: {read.remark}")
        steps = list(result.trace)
        for number, text in enumerate(result.assessments, 1):
            words = " ".join(text.decode("utf-8", "replace").split())
            steps.insert(number - 1, f"set {number} by {result.sealers[number - 1]} says: {words}")
        show(f"ARC, {len(result.sealers)} sets", result.result, steps, result.problem)
    ctx.exit(0 if result.result is Outcome.PASS else 1)


@command.command()
@file_argument
@click.option("--domain", required=True, metavar="NAME", help="d=, the domain that seals.")
@click.option("--selector", required=True, metavar="NAME", help="s=, where the public key is published.")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The private key, PEM, RSA or Ed25519.",
)
@click.option(
    "--authserv-id",
    required=True,
    metavar="NAME",
    help="Whose Authentication-Results fields of the message go into the set.",
)
@click.option(
    "--status",
    type=click.Choice(["none", "pass", "fail"]),
    help="The chain's status on arrival; default: the arc= of those Authentication-Results.",
)
@click.option("--headers", metavar="NAME:NAME...", help="h= of the message signature.")
@time_option
@click.option("--fields", "only_fields", is_flag=True, help="Print the three ARC fields only.")
@pass_invocation
def seal(
    invocation: Invocation,
    file: Path,
    domain: str,
    selector: str,
    key_file: Path,
    authserv_id: str,
    status: str | None,
    headers: str | None,
    now: int | None,
    *,
    only_fields: bool,
) -> None:
    """Add the next ARC set to the message in FILE; prints it, line ends as in FILE."""
    read = read_letter(invocation, file)
    try:
        fields = arc.seal(
            read.letter,
            signing_key(domain, selector, key_file),
            authserv_id,
            int(time.time()) if now is None else now,
            status=None if status is None else Outcome(status),
            headers=None if headers is None else header_list(headers),
            min_rsa_bits=MIN_RSA_BITS,
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if not fields:
        raise click.ClickException(
            f"no set may be added: the chain has ended or is full, or no Authentication-Results of {authserv_id}"
            " tells its status (give --status)"
        )
    write_letter(fields if only_fields else fields + read.content, had_lf=read.had_lf)
