"""What reports say, summed for people.

Not here: printing (`cli.report`), names of sources. Invariants: a report counts for the day its period begins; a letter passes
when DKIM or SPF is aligned (RFC 9990 §3.1.1.9); sums are made by the database.
"""

from typing import Any

import msgspec

from postier.mailauth.reports import FailureReport
from postier.mta.reports.received_rows import ReportKind
from postier.store.transaction import ReadTx

FOREVER_US = 1 << 62
MAX_LISTED = 10_000  # rows of one listing; dates narrow it

_Rows = list[dict[str, Any]]


class Choice(msgspec.Struct, frozen=True):
    """Which reports: of one domain with all below it (None: all), whose period begins in [since, until)."""

    domain: str | None = None
    since_us: int = 0
    until_us: int = FOREVER_US


_SOURCE_KEYS = (
    "source_ip", "letters", "passed", "dkim_passed", "spf_passed", "quarantined", "rejected", "overridden",
    "reports", "first_us", "last_us", "header_from", "spf_domain", "dkim_domains",
)  # fmt: skip


def dmarc_sources(tx: ReadTx, choice: Choice) -> _Rows:
    """The letters of each source, most first. `header_from` and `spf_domain` are one of those seen."""
    where, params = _where(choice)
    rows = tx.rows(
        "SELECT s.source_ip, sum(s.letters), sum(CASE WHEN s.is_dkim_aligned + s.is_spf_aligned > 0 THEN s.letters"
        " ELSE 0 END), sum(s.is_dkim_aligned * s.letters), sum(s.is_spf_aligned * s.letters),"
        " sum(CASE WHEN s.handling = 'quarantine' THEN s.letters ELSE 0 END),"
        " sum(CASE WHEN s.handling = 'reject' THEN s.letters ELSE 0 END),"
        " sum(CASE WHEN s.overrides <> '[]' THEN s.letters ELSE 0 END), count(DISTINCT r.domain || '/' || CAST(r.report_number AS TEXT)),"
        " min(r.begin_at), max(r.begin_at), min(s.header_from),"
        " max(CASE WHEN s.spf_result = 'pass' THEN s.spf_domain ELSE '' END),"
        " max(CASE WHEN s.dkim LIKE '%\"pass\"%' THEN s.dkim ELSE '[]' END)"
        " FROM dmarc_seen s JOIN report r ON r.domain = s.domain AND r.report_number = s.report_number"
        f" WHERE r.kind = 'dmarc' AND {where} GROUP BY s.source_ip ORDER BY 2 DESC, 1 LIMIT ?",
        *params,
        MAX_LISTED,
    )
    return [_source(dict(zip(_SOURCE_KEYS, row, strict=True))) for row in rows]


def _source(row: dict[str, Any]) -> dict[str, Any]:
    signatures = msgspec.json.decode(row["dkim_domains"])
    row["dkim_domains"] = sorted(
        {each["domain"] for each in signatures if each["result"] == "pass" and each["domain"]}
    )
    return {name: _number(value) for name, value in row.items()}


def _number(value: object) -> object:
    """PostgreSQL sums 64-bit integers to its decimal type."""
    return value if isinstance(value, str | list) else int(str(value))


def tls_results(tx: ReadTx, choice: Choice) -> _Rows:
    """Sessions of each domain, policy, result and host; "" is the result of those that went well."""
    where, params = _where(choice)
    keys = ("domain", "policy", "result", "mx_host", "sessions", "reports", "first_us", "last_us", "reason")
    rows = tx.rows(
        "SELECT r.domain, s.policy_type, s.result, s.mx_host, sum(s.sessions), count(DISTINCT r.domain || '/' || CAST(r.report_number AS TEXT)),"
        " min(r.begin_at), max(r.begin_at), max(s.reason)"
        " FROM tls_seen s JOIN report r ON r.domain = s.domain AND r.report_number = s.report_number"
        f" WHERE r.kind = 'tls' AND s.sessions > 0 AND {where}"
        " GROUP BY r.domain, s.policy_type, s.result, s.mx_host ORDER BY r.domain, 5 DESC, 2, 3, 4 LIMIT ?",
        *params,
        MAX_LISTED,
    )
    return [{name: _number(value) for name, value in zip(keys, row, strict=True)} for row in rows]


def reports_of(tx: ReadTx, kind: ReportKind, choice: Choice) -> _Rows:
    """The reports themselves, the newest first, with how many letters or sessions each tells of."""
    where, params = _where(choice)
    keys = ("domain", "submitter", "is_verified", "organisation", "contact", "report_id", "begin_us", "end_us", "received_us", "count")  # fmt: skip
    table, column = ("dmarc_seen", "letters") if kind is ReportKind.DMARC else ("tls_seen", "sessions")
    rows = tx.rows(
        "SELECT r.domain, r.submitter, r.is_verified, r.organisation, r.contact, r.report_id, r.begin_at, r.end_at,"
        f" r.received_at, (SELECT coalesce(sum(s.{column}), 0) FROM {table} s WHERE s.domain = r.domain"
        f" AND s.report_number = r.report_number) FROM report r WHERE r.kind = ? AND {where}"
        " ORDER BY r.begin_at DESC, r.domain, r.report_number LIMIT ?",
        kind.value,
        *params,
        MAX_LISTED,
    )
    found = [{name: _number(value) for name, value in zip(keys, row, strict=True)} for row in rows]
    for row in found:
        row["is_verified"] = bool(row["is_verified"])
    return found


def failures_of(tx: ReadTx, choice: Choice) -> _Rows:
    """The failure reports, the newest first."""
    where, params = _where(choice)
    rows = tx.rows(
        f"SELECT r.submitter, r.received_at, r.detail FROM report r WHERE r.kind = 'failure' AND {where}"
        " ORDER BY r.received_at DESC, r.domain, r.report_number LIMIT ?",
        *params,
        MAX_LISTED,
    )
    return [
        {
            "submitter": submitter,
            "received_us": received_at,
            **msgspec.structs.asdict(msgspec.json.decode(detail, type=FailureReport)),
        }
        for submitter, received_at, detail in rows
    ]


def _where(choice: Choice) -> tuple[str, list[object]]:
    condition = "r.begin_at >= ? AND r.begin_at < ?"
    params: list[object] = [choice.since_us, choice.until_us]
    if choice.domain is not None:
        condition += " AND (r.domain = ? OR r.domain LIKE ? ESCAPE '!')"
        below = choice.domain.replace("!", "!!").replace("_", "!_").replace("%", "!%")
        params += [choice.domain, f"%.{below}"]
    return condition, params
