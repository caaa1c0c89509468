"""`postier dmarc check`: a message against DMARC, or a domain's record explained; without a server."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from postier.cli.diagnosis import (
    answer,
    plain,
    read_letter,
    resolver_of,
    resolver_option,
    show,
    show_document,
    time_option,
)
from postier.cli.dkim import show_signatures
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.output import json_option, show_json
from postier.cli.spf import IpType
from postier.dns.exchange import Server
from postier.mailauth import dkim, dmarc, spf
from postier.mailauth.outcome import Outcome

if TYPE_CHECKING:
    from postier.mailauth.letter import Letter


@click.group(cls=Noun)
def command() -> None:
    """Check a message against DMARC, explain a domain's record (RFC 9989); needs no server."""


@command.command()
@click.argument(
    "file",
    metavar="[FILE]",
    required=False,
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
)
@click.option(
    "--domain", metavar="NAME", help="Explain the record of this domain instead of checking a message."
)
@click.option("--ip", type=IpType(), metavar="IP", help="The client that brought the message, for SPF.")
@click.option("--sender", metavar="ADDRESS", help="Its MAIL FROM, for SPF.")
@click.option("--helo", metavar="NAME", default="unknown", help="Its HELO or EHLO name, for SPF.")
@time_option
@resolver_option
@json_option
@pass_invocation
@click.pass_context
def check(
    ctx: click.Context,
    invocation: Invocation,
    file: Path | None,
    domain: str | None,
    ip: str | None,
    sender: str | None,
    helo: str,
    now: int | None,
    servers: Sequence[Server],
    *,
    as_json: bool,
) -> None:
    """Check the message in FILE with its SPF and DKIM (exit 0 only for pass), or explain the record of --domain.

    A FILE of - is standard input. Without --ip and --sender, SPF counts for nothing.
    """
    if (file is None) == (domain is None):
        raise click.UsageError("give either a FILE with a message or --domain NAME")
    if (ip is None) != (sender is None):
        raise click.UsageError("--ip and --sender belong together")
    if domain is not None:
        found = answer(dmarc.explain(domain), invocation, servers)
        if as_json:
            show_json(plain(found))
        else:
            show(f"DMARC of {domain}", found.published or found.result, found.trace, found.problem)
        ctx.exit(0 if found.result is Outcome.PASS else 1)
    assert file is not None
    read = read_letter(invocation, file)
    at = int(time.time()) if now is None else now
    client = None if ip is None or sender is None else (ip, sender.strip("<>"), helo)
    proof, signatures, verdict = asyncio.run(_evaluate(invocation, servers, read.letter, client, at))
    if as_json:
        show_document({"remark": read.remark, "spf": proof, "dkim": signatures, "dmarc": verdict})
    else:
        if proof is not None and ip is not None:
            show(f"SPF of {ip}", proof.result, proof.trace, proof.problem or spf.in_words(proof, ip))
        show_signatures(signatures, read.remark)
        reason = verdict.problem
        if verdict.result is Outcome.FAIL:
            reason = f"{verdict.from_domain} is not proved; what its owner wishes: {verdict.disposition}"
        show(f"DMARC of {verdict.from_domain or 'nobody'}", verdict.result, verdict.trace, reason)
    ctx.exit(0 if verdict.result is Outcome.PASS else 1)


async def _evaluate(
    invocation: Invocation,
    servers: Sequence[Server],
    letter: "Letter",
    client: tuple[str, str, str] | None,
    now: int,
) -> tuple[spf.SpfResult | None, tuple[dkim.DkimResult, ...], dmarc.DmarcResult]:
    from postier.dns.ask import ask

    resolver = resolver_of(invocation, servers)
    proof = None if client is None else await ask(spf.check(*client), resolver)
    signatures = await ask(dkim.verify(letter, now), resolver)
    return proof, signatures, await ask(dmarc.check(letter, proof, signatures), resolver)
