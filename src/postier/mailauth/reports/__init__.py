"""The reports that mail systems send each other about authentication: read and written, octets in, values out.

`letter.report_in(content)` finds the report in a letter, `letter.report_of(data)` reads a file; the formats are
`aggregate` (DMARC, RFC 9990), `tls` (RFC 8460) and `failure` (RFC 9991). Not here: storing, sending (`mta.reports`).
Invariant: any octets give a report or `ReportError`, in time linear in their size and within the named limits.
"""

from postier.mailauth.reports.aggregate import AggregateReport
from postier.mailauth.reports.failure import FailureReport
from postier.mailauth.reports.fault import ReportError
from postier.mailauth.reports.letter import Report, report_in, report_of
from postier.mailauth.reports.tls import TlsReport

__all__ = [
    "AggregateReport",
    "FailureReport",
    "Report",
    "ReportError",
    "TlsReport",
    "report_in",
    "report_of",
]
