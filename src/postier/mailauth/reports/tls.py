"""TLS reports: how deliveries to a domain fared with TLS, as JSON.

Not here: where they are wanted (`mailauth.tlsrpt`), compression (`packed`). Source: RFC 8460 §4. What deployed reporters write
is taken: a single string for a list, counts as text, unknown fields, missing details. Invariants: at most MAX_JSON_OCTETS are
looked at and every list is bounded; `read_tls(write_tls(report)) == report` for reports of ours.
"""

import datetime as dt
from enum import StrEnum
from typing import Annotated

import msgspec

from postier.mailauth.names import canonical
from postier.mailauth.reports.fault import ReportError, check_period, kept

MAX_JSON_OCTETS = 4 << 20
MAX_POLICIES = 100
MAX_FAILURES = 1_000  # in one policy
MAX_POLICY_LINES = 100
MAX_COUNT = 10**12


class PolicyType(StrEnum):
    """What the sender had to go by (RFC 8460 §4.4)."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


class TlsFailure(msgspec.Struct, frozen=True):
    """Failures of one kind; `kind` is a result type of RFC 8460 §4.3 or one that came later."""

    kind: str
    count: int
    sending_ip: str = ""
    mx_host: str = ""
    receiving_ip: str = ""
    reason: str = ""


class TlsPolicyReport(msgspec.Struct, frozen=True):
    """What was seen under one policy."""

    policy_type: PolicyType
    domain: str
    succeeded: int
    failed: int
    policy_lines: tuple[str, ...] = ()
    mx_hosts: tuple[str, ...] = ()
    failures: tuple[TlsFailure, ...] = ()


class TlsReport(msgspec.Struct, frozen=True):
    """A whole report. Times are seconds since 1970, UTC."""

    organisation: str
    contact: str
    report_id: str
    begin_s: int
    end_s: int
    policies: tuple[TlsPolicyReport, ...]


# -- the document as it is on the wire: lenient on the way in --------------------------------------------

_Text = str | int | float | None
_Lines = str | list[str] | None
_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]


class _Failure(msgspec.Struct, frozen=True, rename="kebab", omit_defaults=True):
    result_type: str
    sending_mta_ip: str | None = None
    receiving_mx_hostname: str | None = None
    receiving_ip: str | None = None
    failed_session_count: _Count = 0
    failure_reason_code: _Text = None


class _Policy(msgspec.Struct, frozen=True, rename="kebab", omit_defaults=True):
    policy_type: str
    policy_domain: str
    policy_string: _Lines = None
    mx_host: _Lines = None


class _Summary(msgspec.Struct, frozen=True, rename="kebab", omit_defaults=True):
    # RFC 8460 §4.2: both counts stand in every report, so their zero is written
    total_successful_session_count: _Count
    total_failure_session_count: _Count


class _PolicyEntry(msgspec.Struct, frozen=True, rename="kebab", omit_defaults=True):
    policy: _Policy
    summary: _Summary
    failure_details: list[_Failure] | None = None


class _DateRange(msgspec.Struct, frozen=True, rename="kebab", omit_defaults=True):
    start_datetime: str
    end_datetime: str


class _Document(msgspec.Struct, frozen=True, rename="kebab", omit_defaults=True):
    date_range: _DateRange
    report_id: _Text
    policies: list[_PolicyEntry]
    organization_name: str | None = None
    contact_info: str | None = None


_decoder = msgspec.json.Decoder(_Document, strict=False)


def read_tls(data: bytes) -> TlsReport:
    """The report in a JSON document. Raises ReportError."""
    if len(data) > MAX_JSON_OCTETS:
        raise ReportError(f"the report is over {MAX_JSON_OCTETS} octets")
    try:
        document = _decoder.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ReportError("the document is no TLS report") from None
    if len(document.policies) > MAX_POLICIES:
        raise ReportError(f"the report has over {MAX_POLICIES} policies")
    report_id = kept(str(document.report_id or ""), 255)
    if not report_id:
        raise ReportError("the report has no id")
    begin_s, end_s = _time(document.date_range.start_datetime), _time(document.date_range.end_datetime)
    check_period(begin_s, end_s)
    return TlsReport(
        kept(document.organization_name or "", 255),
        kept(document.contact_info or "", 320),
        report_id,
        begin_s,
        end_s,
        tuple(_policy(entry) for entry in document.policies),
    )


def write_tls(report: TlsReport) -> bytes:
    """The report as a JSON document."""
    return msgspec.json.encode(
        _Document(
            date_range=_DateRange(_date_time(report.begin_s), _date_time(report.end_s)),
            report_id=report.report_id,
            policies=[_entry(policy) for policy in report.policies],
            organization_name=report.organisation,
            contact_info=report.contact,
        )
    )


def _policy(entry: _PolicyEntry) -> TlsPolicyReport:
    policy, summary = entry.policy, entry.summary
    domain = canonical(policy.policy_domain.strip())
    if domain is None:
        raise ReportError("the report is about no domain")
    failures = entry.failure_details or []
    if len(failures) > MAX_FAILURES:
        raise ReportError(f"a policy has over {MAX_FAILURES} failures")
    try:
        policy_type = PolicyType(policy.policy_type.lower())
    except ValueError:
        policy_type = PolicyType.NONE
    return TlsPolicyReport(
        policy_type,
        domain,
        summary.total_successful_session_count,
        summary.total_failure_session_count,
        _lines(policy.policy_string),
        _lines(policy.mx_host),
        tuple(_failure(each) for each in failures),
    )


def _failure(wire: _Failure) -> TlsFailure:
    return TlsFailure(
        kept(wire.result_type, 100).lower(),
        wire.failed_session_count,
        kept(wire.sending_mta_ip or "", 45),
        kept(wire.receiving_mx_hostname or "", 253),
        kept(wire.receiving_ip or "", 45),
        kept(str(wire.failure_reason_code or "")),
    )


def _lines(value: _Lines) -> tuple[str, ...]:
    lines = [value] if isinstance(value, str) else value or []
    return tuple(line for each in lines[:MAX_POLICY_LINES] if (line := kept(each)))


def _entry(policy: TlsPolicyReport) -> _PolicyEntry:
    return _PolicyEntry(
        policy=_Policy(
            policy_type=policy.policy_type,
            policy_domain=policy.domain,
            policy_string=list(policy.policy_lines) or None,
            mx_host=list(policy.mx_hosts) or None,
        ),
        summary=_Summary(
            total_successful_session_count=policy.succeeded, total_failure_session_count=policy.failed
        ),
        failure_details=[
            _Failure(
                result_type=each.kind,
                sending_mta_ip=each.sending_ip or None,
                receiving_mx_hostname=each.mx_host or None,
                receiving_ip=each.receiving_ip or None,
                failed_session_count=each.count,
                failure_reason_code=each.reason or None,
            )
            for each in policy.failures
        ]
        or None,
    )


def _time(text: str) -> int:
    """RFC 3339 §5.6; without an offset it is UTC. Raises ReportError."""
    try:
        moment = dt.datetime.fromisoformat(text.strip().upper())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        seconds = int(moment.timestamp())
    except (ValueError, OverflowError):
        raise ReportError("a date of the report is none") from None
    return seconds


def _date_time(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
