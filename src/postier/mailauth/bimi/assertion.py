"""The logo that a domain asserts, and what vouches for it.

Not here: who fetches (the driver answers `HttpsQuestion` like a question to DNS), whether the user sees the logo (policy of the
receiver: `authority` tells what it may rest on). Source: draft-brand-indicators-for-message-identification-10 §7. Invariants: at
most `MAX_LOOKUPS` records and two files are asked for; a failure is a result with its reason, never an exception.
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
    return _Check(domain, selector, local_part, roots, now_s).run()


def skipped(problem: str) -> BimiResult:
    """The result for a message that must not be looked at (§7.1), and why."""
    return BimiResult(Assertion.SKIPPED, problem=problem, trace=(problem,))


class _Check:
    def __init__(
        self, domain: str, selector: str, local_part: str, roots: Sequence[x509.Certificate], now_s: int
    ) -> None:
        self._domain = domain
        self._selector = selector
        self._local_part = local_part
        self._roots = roots
        self._now_s = now_s
        self._trace: list[str] = []
        self._found: tuple[str, str, AssertionRecord] | None = None

    def run(self) -> BimiAsking[BimiResult]:
        try:
            organisation = yield from self._organisation()
            place, selector, record = yield from self._discover(organisation)
            self._found = place, selector, record
            if record.is_declined:  # §4.3.1
                raise _StopError(Assertion.DECLINED, f"{place} wants no logo shown")
            if record.location is None:  # §7.3 step 1
                raise _StopError(Assertion.FAIL, "the record names no logo")
            indicator = yield from self._indicator(record.location)
            authority, evidence = yield from self._evidence(record, selector, organisation, indicator)
        except _StopError as stop:
            return self._stopped(stop)
        self._trace.append("the logo may be shown")
        return BimiResult(
            Assertion.PASS,
            place,
            selector,
            record,
            indicator,
            authority,
            evidence,
            trace=tuple(self._trace),
        )

    def _stopped(self, stop: _StopError) -> BimiResult:
        self._trace.append(str(stop))
        place, selector, record = self._found or ("", "", None)
        return BimiResult(
            stop.result,
            place,
            selector,
            record,
            authority=stop.authority,
            problem=str(stop),
            trace=tuple(self._trace),
        )

    def _organisation(self) -> BimiAsking[str]:
        try:
            found = yield from standing(self._domain)
        except WalkError as error:
            raise _StopError(Assertion.TEMPERROR, str(error)) from None
        if found.problem:
            raise _StopError(Assertion.SKIPPED, found.problem)
        self._trace.append(
            f"DMARC of {self._domain} is strong enough; its organisation is {found.organisation}"
        )
        return found.organisation

    # -- the record (§7.2) ------------------------------------------------------------------------------

    def _discover(self, organisation: str) -> BimiAsking[tuple[str, str, AssertionRecord]]:
        for place in dict.fromkeys((self._domain, organisation)):
            record = yield from self._record_at(self._selector, place)
            if record is None:
                continue
            if record.uses_local_part:
                made = local_part_selector(self._local_part)
                if made is not None and made != self._selector:
                    own = yield from self._record_at(made, place)
                    if own is not None:
                        return place, made, own
            return place, self._selector, record
        raise _StopError(Assertion.NONE, f"{self._domain} has no BIMI record")

    def _record_at(self, selector: str, place: str) -> BimiAsking[AssertionRecord | None]:
        name = record_name(selector, place)
        if name is None:
            return None
        answer = yield TxtQuestion(name)
        if answer.is_error:
            raise _StopError(Assertion.TEMPERROR, f"{name} cannot be looked up ({answer.status.value})")
        texts = [text for text in answer.records if is_bimi(text)]
        if not texts:
            self._trace.append(f"{name} has no BIMI record")
            return None
        self._trace.append(f"{name}: {texts[0].decode('ascii', 'replace')[:300]!r}")
        if len(texts) > 1:  # §7.2 step 9
            raise _StopError(Assertion.NONE, f"{name} has {len(texts)} BIMI records")
        try:
            return parse_record(texts[0])
        except BimiError as error:
            raise _StopError(Assertion.FAIL, f"{name}: {error}") from None

    # -- the files (§7.4 to §7.6) -----------------------------------------------------------------------

    def _fetched(self, what: str, url: HttpsUrl, limit: int, authority: Authority) -> BimiAsking[bytes]:
        answer = yield HttpsQuestion(url, limit)
        found = answer.records[0] if answer.records else answer.status.value
        if not isinstance(found, bytes):
            raise _StopError(Assertion.FAIL, f"{what} {url.text} cannot be fetched: {found}", authority)
        return found

    def _indicator(self, url: HttpsUrl) -> BimiAsking[Indicator]:
        octets = yield from self._fetched("the logo", url, MAX_INDICATOR_OCTETS, Authority.NONE)
        try:
            indicator = read_indicator(octets)
        except BimiError as error:
            raise _StopError(Assertion.FAIL, f"the logo {url.text} is not SVG Tiny PS: {error}") from None
        self._trace.append(f"the logo is SVG Tiny PS, {len(indicator.document)} octets: {indicator.title!r}")
        self._trace += [f"advice: {advice}" for advice in indicator.advice]
        return indicator

    def _evidence(
        self, record: AssertionRecord, selector: str, organisation: str, indicator: Indicator
    ) -> BimiAsking[tuple[Authority, Evidence | None]]:
        if record.evidence is None:
            self._trace.append("no evidence is given that the logo is the domain's own")
            return Authority.NONE, None
        if not self._roots:
            self._trace.append("the evidence is not looked at: no roots are configured")
            return Authority.NONE, None
        octets = yield from self._fetched(
            "the evidence", record.evidence, MAX_EVIDENCE_OCTETS, Authority.FAIL
        )
        try:
            evidence = verify_evidence(
                octets,
                self._roots,
                domains=(self._domain, organisation),
                selector=selector,
                now_s=self._now_s,
                fetched=indicator,
            )
        except BimiError as error:
            raise _StopError(Assertion.FAIL, str(error), Authority.FAIL) from None
        self._trace.append(f"{evidence.issuer} vouches for the logo of {evidence.organisation}")
        if not evidence.log_timestamps:
            self._trace.append("advice: no certificate log has signed for the certificate")
        return Authority.PASS, evidence
