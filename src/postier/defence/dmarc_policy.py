"""What is done about a letter that fails DMARC: the owner's wish, and what of our own overrides it.

Not here: the check (`mailauth.dmarc`), the verdict on the whole letter (`verdict`), the reports (`mta`). Sources: RFC 9989 §5.4, §7.4;
RFC 9990 §3.1.6 (the reasons); RFC 8617 §7.2. Invariants: where less is done than the owner applied for, a reason of the RFC's kinds says
why; a chain of seals counts only as far back as every sealer is trusted without a gap, for whoever comes later could have changed
what an earlier one saw.
"""

from collections.abc import Collection, Sequence

import msgspec

from postier.mailauth.arc.result import ArcResult
from postier.mailauth.authentication_results import parse
from postier.mailauth.dkim import DkimResult
from postier.mailauth.dmarc import DmarcResult, Policy
from postier.mailauth.names import canonical
from postier.mailauth.outcome import Outcome
from postier.mailauth.reports.aggregate import Override, OverrideKind
from postier.mailauth.spf import SpfResult


class PolicyDecision(msgspec.Struct, frozen=True):
    """What is done (none, quarantine, reject), the reasons where it is less than was asked for, and who vouched ("" if nobody)."""

    disposition: Policy
    overrides: tuple[Override, ...] = ()
    voucher: str = ""


def decide(
    dmarc: DmarcResult,
    spf: SpfResult,
    dkim: Sequence[DkimResult],
    arc: ArcResult,
    *,
    is_list_mail: bool = False,
    trusted_sealers: Collection[str] = (),
) -> PolicyDecision:
    """Weigh the owner's wish against what is known of the letter's way."""
    if dmarc.result is not Outcome.FAIL:
        return PolicyDecision(Policy.NONE)
    testing = (Override(OverrideKind.POLICY_TEST_MODE),) if dmarc.applied is not dmarc.published else ()
    if dmarc.disposition is Policy.NONE:
        return PolicyDecision(Policy.NONE, testing)
    instance = vouching_set(arc, dmarc.from_domain, trusted_sealers)
    if instance:  # RFC 8617 §7.2.2
        override = Override(OverrideKind.LOCAL_POLICY, _chain_in_words(arc))
        return PolicyDecision(Policy.NONE, (*testing, override), arc.sealers[instance - 1])
    if dmarc.disposition is Policy.QUARANTINE:
        return PolicyDecision(Policy.QUARANTINE, testing)
    if is_list_mail:  # RFC 9989 §7.4: lists change what they pass on
        return PolicyDecision(Policy.QUARANTINE, (Override(OverrideKind.MAILING_LIST, "List-Id"),))
    # RFC 9989 §7.4: p=reject alone never refuses. What speaks for a forgery beyond it: the envelope's domain disowns the
    # server too, and nobody at all has signed.
    if spf.result is Outcome.FAIL and not any(result.result is Outcome.PASS for result in dkim):
        return PolicyDecision(Policy.REJECT)
    override = Override(OverrideKind.LOCAL_POLICY, "p=reject alone does not refuse (RFC 9989, section 7.4)")
    return PolicyDecision(Policy.QUARANTINE, (override,))


def vouching_set(arc: ArcResult, domain: str, trusted_sealers: Collection[str]) -> int:
    """The instance of the newest set in which a trusted sealer saw DMARC pass for the domain; 0 for none."""
    if arc.result is not Outcome.PASS or not arc.is_from_signed:
        return 0
    for instance in range(len(arc.sealers), 0, -1):
        if arc.sealers[instance - 1] not in trusted_sealers:
            return 0
        seen = parse(arc.assessments[instance - 1])
        for result in seen.results if seen is not None else ():
            if (result.method, result.result) == ("dmarc", "pass") and (
                canonical(result.value_of("header", "from")) == domain
            ):
                return instance
    return 0


def _chain_in_words(arc: ArcResult) -> str:
    """As RFC 8617 §7.2.2 has it."""
    words = [f"arc={arc.result}"]
    for instance in range(len(arc.sealers), 0, -1):
        words.append(f"as[{instance}].d={arc.sealers[instance - 1]}")
        words += [f"as[{instance}].s={selector}" for selector in arc.selectors[instance - 1 : instance]]
    first = parse(arc.assessments[0]) if arc.assessments else None
    for result in first.results if first is not None else ():
        if result.method == "arc" and (ip := result.value_of("smtp", "remote-ip")):
            words.append(f"remote-ip[1]={ip}")
    return " ".join(words)
