"""DMARC: is the author's domain proved, and what does its owner wish otherwise?

Not here: what is really done (`defence` weighs it: RFC 9989 §7.4 forbids refusal on p=reject alone), reports (`mta`).
Source: RFC 9989 §4.4, §4.10, §5.3. Invariants: at most three walks for alignment; a look-up that fails now gives
temperror unless some aligned identifier has passed.
"""

from collections.abc import Sequence

import msgspec

from postier.mailauth.dkim.result import DkimResult
from postier.mailauth.dmarc.author import Author, author_of
from postier.mailauth.dmarc.discovery import discover, published_policy
from postier.mailauth.dmarc.record import DmarcRecord, Policy
from postier.mailauth.dmarc.walk import Walker, WalkError
from postier.mailauth.letter import Letter
from postier.mailauth.names import canonical
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import Asking
from postier.mailauth.spf.result import SpfResult
from postier.mime.scan import Bytes

MAX_IDENTIFIERS = 12  # distinct domains whose alignment is looked at


class DmarcResult(msgspec.Struct, frozen=True):
    """The verdict. `published` is the owner's wish for this name, `applied` after t= (testing takes it down one step).

    `disposition` is `applied` when the result is fail, none otherwise. `domain` is the Policy Domain: where `record`
    stands. `organisation` is the Author's Organizational Domain.
    """

    result: Outcome
    from_domain: str = ""
    published: Policy | None = None
    applied: Policy | None = None
    disposition: Policy = Policy.NONE
    aligned_spf: bool = False
    aligned_dkim: bool = False
    domain: str = ""
    organisation: str = ""
    record: DmarcRecord | None = None
    problem: str = ""
    trace: tuple[str, ...] = ()


def check(message: Bytes | Letter, spf: SpfResult | None, dkim: Sequence[DkimResult]) -> Asking[DmarcResult]:
    """Evaluate DMARC for a message whose SPF (MAIL FROM identity) and DKIM results are known."""
    return check_author(author_of(Letter.parse(message).fields), spf, dkim)


def check_author(author: Author, spf: SpfResult | None, dkim: Sequence[DkimResult]) -> Asking[DmarcResult]:
    """The same for an Author that was extracted already."""
    return _Check(spf, dkim).run(author)


class _Check:
    def __init__(self, spf: SpfResult | None, dkim: Sequence[DkimResult]) -> None:
        # RFC 9989 §4.4.2, §3.2.4: only the MAIL FROM identity counts, HELO's for a null reverse-path
        self._spf = spf if spf is not None and spf.is_mail_from else None
        self._dkim = dkim
        self._walker = Walker()
        self._trace = self._walker.trace

    def run(self, author: Author) -> Asking[DmarcResult]:
        domain = author.domains[0] if author.domains else ""
        if author.problem:  # RFC 9989 §5.3.1
            return self._failure(Outcome.PERMERROR, domain, author.problem)
        try:
            return (yield from self._evaluate(domain))
        except WalkError as error:
            return self._failure(Outcome.TEMPERROR, domain, str(error))

    def _failure(self, outcome: Outcome, domain: str, problem: str) -> DmarcResult:
        self._trace.append(problem)
        return DmarcResult(outcome, domain, problem=problem, trace=tuple(self._trace))

    def _evaluate(self, domain: str) -> Asking[DmarcResult]:
        place, organisation = yield from discover(self._walker, domain)
        if place is None:
            return self._failure(Outcome.NONE, domain, f"no DMARC record applies to {domain}")
        record = place.record
        self._trace.append(f"the record at {place.domain} applies")
        if not record.is_usable:  # RFC 9989 §4.10.1
            return self._failure(
                Outcome.NONE, domain, f"the DMARC record of {place.domain} has no valid policy"
            )
        published = yield from published_policy(self._walker, domain, place)
        applied = _testing(published) if record.is_testing else published
        spf, spf_open = yield from self._spf_alignment(domain, organisation, record)
        dkim, dkim_open = yield from self._dkim_alignment(domain, organisation, record)
        problem = ""
        if spf or dkim:
            outcome = Outcome.PASS
        elif spf_open or dkim_open:  # RFC 9989 §5.3.6
            outcome, problem = Outcome.TEMPERROR, "an aligned identifier could not be checked now"
            self._trace.append(problem)
        else:
            outcome = Outcome.FAIL
            self._trace.append(f"no aligned identifier passed; {domain} wishes {published}")
        return DmarcResult(
            outcome,
            domain,
            published,
            applied,
            applied if outcome is Outcome.FAIL else Policy.NONE,
            spf,
            dkim,
            place.domain,
            organisation or domain,
            record,
            problem,
            tuple(self._trace),
        )

    # -- alignment (RFC 9989 §4.4, §4.10.2): (aligned and passed, perhaps so but not known now) --------------

    def _spf_alignment(
        self, domain: str, organisation: str, record: DmarcRecord
    ) -> Asking[tuple[bool, bool]]:
        spf = self._spf
        if spf is None or spf.result not in {Outcome.PASS, Outcome.TEMPERROR}:
            self._trace.append(
                "SPF authenticates nothing" if spf is None else f"SPF of {spf.domain}: {spf.result}"
            )
            return False, False
        author, is_strict = (domain, organisation), record.is_strict_spf
        return (yield from self._judge("SPF", spf.domain, spf.result, author, is_strict=is_strict))

    def _dkim_alignment(
        self, domain: str, organisation: str, record: DmarcRecord
    ) -> Asking[tuple[bool, bool]]:
        is_open = False
        author, is_strict = (domain, organisation), record.is_strict_dkim
        results = sorted(self._dkim, key=lambda result: result.domain != domain)  # the cheap ones first
        for result in results[:MAX_IDENTIFIERS]:
            if result.result in {Outcome.PASS, Outcome.TEMPERROR} and result.domain:
                passed, is_unknown = yield from self._judge(
                    "DKIM", result.domain, result.result, author, is_strict=is_strict
                )
                if passed:
                    return True, False
                is_open = is_open or is_unknown
        return False, is_open

    def _judge(
        self, kind: str, identifier: str, result: Outcome, author: tuple[str, str], *, is_strict: bool
    ) -> Asking[tuple[bool, bool]]:
        """One identifier that has passed or could not be checked."""
        try:
            aligned = yield from self._is_aligned(identifier, *author, is_strict=is_strict)
        except WalkError as error:  # of this identifier; another may pass
            self._trace.append(f"{kind} of {identifier}: {result}, alignment is not known: {error}")
            return False, True
        self._trace.append(f"{kind} of {identifier}: {result}, {'' if aligned else 'not '}aligned")
        return aligned and result is Outcome.PASS, aligned and result is Outcome.TEMPERROR

    def _is_aligned(
        self, identifier: str, domain: str, organisation: str, *, is_strict: bool
    ) -> Asking[bool]:
        identifier = canonical(identifier) or identifier
        if identifier == domain:
            return True
        if is_strict:
            return False
        if identifier.rpartition(".")[2] != domain.rpartition(".")[2]:
            return False  # different top-level names have no organisation in common
        ours = organisation or (yield from self._walker.organisation(domain))
        return ours == (yield from self._walker.organisation(identifier))


def _testing(policy: Policy) -> Policy:
    """RFC 9989 §4.7 t=y: one level below."""
    return Policy.QUARANTINE if policy is Policy.REJECT else Policy.NONE
