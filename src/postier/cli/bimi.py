"""`postier bimi`: which logo a domain asserts, whether it may be shown, and why not."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from postier.cli.arguments import DomainType, time_text
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.output import json_option, printable, show_json

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from postier.dns.ask import Answering
    from postier.mailauth.bimi import BimiResult, Evidence, Indicator

_MAX_FILE_OCTETS = 64 * 1024 * 1024
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
@json_option
@pass_invocation
@click.pass_context
def check(
    ctx: click.Context,
    invocation: Invocation,
    subject: str,
    *,
    selector: str,
    roots: Path | None,
    as_json: bool,
) -> None:
    """Explain step by step which logo a domain asserts and whether it may be shown; exit 1 if not.

    FILE is a letter, a logo (SVG, SVGZ) or a mark certificate (PEM); a domain needs DNS and HTTPS.
    """
    from postier.mailauth.bimi import BimiError, parse_selector

    chosen = parse_selector(selector)
    if chosen is None:
        raise click.UsageError(f"{selector} is no selector")
    path = Path(subject)
    if path.is_file():
        octets = _read(path)
        if octets.lstrip().startswith(_DOCUMENT) or octets.lstrip().startswith(_CERTIFICATE):
            try:
                row = _file(octets, _roots(invocation, roots))
            except BimiError as error:
                row = {"result": "fail", _STEPS: [str(error)]}
        else:
            row = _row(asyncio.run(_check_letter(invocation, octets, _roots(invocation, roots))))
    else:
        domain = DomainType().convert(subject, None, ctx)
        row = _row(asyncio.run(_check_domain(invocation, domain, chosen, _roots(invocation, roots))))
    _show(row, as_json=as_json)
    ctx.exit(0 if row["result"] == "pass" else 1)


def _read(path: Path) -> bytes:
    if path.stat().st_size > _MAX_FILE_OCTETS:
        raise click.ClickException(f"{path} is too large")
    return path.read_bytes()


def _roots(invocation: Invocation, given: Path | None) -> "tuple[Certificate, ...]":
    from postier.mailauth.bimi import BimiError, read_roots

    path = given
    if path is None and invocation.path.exists():
        path = invocation.settings().bimi.roots
    if path is None:
        return ()
    try:
        return read_roots(path.read_bytes())
    except (OSError, BimiError) as error:
        raise click.ClickException(f"{path}: {error}") from None


def _file(octets: bytes, roots: "tuple[Certificate, ...]") -> dict[str, Any]:
    """A logo or a certificate by itself. Raises BimiError."""
    from postier.mailauth.bimi import read_indicator, verify_evidence

    if octets.lstrip().startswith(_CERTIFICATE):
        if not roots:
            raise click.UsageError("which authorities are trusted? --roots FILE names them")
        evidence = verify_evidence(octets, roots, domains=None, selector="", now_s=int(time.time()))
        return {
            "result": "pass",
            **_evidence_row(evidence),
            _STEPS: [f"{evidence.issuer} vouches for the logo"],
        }
    indicator = read_indicator(octets)
    steps = ["the logo is SVG Tiny PS", *(f"advice: {advice}" for advice in indicator.advice)]
    return {"result": "pass", **_indicator_row(indicator), _STEPS: steps}


async def _check_domain(
    invocation: Invocation, domain: str, selector: str, roots: "tuple[Certificate, ...]"
) -> "BimiResult":
    from postier.dns.ask import ask
    from postier.mailauth import bimi

    check = bimi.check_domain(domain, selector=selector, now_s=int(time.time()), roots=roots)
    return await ask(check, _answering(invocation))


async def _check_letter(
    invocation: Invocation, octets: bytes, roots: "tuple[Certificate, ...]"
) -> "BimiResult":
    """DKIM and DMARC first; SPF needs the client's address, which a file does not have."""
    from postier.dns.ask import ask
    from postier.mailauth import bimi, dkim, dmarc
    from postier.mailauth.letter import Letter

    letter, now_s, answering = Letter.parse(octets), int(time.time()), _answering(invocation)
    signatures = await ask(dkim.verify(letter, now_s), answering)
    verdict = await ask(dmarc.check(letter, None, signatures), answering)
    return await ask(bimi.check(letter, verdict, signatures, now_s=now_s, roots=roots), answering)


def _answering(invocation: Invocation) -> "Answering":
    """DNS and HTTPS as the configuration says, or as the system has them."""
    from postier.dns.resolver import Resolver
    from postier.tls.logos import LogoSource

    if not invocation.path.exists():
        return LogoSource(Resolver.of_system())
    settings = invocation.settings()
    servers = [(server.host, server.port) for server in settings.dns.resolvers]
    resolver = Resolver(servers) if servers else Resolver.of_system()
    return LogoSource(resolver, allow_private_addresses=settings.delivery.allow_private_addresses)


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
