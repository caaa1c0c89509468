"""The logo that a domain asserts, and what vouches for it.

Not here: who fetches (the driver answers `HttpsQuestion` like a question to DNS), whether the user sees the logo (policy of the
receiver: `authority` tells what it may rest on). Source: draft-brand-indicators-for-message-identification-10 §7. Invariants: at
most `MAX_LOOKUPS` records and two files are asked for; a failure is a result with its reason, never an exception; the record
and the files are two halves, so that a receiver can answer before it has the files.
"""

import enum
from collections.abc import Generator, Sequence
from typing import TypeAlias, TypeVar

import msgspec
from cryptography import x509

from postier.mailauth.bimi.eligible import standing
from postier.mailauth.bimi.evidence import MAX_EVIDENCE_OCTETS, Evidence, verify_evidence
from postier.mailauth.bimi.indicator import MAX_INDICATOR_OCTETS, Indicator, read_indicator
from postier.mailauth.bimi.record import (
    DEFAULT_SELECTOR,
    AssertionRecord,
    BimiError,
    HttpsUrl,
    is_bimi,
    local_part_selector,
    parse_record,
    record_name,
)
from postier.mailauth.dmarc.walk import WalkError
from postier.mailauth.questions import Answer, Question, TxtQuestion

MAX_LOOKUPS = 4  # two places, each with a selector made of the local part

T = TypeVar("T")


class HttpsQuestion(msgspec.Struct, frozen=True, gc=False):
    """The file at an https address; the answer's one record is its octets (`bytes`), at most `limit_octets`.

    Redirects are not followed. For a file that is too large or can't be had, the record may be the reason (`str`).
    """

    url: HttpsUrl
    limit_octets: int


BimiAsking: TypeAlias = Generator[Question | HttpsQuestion, Answer, T]


class Assertion(enum.StrEnum):
    """The result of BIMI (§7.7)."""

    PASS = "pass"  # noqa: S105 -- a result, not a secret
    NONE = "none"
    FAIL = "fail"
    TEMPERROR = "temperror"
    DECLINED = "declined"
    SKIPPED = "skipped"


class Authority(enum.StrEnum):
    """What became of the evidence; none: there is none, or no roots are configured to judge it."""

    PASS = "pass"  # noqa: S105 -- a result, not a secret
    FAIL = "fail"
    NONE = "none"


class BimiResult(msgspec.Struct, frozen=True):
    """The verdict. `domain` and `selector` are those of the record that was used; `trace` tells each step in words."""

    result: Assertion
    domain: str = ""
    selector: str = ""
    record: AssertionRecord | None = None
    indicator: Indicator | None = None
    authority: Authority = Authority.NONE
    evidence: Evidence | None = None
    problem: str = ""
    trace: tuple[str, ...] = ()


class Claim(msgspec.Struct, frozen=True):
    """A logo that is asserted and not looked at yet: whose, by the record of which place and selector."""

    domain: str
    organisation: str
    place: str
    selector: str
    record: AssertionRecord
    location: HttpsUrl
    trace: tuple[str, ...] = ()


class _StopError(Exception):
    def __init__(self, result: Assertion, problem: str, authority: Authority = Authority.NONE) -> None:
        super().__init__(problem)
        self.result = result
        self.authority = authority


def check_domain(
    domain: str,
    *,
    now_s: int,
    selector: str = DEFAULT_SELECTOR,
    local_part: str = "",
    roots: Sequence[x509.Certificate] = (),
) -> BimiAsking[BimiResult]:
    """The assertion for mail from `local_part@domain` that has passed DMARC; names canonical (`mailauth.names`)."""
    claim = yield from claim_of_domain(domain, selector=selector, local_part=local_part)
    if isinstance(claim, BimiResult):
        return claim
    return (yield from examine(claim, now_s=now_s, roots=roots))


def skipped(problem: str) -> BimiResult:
    """The result for a message that must not be looked at (§7.1), and why."""
    return BimiResult(Assertion.SKIPPED, problem=problem, trace=(problem,))


# -- the record (§7.2): DNS alone --------------------------------------------------------------------


def claim_of_domain(
    domain: str, *, selector: str = DEFAULT_SELECTOR, local_part: str = ""
) -> BimiAsking[Claim | BimiResult]:
    """The first half of the check, which asks DNS only: a claim to `examine`, or the result where that is all."""
    trace: list[str] = []
    found: tuple[str, str, AssertionRecord] | None = None
    try:
        organisation = yield from _organisation(domain, trace)
        place, chosen, record = found = yield from _discover(
            domain, organisation, selector, local_part, trace
        )
        if record.is_declined:  # §4.3.1
            raise _StopError(Assertion.DECLINED, f"{place} wants no logo shown")
        if record.location is None:  # §7.3 step 1
            raise _StopError(Assertion.FAIL, "the record names no logo")
    except _StopError as stop:
        return _stopped(stop, found or ("", "", None), trace)
    return Claim(domain, organisation, place, chosen, record, record.location, tuple(trace))


def _stopped(
    stop: _StopError, found: tuple[str, str, AssertionRecord | None], trace: list[str]
) -> BimiResult:
    trace.append(str(stop))
    place, selector, record = found
    return BimiResult(
        stop.result,
        place,
        selector,
        record,
        authority=stop.authority,
        problem=str(stop),
        trace=tuple(trace),
    )


def _organisation(domain: str, trace: list[str]) -> BimiAsking[str]:
    try:
        found = yield from standing(domain)
    except WalkError as error:
        raise _StopError(Assertion.TEMPERROR, str(error)) from None
    if found.problem:
        raise _StopError(Assertion.SKIPPED, found.problem)
    trace.append(f"DMARC of {domain} is strong enough; its organisation is {found.organisation}")
    return found.organisation


def _discover(
    domain: str, organisation: str, selector: str, local_part: str, trace: list[str]
) -> BimiAsking[tuple[str, str, AssertionRecord]]:
    for place in dict.fromkeys((domain, organisation)):
        record = yield from _record_at(selector, place, trace)
        if record is None:
            continue
        if record.uses_local_part:
            made = local_part_selector(local_part)
            if made is not None and made != selector:
                own = yield from _record_at(made, place, trace)
                if own is not None:
                    return place, made, own
        return place, selector, record
    raise _StopError(Assertion.NONE, f"{domain} has no BIMI record")


def _record_at(selector: str, place: str, trace: list[str]) -> BimiAsking[AssertionRecord | None]:
    name = record_name(selector, place)
    if name is None:
        return None
    answer = yield TxtQuestion(name)
    if answer.is_error:
        raise _StopError(Assertion.TEMPERROR, f"{name} cannot be looked up ({answer.status.value})")
    texts = [text for text in answer.records if is_bimi(text)]
    if not texts:
        trace.append(f"{name} has no BIMI record")
        return None
    trace.append(f"{name}: {texts[0].decode('ascii', 'replace')[:300]!r}")
    if len(texts) > 1:  # §7.2 step 9
        raise _StopError(Assertion.NONE, f"{name} has {len(texts)} BIMI records")
    try:
        return parse_record(texts[0])
    except BimiError as error:
        raise _StopError(Assertion.FAIL, f"{name}: {error}") from None


# -- the files (§7.4 to §7.6): HTTPS alone ------------------------------------------------------------


def examine(claim: Claim, *, now_s: int, roots: Sequence[x509.Certificate] = ()) -> BimiAsking[BimiResult]:
    """The second half: the files that a claim names, fetched and judged."""
    trace = [*claim.trace]
    try:
        indicator = yield from _indicator(claim.location, trace)
        authority, evidence = yield from _evidence(claim, indicator, now_s, roots, trace)
    except _StopError as stop:
        return _stopped(stop, (claim.place, claim.selector, claim.record), trace)
    trace.append("the logo may be shown")
    return BimiResult(
        Assertion.PASS,
        claim.place,
        claim.selector,
        claim.record,
        indicator,
        authority,
        evidence,
        trace=tuple(trace),
    )


def _fetched(what: str, url: HttpsUrl, limit: int, authority: Authority) -> BimiAsking[bytes]:
    answer = yield HttpsQuestion(url, limit)
    found = answer.records[0] if answer.records else answer.status.value
    if not isinstance(found, bytes):
        raise _StopError(Assertion.FAIL, f"{what} {url.text} cannot be fetched: {found}", authority)
    return found


def _indicator(url: HttpsUrl, trace: list[str]) -> BimiAsking[Indicator]:
    octets = yield from _fetched("the logo", url, MAX_INDICATOR_OCTETS, Authority.NONE)
    try:
        indicator = read_indicator(octets)
    except BimiError as error:
        raise _StopError(Assertion.FAIL, f"the logo {url.text} is not SVG Tiny PS: {error}") from None
    trace.append(f"the logo is SVG Tiny PS, {len(indicator.document)} octets: {indicator.title!r}")
    trace += [f"advice: {advice}" for advice in indicator.advice]
    return indicator


def _evidence(
    claim: Claim, indicator: Indicator, now_s: int, roots: Sequence[x509.Certificate], trace: list[str]
) -> BimiAsking[tuple[Authority, Evidence | None]]:
    if claim.record.evidence is None:
        trace.append("no evidence is given that the logo is the domain's own")
        return Authority.NONE, None
    if not roots:
        trace.append("the evidence is not looked at: no roots are configured")
        return Authority.NONE, None
    octets = yield from _fetched("the evidence", claim.record.evidence, MAX_EVIDENCE_OCTETS, Authority.FAIL)
    try:
        evidence = verify_evidence(
            octets,
            roots,
            domains=(claim.domain, claim.organisation),
            selector=claim.selector,
            now_s=now_s,
            fetched=indicator,
        )
    except BimiError as error:
        raise _StopError(Assertion.FAIL, str(error), Authority.FAIL) from None
    trace.append(f"{evidence.issuer} vouches for the logo of {evidence.organisation}")
    if not evidence.log_timestamps:
        trace.append("advice: no certificate log has signed for the certificate")
    return Authority.PASS, evidence
