"""`postier bimi`: which logo a domain asserts, whether it may be shown, and why not."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from postier.cli.arguments import DomainType, time_text
from postier.cli.diagnosis import read_letter, resolver_of, resolver_option, settings, time_option
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.output import json_option, printable, show_json
from postier.dns.exchange import Server

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from postier.dns.ask import Answering
    from postier.mailauth.bimi import BimiResult, Evidence, Indicator
    from postier.mailauth.letter import Letter

_BEGINNING = 1_024  # octets of a file that tell what it is
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_DOCUMENT = (b"<", b"\x1f\x8b", b"\xef\xbb\xbf<")
_STEPS = "steps"


@click.group(cls=Noun)
def command() -> None:
    """Check the logo of a domain, a letter, a logo file or a mark certificate."""


@command.command()
@click.argument("subject", metavar="DOMAIN|FILE")
@click.option("--selector", default="default", help="The selector to look up.")
@click.option(
    "--roots",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The authorities to trust for mark certificates (PEM); otherwise bimi.roots of the configuration.",
)
@click.option("--private", is_flag=True, help="Also dial web servers at private addresses, for trials.")
@time_option
@resolver_option
@json_option
@pass_invocation
@click.pass_context
def check(
    ctx: click.Context,
    invocation: Invocation,
    subject: str,
    servers: Sequence[Server],
    now: int | None,
    *,
    selector: str,
    roots: Path | None,
    private: bool,
    as_json: bool,
) -> None:
    """Explain step by step which logo a domain asserts and whether it may be shown; exit 1 if not.

    FILE is a letter, a logo (SVG, SVGZ) or a mark certificate (PEM); a domain needs DNS and HTTPS.
    """
    from postier.mailauth.bimi import BimiError, parse_selector

    chosen = parse_selector(selector)
    if chosen is None:
        raise click.UsageError(f"{selector} is no selector")
    now_s = int(time.time()) if now is None else now
    trusted = _roots(invocation, roots)
    path = Path(subject)
    if path.is_file() and _is_of_bimi(path):
        try:
            row = _file(_read(path), trusted, now_s)
        except BimiError as error:
            row = {"result": "fail", _STEPS: [str(error)]}
    else:
        source = _Source(invocation, servers, private)
        if path.is_file():
            coming = _check_letter(source, read_letter(invocation, path).letter, trusted, now_s)
        else:
            domain = DomainType().convert(subject, None, ctx)
            coming = _check_domain(source, domain, chosen, trusted, now_s)
        row = _row(asyncio.run(coming))
    _show(row, as_json=as_json)
    ctx.exit(0 if row["result"] == "pass" else 1)


class _Source(msgspec.Struct, frozen=True):
    """Where DNS and files come from."""

    invocation: Invocation
    servers: Sequence[Server]
    private: bool

    def answering(self) -> "Answering":
        """DNS and HTTPS; bound to the loop that runs."""
        from postier.tls.logos import LogoSource

        resolver = resolver_of(self.invocation, self.servers)
        return LogoSource(resolver, allow_private_addresses=self.private)


def _is_of_bimi(path: Path) -> bool:
    """Whether a file is a logo or a certificate, and no letter."""
    with path.open("rb") as opened:
        beginning = opened.read(_BEGINNING).lstrip()
    return beginning.startswith((*_DOCUMENT, _CERTIFICATE))


def _read(path: Path) -> bytes:
    from postier.mailauth.bimi.evidence import MAX_EVIDENCE_OCTETS

    with path.open("rb") as opened:
        return opened.read(MAX_EVIDENCE_OCTETS + 1)


def _roots(invocation: Invocation, given: Path | None) -> "tuple[Certificate, ...]":
    from postier.mailauth.bimi import BimiError, read_roots

    path = given
    if path is None and (known := settings(invocation)) is not None:
        path = known.bimi.roots
    if path is None:
        return ()
    try:
        return read_roots(path.read_bytes())
    except (OSError, BimiError) as error:
        raise click.ClickException(f"{path}: {error}") from None


def _file(octets: bytes, roots: "tuple[Certificate, ...]", now_s: int) -> dict[str, Any]:
    """A logo or a certificate by itself. Raises BimiError."""
    from postier.mailauth.bimi import read_indicator, verify_evidence

    if octets.lstrip().startswith(_CERTIFICATE):
        if not roots:
            raise click.UsageError("which authorities are trusted? --roots FILE names them")
        evidence = verify_evidence(octets, roots, domains=None, selector="", now_s=now_s)
        return {
            "result": "pass",
            **_evidence_row(evidence),
            _STEPS: [f"{evidence.issuer} vouches for the logo"],
        }
    indicator = read_indicator(octets)
    steps = ["the logo is SVG Tiny PS", *(f"advice: {advice}" for advice in indicator.advice)]
    return {"result": "pass", **_indicator_row(indicator), _STEPS: steps}


async def _check_domain(
    source: _Source, domain: str, selector: str, roots: "tuple[Certificate, ...]", now_s: int
) -> "BimiResult":
    from postier.dns.ask import ask
    from postier.mailauth import bimi

    check = bimi.check_domain(domain, selector=selector, now_s=now_s, roots=roots)
    return await ask(check, source.answering())


async def _check_letter(
    source: _Source, letter: "Letter", roots: "tuple[Certificate, ...]", now_s: int
) -> "BimiResult":
    """DKIM and DMARC first; SPF needs the client's address, which a file does not have."""
    from postier.dns.ask import ask
    from postier.mailauth import bimi, dkim, dmarc

    answering = source.answering()
    signatures = await ask(dkim.verify(letter, now_s), answering)
    verdict = await ask(dmarc.check(letter, None, signatures), answering)
    return await ask(bimi.check(letter, verdict, signatures, now_s=now_s, roots=roots), answering)


def _row(result: "BimiResult") -> dict[str, Any]:
    row: dict[str, Any] = {
        "result": result.result.value,
        "domain": result.domain,
        "selector": result.selector,
        "authority": result.authority.value,
    }
    if result.record is not None:
        row["location"] = result.record.location.text if result.record.location else ""
        row["evidence"] = result.record.evidence.text if result.record.evidence else ""
    if result.indicator is not None:
        row |= _indicator_row(result.indicator)
    if result.evidence is not None:
        row |= _evidence_row(result.evidence)
    return row | {_STEPS: [*result.trace]}


def _indicator_row(indicator: "Indicator") -> dict[str, Any]:
    return {"title": indicator.title, "octets": len(indicator.document), "sha256": indicator.sha256}


def _evidence_row(evidence: "Evidence") -> dict[str, Any]:
    return {
        "organisation": evidence.organisation,
        "issuer": evidence.issuer,
        "names": [*evidence.names],
        "mark": evidence.mark,
        "expires_at": time_text(evidence.expires_s * 1_000_000),
        "log_timestamps": evidence.log_timestamps,
    }


def _show(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(row)
        return
    for step in row[_STEPS]:
        click.echo(f"- {printable(step)}")
    for key, value in row.items():
        if key != _STEPS and value not in ("", []):
            click.echo(f"{key}: {printable(', '.join(value) if isinstance(value, list) else value)}")
