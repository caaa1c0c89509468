"""`postier dkim verify` and `sign`: signatures of a message in a file, without a server."""

import sys
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
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.output import json_option, show_json
from postier.dns.exchange import Server
from postier.mailauth import dkim
from postier.mailauth.dkim.keys import MIN_RSA_BITS
from postier.mailauth.outcome import Outcome


@click.group(cls=Noun)
def command() -> None:
    """Verify and make DKIM signatures (RFC 6376, 8301, 8463); needs no server."""


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
    """Verify every DKIM signature of the message in FILE; exit 0 if one passes. A FILE of - is standard input."""
    read = read_letter(invocation, file)
    at = int(time.time()) if now is None else now
    results = answer(dkim.verify(read.letter, at), invocation, servers)
    if as_json:
        show_json({"remark": read.remark, "signatures": plain(results)})
    else:
        show_signatures(results, read.remark)
    ctx.exit(0 if any(result.result is Outcome.PASS for result in results) else 1)


def show_signatures(results: Sequence[dkim.DkimResult], remark: str) -> None:
    """Print what became of each signature."""
    if remark:
        click.echo(f"note: {remark}")
    if not results:
        show("DKIM", Outcome.NONE, (), "the message has no DKIM signature")
    for number, result in enumerate(results, 1):
        show(f"DKIM signature {number} of {len(results)}", result.result, result.trace[:-1], result.trace[-1])


@command.command()
@file_argument
@click.option("--domain", required=True, metavar="NAME", help="d=, the domain that signs.")
@click.option("--selector", required=True, metavar="NAME", help="s=, where the public key is published.")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The private key, PEM, RSA or Ed25519.",
)
@click.option("--headers", metavar="NAME:NAME...", help="h=, the fields to sign; default: those that matter.")
@click.option("--identity", metavar="ADDRESS", help="i=, the agent or user on whose behalf.")
@click.option("--lifetime", type=click.IntRange(1, 10**9), metavar="SECONDS", help="x=, how long it holds.")
@time_option
@click.option("--field", "only_field", is_flag=True, help="Print the DKIM-Signature field only.")
@pass_invocation
def sign(
    invocation: Invocation,
    file: Path,
    domain: str,
    selector: str,
    key_file: Path,
    headers: str | None,
    identity: str | None,
    lifetime: int | None,
    now: int | None,
    *,
    only_field: bool,
) -> None:
    """Sign the message in FILE; prints it with its new field on top, line ends as in FILE."""
    read = read_letter(invocation, file)
    key = signing_key(domain, selector, key_file)
    try:
        field = dkim.sign(
            read.letter,
            [key],
            int(time.time()) if now is None else now,
            headers=None if headers is None else header_list(headers),
            lifetime_s=lifetime,
            identity=identity,
            min_rsa_bits=MIN_RSA_BITS,
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    write_letter(field if only_field else field + read.content, had_lf=read.had_lf)


def signing_key(domain: str, selector: str, file: Path) -> dkim.SigningKey:
    """The key in a PEM file with its place; raises ClickException."""
    try:
        private = dkim.load_private_key(file.read_bytes())
        key = dkim.SigningKey(domain, selector, private)
    except (ValueError, TypeError) as error:  # TypeError: the key is encrypted
        raise click.ClickException(f"{file}: no key to sign with: {error}") from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror or error}") from None
    bits = getattr(private, "key_size", dkim.DEFAULT_RSA_BITS)
    if bits < dkim.DEFAULT_RSA_BITS:  # RFC 8301 §3.2
        click.echo(
            f"warning: the key has only {bits} bits; {dkim.DEFAULT_RSA_BITS} are recommended", err=True
        )
    return key


def header_list(text: str) -> list[str]:
    """`From:To:Subject` as names; raises UsageError."""
    names = [name.strip() for name in text.split(":")]
    if not all(name.isascii() and name.isprintable() and name and " " not in name for name in names):
        raise click.UsageError(f"--headers {text!r} is no list of field names with colons between them")
    return names


def write_letter(content: bytes, *, had_lf: bool) -> None:
    """Write octets to standard output, with the line ends that the file had."""
    sys.stdout.buffer.write(content.replace(b"\r\n", b"\n") if had_lf else content)
    sys.stdout.buffer.flush()
