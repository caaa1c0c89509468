"""The letters that carry our reports.

Not here: who gets them (`mailauth.reports.destinations`), when (`sending`). Sources: RFC 9990 §3.5.1, §3.5.2; RFC 8460 §5.1, §5.3.
Invariants: a report sent again has the same id, file name and content; the letter is signed by the caller.
"""

import msgspec

from postier.accounts.names import POSTMASTER
from postier.mailauth.dmarc.record import DmarcRecord, Policy
from postier.mailauth.reports.aggregate import AggregateReport, Published, Seen
from postier.mailauth.reports.aggregate_writing import write_aggregate
from postier.mailauth.reports.packed import gzipped
from postier.mailauth.reports.tls import TlsFailure, TlsPolicyReport, TlsReport, write_tls
from postier.mime.address import Address
from postier.mime.dates import format_date
from postier.mime.entities import (
    Entity,
    base64_lines,
    encoding,
    multipart,
    text_entity,
)
from postier.mime.header_lines import Correspondent, address_line, line
from postier.mta.reports.sighting_rows import DmarcKey, Due, TlsKey

DAY_S = 86_400
GENERATOR = "Postier"


class Reporting(msgspec.Struct, frozen=True):
    """In whose name we report: one of our domains, which signs, and the organisation's name."""

    domain: str
    organisation: str

    @property
    def address(self) -> Address:
        """The contact, and the author of the letters."""
        return Address(POSTMASTER, self.domain)


def aggregate_report(
    reporting: Reporting, due: Due, record: DmarcRecord, sightings: list[tuple[DmarcKey, int]]
) -> AggregateReport:
    """The report of one day on one policy domain."""
    counts: dict[Seen, int] = {}
    for key, count in sightings:
        counts[key.seen] = counts.get(key.seen, 0) + count
    return AggregateReport(
        organisation=reporting.organisation,
        email=str(reporting.address),
        report_id=report_id(reporting, due),
        begin_s=due.day * DAY_S,
        end_s=(due.day + 1) * DAY_S - 1,
        published=_published(due.policy_domain, record),
        records=tuple(msgspec.structs.replace(seen, count=count) for seen, count in counts.items()),
        generator=GENERATOR,
    )


def _published(domain: str, record: DmarcRecord) -> Published:
    """RFC 9990 §3.1.1.5: unspecified tags have their default values."""
    policy = record.policy or Policy.NONE
    subdomains = record.subdomains or policy
    return Published(
        domain,
        policy,
        subdomains,
        record.nonexistent or subdomains,
        record.is_strict_dkim,
        record.is_strict_spf,
        ":".join(record.failure_options),
        record.is_testing,
        "treewalk",
    )


def tls_report(reporting: Reporting, due: Due, sightings: list[tuple[TlsKey, int]]) -> TlsReport:
    """The report of one day on one policy domain."""
    policies: dict[tuple[object, ...], list[tuple[TlsKey, int]]] = {}
    for key, count in sightings:
        place = (key.policy_type, key.policy_lines, key.mx_hosts, key.base_domain)
        policies.setdefault(place, []).append((key, count))
    return TlsReport(
        organisation=reporting.organisation,
        contact=str(reporting.address),
        report_id=report_id(reporting, due),
        begin_s=due.day * DAY_S,
        end_s=(due.day + 1) * DAY_S - 1,
        policies=tuple(_tls_policy(due.policy_domain, group) for group in policies.values()),
    )


def _tls_policy(domain: str, group: list[tuple[TlsKey, int]]) -> TlsPolicyReport:
    first = group[0][0]
    failed = [(key, count) for key, count in group if key.result]
    return TlsPolicyReport(
        first.policy_type,
        first.base_domain or domain,
        sum(count for key, count in group if not key.result),
        sum(count for _, count in failed),
        first.policy_lines,
        first.mx_hosts,
        tuple(
            TlsFailure(key.result, count, "", key.mx_host, key.receiving_ip, key.reason)
            for key, count in failed
        ),
    )


def report_id(reporting: Reporting, due: Due) -> str:
    """RFC 9990 §3.5.1: unique among our reports, the same when one is sent again."""
    return f"{due.kind.value}-{due.day * DAY_S}-{due.policy_domain}@{reporting.domain}"


def aggregate_letter(
    reporting: Reporting, due: Due, report: AggregateReport, to: tuple[Address, ...], now_s: int
) -> bytes:
    """The letter of an aggregate report."""
    attachment = _attachment(
        "application/gzip", _filename(reporting, due, "xml.gz"), gzipped(write_aggregate(report))
    )
    letters = sum(seen.count for seen in report.records)
    text = text_entity(
        f"This is a DMARC aggregate report of {reporting.organisation} on {due.policy_domain}:\n"
        f"{letters} letters from {len({seen.source_ip for seen in report.records})} sources in one day.\n"
    )
    body = multipart("mixed", [text, attachment], _token(due))
    return _letter(reporting, due, to, now_s, b"", body)


def tls_letter(
    reporting: Reporting, due: Due, report: TlsReport, to: tuple[Address, ...], now_s: int
) -> bytes:
    """The letter of a TLS report (RFC 8460 §5.3); it asks to be delivered whatever TLS says (§3, RFC 8689 §3)."""
    attachment = _attachment(
        "application/tlsrpt+gzip", _filename(reporting, due, "json.gz"), gzipped(write_tls(report))
    )
    text = text_entity(f"This is a TLS report of {reporting.organisation} on {due.policy_domain}.\n")
    body = multipart("report", [text, attachment], _token(due), (("report-type", "tlsrpt"),))
    fields = (
        line("TLS-Report-Domain", [due.policy_domain])
        + line("TLS-Report-Submitter", [reporting.domain])
        + b"TLS-Required: No\r\n"
    )
    return _letter(reporting, due, to, now_s, fields, body)


def message_id(reporting: Reporting, due: Due) -> str:
    """The letter's Message-ID (RFC 9990 §3.5.2: it may be the report's id)."""
    return f"<{report_id(reporting, due)}>"


def _letter(
    reporting: Reporting, due: Due, to: tuple[Address, ...], now_s: int, fields: bytes, body: Entity
) -> bytes:
    # RFC 9990 §3.5.2 dmarc-subject, RFC 8460 §5.3 tlsrpt-subject: the same form
    subject = [
        f"Report Domain: {due.policy_domain}",
        f" Submitter: {reporting.domain}",
        f" Report-ID: {message_id(reporting, due)}",
    ]
    lines = (
        line("Date", [format_date(now_s, 0)]),
        address_line("From", (Correspondent(reporting.address, reporting.organisation),)),
        address_line("To", tuple(Correspondent(address) for address in to)),
        line("Subject", subject),
        line("Message-ID", [message_id(reporting, due)]),
        b"Auto-Submitted: auto-generated\r\n",  # RFC 3834 §5
        fields,
    )
    return b"%bMIME-Version: 1.0\r\n%b" % (b"".join(lines), body.octets())


def _attachment(media_type: str, filename: str, content: bytes) -> Entity:
    # Quoted whole, however long: many readers of reports do not know the continuations of RFC 2231
    header = line("Content-Type", [f"{media_type};", f' name="{filename}"']) + line(
        "Content-Disposition", ["attachment;", f' filename="{filename}"']
    )
    return Entity(header + encoding("base64"), base64_lines(content))


def _filename(reporting: Reporting, due: Due, extension: str) -> str:
    """RFC 9990 §3.5.2, RFC 8460 §5.1."""
    begin_s = due.day * DAY_S
    return f"{reporting.domain}!{due.policy_domain}!{begin_s}!{begin_s + DAY_S - 1}.{extension}"


def _token(due: Due) -> str:
    return f"report_{due.day}"
