"""`postier report`: what others tell about our domains' mail (DMARC) and about connections to them (TLS)."""

import asyncio
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from postier.cli.arguments import domain_option, time_text
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import Column, json_option, printable, progress, show_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from postier.mta.reports.summaries import Choice
    from postier.store.transaction import Store

MAX_FILE_BYTES = 64 << 20  # a letter may hold a report of MAX_PACKED_OCTETS among other parts
MAX_NAMED_SOURCES = 200  # sources whose names are asked of DNS, those with most letters

_SOURCES = (
    Column("source_ip", "source"),
    Column("name", "name"),
    Column("letters", "letters", is_number=True),
    Column("pass_percent", "pass %", is_number=True),
    Column("dkim_passed", "DKIM", is_number=True),
    Column("spf_passed", "SPF", is_number=True),
    Column("quarantined", "quarantined", is_number=True),
    Column("rejected", "rejected", is_number=True),
    Column("overridden", "overridden", is_number=True),
    Column("reports", "reports", is_number=True),
)
_RESULTS = (
    Column("domain", "domain"),
    Column("policy", "policy"),
    Column("result", "result"),
    Column("mx_host", "host"),
    Column("sessions", "sessions", is_number=True),
    Column("reports", "reports", is_number=True),
    Column("reason", "reason"),
)
_REPORTS = (
    Column("begin", "from"),
    Column("end", "until"),
    Column("domain", "domain"),
    Column("organisation", "organisation"),
    Column("submitter", "submitter"),
    Column("count", "count", is_number=True),
)
_FAILURES = (
    Column("received", "received"),
    Column("domain", "domain"),
    Column("submitter", "submitter"),
    Column("failure", "failed"),
    Column("source_ip", "source"),
    Column("header_from", "author's domain"),
    Column("envelope_from", "envelope"),
    Column("delivery_result", "became"),
    Column("incidents", "letters", is_number=True),
)
_IMPORTED = (Column("file", "file"), Column("outcome", "outcome"))


class _DateType(click.ParamType[int]):
    """A day in UTC, `2026-11-24`; its beginning in microseconds since 1970."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            day = dt.datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=dt.UTC)
        except ValueError:
            self.fail(f"{value} is no day such as 2026-11-24", param, ctx)
        return int(day.timestamp()) * 1_000_000


_since_option = click.option("--since", type=_DateType(), metavar="DAY", help="Only from this day (UTC) on.")
_until_option = click.option("--until", type=_DateType(), metavar="DAY", help="Only before this day (UTC).")
_each_option = click.option("--each", is_flag=True, help="List each report instead of sums.")


@click.group(cls=Noun)
def command() -> None:
    """List and import reports on DMARC and TLS."""


@command.command()
@domain_option
@_since_option
@_until_option
@_each_option
@click.option("--no-names", is_flag=True, help="Do not ask DNS for the names of sources.")
@json_option
@pass_invocation
def dmarc(
    invocation: Invocation,
    *,
    domain: str | None,
    since: int | None,
    until: int | None,
    each: bool,
    no_names: bool,
    as_json: bool,
) -> None:
    """Who sends in the name of our domains, and whether it passes: by source, most letters first."""
    from postier.mta.reports.received_rows import ReportKind
    from postier.mta.reports.summaries import dmarc_sources, reports_of

    choice = _choice(domain, since, until)
    if each:
        found = on_store(invocation, lambda store: store.read_bulk(reports_of, ReportKind.DMARC, choice))
        _show_reports(found, as_json=as_json)
        return
    rows = on_store(invocation, lambda store: store.read_bulk(dmarc_sources, choice))
    names = {} if no_names else asyncio.run(_names(invocation, [row["source_ip"] for row in rows]))
    for row in rows:
        _name_source(row, names.get(row["source_ip"], ""))
        row["pass_percent"] = row["passed"] * 100 // row["letters"]
        _with_days(row)
    show_table(rows, _SOURCES, as_json=as_json)


@command.command()
@domain_option
@_since_option
@_until_option
@_each_option
@json_option
@pass_invocation
def tls(
    invocation: Invocation,
    *,
    domain: str | None,
    since: int | None,
    until: int | None,
    each: bool,
    as_json: bool,
) -> None:
    """How others fared with TLS when they delivered to our domains: by domain, policy, result and host."""
    from postier.mta.reports.received_rows import ReportKind
    from postier.mta.reports.summaries import reports_of, tls_results

    choice = _choice(domain, since, until)
    if each:
        found = on_store(invocation, lambda store: store.read_bulk(reports_of, ReportKind.TLS, choice))
        _show_reports(found, as_json=as_json)
        return
    rows = on_store(invocation, lambda store: store.read_bulk(tls_results, choice))
    for row in rows:
        row["result"] = row["result"] or "success"
        _with_days(row)
    show_table(rows, _RESULTS, as_json=as_json)


@command.command()
@domain_option
@_since_option
@_until_option
@json_option
@pass_invocation
def failures(
    invocation: Invocation, *, domain: str | None, since: int | None, until: int | None, as_json: bool
) -> None:
    """List the reports on single letters that failed DMARC, the newest first."""
    from postier.mta.reports.summaries import failures_of

    choice = _choice(domain, since, until)
    rows = on_store(invocation, lambda store: store.read_bulk(failures_of, choice))
    for row in rows:
        row["received"] = time_text(row.pop("received_us"))
    show_table(rows, _FAILURES, as_json=as_json)


@command.command(name="import")
@click.argument(
    "paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@json_option
@pass_invocation
@click.pass_context
def import_(ctx: click.Context, invocation: Invocation, paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Keep the reports in files: letters, XML, JSON, gzip or zip; folders are walked. Exit 1 if one holds none."""
    files = [file for path in paths for file in _files(path)]
    rows = on_store(invocation, lambda store: _import_all(store, files))
    shown = rows if as_json else [row for row in rows if row["outcome"] != "stored"]
    if shown or as_json:
        show_table(shown, _IMPORTED, as_json=as_json)
    if not as_json:
        click.echo(f"{sum(row['outcome'] == 'stored' for row in rows)} of {len(rows)} reports stored")
    ctx.exit(1 if any(row["is_fault"] for row in rows) else 0)


def _choice(domain: str | None, since: int | None, until: int | None) -> "Choice":
    from postier.mta.reports.summaries import FOREVER_US, Choice

    return Choice(domain, since or 0, FOREVER_US if until is None else until)


def _show_reports(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    for row in rows:
        for name in ("begin", "end", "received"):
            row[name] = time_text(row.pop(f"{name}_us"))
    show_table(rows, _REPORTS, as_json=as_json)


def _with_days(row: dict[str, Any]) -> None:
    """The days of the first and last report in place of their times."""
    for name in ("first", "last"):
        row[f"{name}_day"] = time_text(row.pop(f"{name}_us"))[:10]


def _name_source(row: dict[str, Any], host: str) -> None:
    """`service`: whom people know it as; `name`: that, or the host's name."""
    from postier.mailauth.reports.senders import sender_name

    proofs = [host, row["spf_domain"], *row["dkim_domains"]]
    row["host"] = host
    row["service"] = next((name for proof in proofs if (name := sender_name(proof))), "")
    row["name"] = f"{row['service']} ({host})" if row["service"] and host else row["service"] or host


async def _names(invocation: Invocation, addresses: list[str]) -> dict[str, str]:
    """The forward-confirmed names of the first addresses; what DNS does not tell is left out."""
    from postier.app.resolving import resolver_of
    from postier.dns.ask import ask
    from postier.mailauth import iprev

    resolver = resolver_of(invocation.settings())
    names: dict[str, str] = {}

    async def look_up(address: str, step: "Callable[[int], None]") -> None:
        names[address] = (await ask(iprev.check(address), resolver)).name
        step(1)

    chosen = addresses[:MAX_NAMED_SOURCES]
    with progress("names", len(chosen)) as step:
        async with asyncio.TaskGroup() as tasks:
            for address in chosen:
                tasks.create_task(look_up(address, step))
    return names


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(each for each in path.rglob("*") if each.is_file())
    else:
        yield path


async def _import_all(store: "Store", files: list[Path]) -> list[dict[str, Any]]:
    rows = []
    with progress("files", len(files)) as step:
        for file in files:
            outcome, is_fault = await _import(store, file)
            rows.append({"file": printable(file), "outcome": outcome, "is_fault": is_fault})
            step(1)
    return rows


async def _import(store: "Store", file: Path) -> tuple[str, bool]:
    import time

    from postier.mailauth.reports import AggregateReport, FailureReport, ReportError, TlsReport, report_of
    from postier.mta.reports.received_rows import Source, store_report

    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return f"not readable: {error.strerror}", True
    if len(data) > MAX_FILE_BYTES:
        return f"over {MAX_FILE_BYTES >> 20} MiB", True
    try:
        report = report_of(data)
    except ReportError as error:
        return str(error), True
    match report:
        case AggregateReport():
            submitter = report.email.rpartition("@")[2].lower()
        case TlsReport():
            submitter = report.contact.rpartition("@")[2].lower()
        case FailureReport():
            submitter = report.reporter
    name = report.message_id if isinstance(report, FailureReport) else ""
    source = Source(submitter, time.time_ns() // 1000, is_verified=False, letter_name=name or file.name)
    return (await store.write_bulk(store_report, report, source)).value, False
