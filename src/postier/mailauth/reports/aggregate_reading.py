"""DMARC aggregate reports read from XML.

Not here: compression (`packed`), hostile XML (`elements`). Source: RFC 9990 §3.1.1, RFC 7489 appendix C. What reporters get
wrong without harm is taken: other order, missing optional parts, no namespace, values of the older schema. What has no
source, count or author is left out and counted. Invariant: without report id, period and policy domain there is no report.
"""

import ipaddress

from postier.mailauth.dmarc.record import Policy
from postier.mailauth.names import canonical
from postier.mailauth.outcome import Outcome
from postier.mailauth.reports.aggregate import (
    AggregateReport,
    Handling,
    Override,
    OverrideKind,
    Published,
    Seen,
    SignatureSeen,
    SpfSeen,
)
from postier.mailauth.reports.elements import Element, read_children
from postier.mailauth.reports.fault import ReportError, check_period, count_of, kept

MAX_RECORDS = 50_000
MAX_SIGNATURES = 100  # of one record, RFC 9990 §3.1.3
MAX_OVERRIDES = 10

# RFC 7489 appendix C: PolicyOverrideType had these, too
_OLDER_OVERRIDES = {
    "forwarded": OverrideKind.TRUSTED_FORWARDER,
    "sampled_out": OverrideKind.POLICY_TEST_MODE,
}


class _Collected:
    """What was read so far."""

    __slots__ = ("left_out", "metadata", "published", "records")

    def __init__(self) -> None:
        self.metadata: Element | None = None
        self.published: Element | None = None
        self.records: list[Seen] = []
        self.left_out = 0

    def take(self, element: Element) -> None:
        if element.name == "record":
            if len(self.records) + self.left_out >= MAX_RECORDS:
                raise ReportError(f"the report has over {MAX_RECORDS} records")
            seen = _seen(element)
            if seen is None:
                self.left_out += 1
            else:
                self.records.append(seen)
        elif element.name == "report_metadata":
            self.metadata = self.metadata or element
        elif element.name == "policy_published":
            self.published = self.published or element


def read_aggregate(data: bytes) -> AggregateReport:
    """The report in an XML document. Raises ReportError."""
    collected = _Collected()
    read_children(data, "feedback", collected.take)
    metadata, published = collected.metadata, collected.published
    if metadata is None or published is None:
        raise ReportError("the report lacks its metadata or the policy")
    begin_s, end_s = _period(metadata)
    report_id = kept(metadata.value("report_id"), 255)
    if not report_id:
        raise ReportError("the report has no id")
    return AggregateReport(
        organisation=kept(metadata.value("org_name"), 255),
        email=kept(metadata.value("email"), 320),
        report_id=report_id,
        begin_s=begin_s,
        end_s=end_s,
        published=_published(published),
        records=tuple(collected.records),
        contact=kept(metadata.value("extra_contact_info")),
        error=kept(metadata.value("error")),
        generator=kept(metadata.value("generator")),
        left_out=collected.left_out,
    )


def _period(metadata: Element) -> tuple[int, int]:
    dates = metadata.first("date_range")
    if dates is None:
        raise ReportError("the report has no period")
    begin_s, end_s = count_of(dates.value("begin")), count_of(dates.value("end"))
    check_period(begin_s, end_s)
    return begin_s, end_s


def _published(element: Element) -> Published:
    domain = canonical(element.value("domain"))
    if domain is None:
        raise ReportError("the report is about no domain")
    discovery = element.value("discovery_method")
    return Published(
        domain,
        _policy(element.value("p")) or Policy.NONE,
        _policy(element.value("sp")),
        _policy(element.value("np")),
        _is(element.value("adkim"), "s", "r"),
        _is(element.value("aspf"), "s", "r"),
        kept(element.value("fo"), 20),
        _is(element.value("testing"), "y", "n"),
        discovery if discovery in {"psl", "treewalk"} else "",
    )


def _seen(record: Element) -> Seen | None:
    row, identifiers = record.first("row"), record.first("identifiers")
    # RFC 7489 appendix C called it so in its prose; some early reporters did as well
    identifiers = identifiers or record.first("identities")
    if row is None or identifiers is None:
        return None
    source = _address(row.value("source_ip"))
    author = canonical(identifiers.value("header_from"))
    try:
        count = count_of(row.value("count"))
    except ReportError:
        return None
    if source is None or author is None or not count:
        return None
    evaluated = row.first("policy_evaluated") or Element("policy_evaluated")
    results = record.first("auth_results") or Element("auth_results")
    envelope_from = identifiers.first("envelope_from")
    return Seen(
        source,
        count,
        _handling(evaluated.value("disposition")),
        evaluated.value("dkim").lower() == "pass",
        evaluated.value("spf").lower() == "pass",
        author,
        None if envelope_from is None else canonical(envelope_from.text.strip()) or "",
        canonical(identifiers.value("envelope_to")) or "",
        tuple(_override(each) for each in evaluated.all("reason")[:MAX_OVERRIDES]),
        tuple(_signature(each) for each in results.all("dkim")[:MAX_SIGNATURES]),
        _spf(results.all("spf")),
    )


def _address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        mapped = address.ipv4_mapped
        return str(mapped if mapped is not None else address)
    return str(address)


def _handling(text: str) -> Handling:
    try:
        return Handling(text.lower())
    except ValueError:
        return Handling.NONE


def _policy(text: str) -> Policy | None:
    try:
        return Policy(text.lower())
    except ValueError:
        return None


def _is(text: str, yes: str, no: str) -> bool | None:
    return {yes: True, no: False}.get(text.lower())


def _outcome(text: str) -> Outcome:
    text = text.lower()
    # RFC 7208 §2.6 has none of these words; its forerunners had, and they are seen
    text = {"hardfail": "fail", "error": "temperror", "unknown": "permerror"}.get(text, text)
    try:
        return Outcome(text)
    except ValueError:
        return Outcome.NONE


def _override(reason: Element) -> Override:
    text = reason.value("type").lower()
    try:
        kind = _OLDER_OVERRIDES.get(text) or OverrideKind(text)
    except ValueError:
        kind = OverrideKind.OTHER
    return Override(kind, kept(reason.value("comment"), 200))


def _signature(element: Element) -> SignatureSeen:
    return SignatureSeen(
        canonical(element.value("domain")) or "",
        kept(element.value("selector"), 253),
        _outcome(element.value("result")),
    )


def _spf(elements: list[Element]) -> SpfSeen | None:
    """RFC 9990 §3.1.1.13: MAIL FROM only; the older schema allowed HELO results beside it."""
    chosen = next((each for each in elements if each.value("scope") != "helo"), None)
    if chosen is None:
        return None
    return SpfSeen(canonical(chosen.value("domain")) or "", _outcome(chosen.value("result")))
