"""Reports that came in, as rows.

Not here: reading letters (`reading`), sums (`summaries`). Sources: RFC 9990 §3.5.4 (duplicates), §8.2 (false reports in
volume). Invariants: a report about a domain that is neither ours nor below one of ours is not kept, but one about TLS with our host; of one submitter a
report id is kept once, and at most MAX_REPORTS_A_DAY arrive in a day; what is older than KEPT_US goes.
"""

from enum import StrEnum
from typing import assert_never

import msgspec

from postier.accounts.domain_rows import has_domain
from postier.mailauth.names import parent_of
from postier.mailauth.reports import AggregateReport, FailureReport, Report, TlsReport
from postier.mailauth.reports.aggregate import Published
from postier.mailauth.reports.tls import TlsPolicyReport
from postier.store.transaction import ReadTx, WriteTx

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
KEPT_US = 400 * DAY_US  # a year can be compared with the one before
MAX_REPORTS_A_DAY = 1_000  # of one submitter; the largest reporters send one a domain and day
FORGET_AT_ONCE = 200

_encode = msgspec.json.Encoder().encode


class ReportKind(StrEnum):
    """What a report is about."""

    DMARC = "dmarc"
    TLS = "tls"
    FAILURE = "failure"


class Source(msgspec.Struct, frozen=True):
    """Where a report came from; `is_verified`: the letter proved the submitter, else a file only says so. `hostname` is our host's
    name, about which TLS under DANE is reported.
    """

    submitter: str
    received_at: int
    is_verified: bool
    letter_name: str = ""  # names a failure report, which has no id of its own
    hostname: str = ""


class Kept(StrEnum):
    """What became of a report."""

    STORED = "stored"
    DUPLICATE = "known already"
    NOT_OURS = "about no domain of ours"
    TOO_MANY = "too many of this submitter today"


class _Head(msgspec.Struct, frozen=True):
    """The columns of table `report` that differ by kind."""

    domain: str
    kind: ReportKind
    report_id: str
    organisation: str
    contact: str
    begin_at: int
    end_at: int
    policy: bytes = b""
    detail: bytes = b""


def store_report(tx: WriteTx, report: Report, source: Source) -> Kept:
    """Keep a report; of a TLS report on several domains what became of the first that was stored, else of the last."""
    match report:
        case AggregateReport():
            return _store_aggregate(tx, report, source)
        case TlsReport():
            return _store_tls(tx, report, source)
        case FailureReport():
            return _store_failure(tx, report, source)
        case _:
            assert_never(report)


def forget_reports(tx: WriteTx, before_us: int) -> bool:
    """Remove some of the reports that came before; True while there may be more."""
    rows = tx.rows(
        "SELECT domain, report_number FROM report WHERE received_at < ? LIMIT ?", before_us, FORGET_AT_ONCE
    )
    for table in ("dmarc_seen", "tls_seen", "report"):
        tx.run_many(f"DELETE FROM {table} WHERE domain = ? AND report_number = ?", rows)
    return len(rows) == FORGET_AT_ONCE


def _store_aggregate(tx: WriteTx, report: AggregateReport, source: Source) -> Kept:
    domain = report.published.domain
    head = _Head(
        domain,
        ReportKind.DMARC,
        report.report_id,
        report.organisation,
        report.email,
        report.begin_s * SECOND_US,
        report.end_s * SECOND_US,
        _encode(_policy_facts(report.published)),
        _encode({"error": report.error, "left_out": report.left_out}),
    )
    number = _insert(tx, head, source)
    if isinstance(number, Kept):
        return number
    tx.run_many(
        "INSERT INTO dmarc_seen (domain, report_number, row_number, source_ip, letters, handling, is_dkim_aligned,"
        " is_spf_aligned, header_from, envelope_from, overrides, dkim, spf_domain, spf_result)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                domain,
                number,
                row,
                seen.source_ip,
                seen.count,
                seen.handling.value,
                int(seen.is_dkim_aligned),
                int(seen.is_spf_aligned),
                seen.header_from,
                seen.envelope_from,
                _encode(seen.overrides).decode(),
                _encode(seen.dkim).decode(),
                "" if seen.spf is None else seen.spf.domain,
                "" if seen.spf is None else seen.spf.result.value,
            )
            for row, seen in enumerate(report.records)
        ],
    )
    return Kept.STORED


def _policy_facts(published: Published) -> dict[str, object]:
    facts = msgspec.structs.asdict(published)
    return {name: value for name, value in facts.items() if value not in {None, ""} and name != "domain"}


def _store_tls(tx: WriteTx, report: TlsReport, source: Source) -> Kept:
    kept = [
        _store_tls_domain(tx, report, domain, source)
        for domain in dict.fromkeys(policy.domain for policy in report.policies)
    ]
    return Kept.STORED if Kept.STORED in kept else kept[-1] if kept else Kept.NOT_OURS


def _store_tls_domain(tx: WriteTx, report: TlsReport, domain: str, source: Source) -> Kept:
    policies = [policy for policy in report.policies if policy.domain == domain]
    head = _Head(
        domain,
        ReportKind.TLS,
        report.report_id,
        report.organisation,
        report.contact,
        report.begin_s * SECOND_US,
        report.end_s * SECOND_US,
        _encode([{"type": each.policy_type, "lines": each.policy_lines} for each in policies]),
    )
    number = _insert(tx, head, source)
    if isinstance(number, Kept):
        return number
    rows = [row for policy in policies for row in _tls_rows(policy)]
    tx.run_many(
        "INSERT INTO tls_seen (domain, report_number, row_number, policy_type, result, sessions, mx_host, sending_ip,"
        " receiving_ip, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(domain, number, at, *row) for at, row in enumerate(rows)],
    )
    return Kept.STORED


def _tls_rows(policy: TlsPolicyReport) -> list[tuple[object, ...]]:
    """Successes ("" as the result), each kind of failure, and the failures that no detail explains."""
    kind = policy.policy_type.value
    host = ", ".join(policy.mx_hosts)[:253]
    rows: list[tuple[object, ...]] = [(kind, "", policy.succeeded, host, "", "", "")]
    rows += [
        (kind, each.kind, each.count, each.mx_host or host, each.sending_ip, each.receiving_ip, each.reason)
        for each in policy.failures
    ]
    # RFC 8460 §4: one session may fail in several ways, so the details can be more than the sum, too
    unexplained = policy.failed - sum(each.count for each in policy.failures)
    if unexplained > 0:
        rows.append((kind, "unexplained", unexplained, host, "", "", ""))
    return rows


def _store_failure(tx: WriteTx, report: FailureReport, source: Source) -> Kept:
    head = _Head(
        report.domain,
        ReportKind.FAILURE,
        source.letter_name,
        report.reporter or source.submitter,
        "",
        source.received_at,
        source.received_at,
        detail=_encode(report),
    )
    number = _insert(tx, head, source)
    return number if isinstance(number, Kept) else Kept.STORED


def _insert(tx: WriteTx, head: _Head, source: Source) -> int | Kept:
    """The number of the new report, or why there is none."""
    # RFC 8460 §1.1: the domain of a DANE policy is the TLSA base domain
    is_of_host = head.kind is ReportKind.TLS and head.domain == source.hostname
    if not is_of_host and not _is_ours(tx, head.domain):
        return Kept.NOT_OURS
    today = tx.value(
        "SELECT count(*) FROM report WHERE received_at > ? AND submitter = ?",
        tx.now_us - DAY_US,
        source.submitter,
    )
    if source.is_verified and today >= MAX_REPORTS_A_DAY:
        return Kept.TOO_MANY
    row = tx.row(
        "INSERT INTO report (domain, report_number, kind, submitter, report_id, is_verified, organisation, contact,"
        " begin_at, end_at, received_at, policy, detail) VALUES (?,"
        " (SELECT coalesce(max(report_number), 0) + 1 FROM report WHERE domain = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (domain, kind, submitter, report_id) DO NOTHING RETURNING report_number",
        head.domain,
        head.domain,
        head.kind.value,
        source.submitter,
        head.report_id,
        int(source.is_verified),
        head.organisation,
        head.contact,
        head.begin_at,
        head.end_at,
        source.received_at,
        head.policy.decode(),
        head.detail.decode(),
    )
    return Kept.DUPLICATE if row is None else int(row[0])


def _is_ours(tx: ReadTx, domain: str) -> bool:
    """Whether the domain is ours or below one of ours (RFC 9990 §3.1.2: a subdomain may have its own policy)."""
    while domain:
        if has_domain(tx, domain):
            return True
        domain = parent_of(domain)
    return False
