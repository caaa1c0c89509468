"""DMARC aggregate reports written as XML.

Not here: compression, the letter around it. Source: RFC 9990 §3.1.1 and appendix A. Invariants: what is written is valid
by the schema of appendix A (the tests validate it) and reads back as the same value; characters that XML 1.0 forbids are
replaced.
"""

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape

from postier.mailauth.outcome import Outcome
from postier.mailauth.reports.aggregate import NAMESPACE, AggregateReport, Published, Seen

# XML 1.0 §2.2 Char
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DKIM_RESULTS = frozenset(Outcome) - {Outcome.SOFTFAIL}


def write_aggregate(report: AggregateReport) -> bytes:
    """The report as an XML document in UTF-8; it needs at least one record."""
    assert report.records
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<feedback xmlns="{NAMESPACE}">',
        "<version>1.0</version>",
        *_metadata(report),
        *_published(report.published),
    ]
    for record in report.records:
        lines += _record(record)
    lines.append("</feedback>\n")
    return "\n".join(lines).encode()


def _metadata(report: AggregateReport) -> Iterable[str]:
    yield "<report_metadata>"
    yield _element("org_name", report.organisation)
    yield _element("email", report.email)
    yield from _optional("extra_contact_info", report.contact)
    yield _element("report_id", report.report_id)
    yield f"<date_range><begin>{report.begin_s}</begin><end>{report.end_s}</end></date_range>"
    yield from _optional("error", report.error)
    yield from _optional("generator", report.generator)
    yield "</report_metadata>"


def _published(published: Published) -> Iterable[str]:
    yield "<policy_published>"
    yield _element("domain", published.domain)
    yield _element("p", published.policy)
    yield from _optional("sp", published.subdomains or "")
    yield from _optional("np", published.nonexistent or "")
    yield from _choice("adkim", published.is_strict_dkim, "s", "r")
    yield from _choice("aspf", published.is_strict_spf, "s", "r")
    yield from _optional("discovery_method", published.discovery)
    yield from _optional("fo", published.failure_options)
    yield from _choice("testing", published.is_testing, "y", "n")
    yield "</policy_published>"


def _record(seen: Seen) -> Iterable[str]:
    yield "<record><row>"
    yield _element("source_ip", seen.source_ip)
    yield f"<count>{seen.count}</count>"
    yield "<policy_evaluated>"
    yield _element("disposition", seen.handling)
    yield _element("dkim", _passed(is_passed=seen.is_dkim_aligned))
    yield _element("spf", _passed(is_passed=seen.is_spf_aligned))
    for override in seen.overrides:
        comment = _element("comment", override.comment) if override.comment else ""
        yield f"<reason>{_element('type', override.kind)}{comment}</reason>"
    yield "</policy_evaluated></row><identifiers>"
    yield _element("header_from", seen.header_from)
    if seen.envelope_from is not None:
        yield _element("envelope_from", seen.envelope_from)
    yield from _optional("envelope_to", seen.envelope_to)
    yield "</identifiers><auth_results>"
    for signature in seen.dkim:
        result = signature.result if signature.result in _DKIM_RESULTS else Outcome.FAIL
        yield (
            f"<dkim>{_element('domain', signature.domain)}{_element('selector', signature.selector)}"
            f"{_element('result', result)}</dkim>"
        )
    if seen.spf is not None:
        yield (
            f"<spf>{_element('domain', seen.spf.domain)}<scope>mfrom</scope>"
            f"{_element('result', seen.spf.result)}</spf>"
        )
    yield "</auth_results></record>"


def _passed(*, is_passed: bool) -> str:
    return "pass" if is_passed else "fail"


def _choice(name: str, value: bool | None, yes: str, no: str) -> Iterable[str]:  # noqa: FBT001 # yes, no or not told
    if value is not None:
        yield _element(name, yes if value else no)


def _optional(name: str, text: str) -> Iterable[str]:
    if text:
        yield _element(name, text)


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(_NO_CHARACTER.sub(chr(0xFFFD), text))}</{name}>"
