"""The verdict on a letter: what it is taken for, what becomes of it, and the reasons in words.

Not here: how the evidence was gathered (`mailauth`), DMARC's part (`dmarc_policy`), what is done about it (`mta`). Invariant: a verdict that is not
"clean" names at least one reason.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum

import msgspec

from postier.defence.dmarc_policy import PolicyDecision, decide
from postier.mailauth.arc.result import ArcResult
from postier.mailauth.dkim import DkimResult
from postier.mailauth.dmarc import DmarcResult, Policy
from postier.mailauth.outcome import Outcome
from postier.mailauth.spf import SpfResult
from postier.smtp.reason import DMARC_REJECT, Reason

SPOOF_POINTS = 8.0  # a From domain whose owner disowns the letter
REFUSED_POINTS = 15.0
SPF_FAIL_POINTS = 2.0


NO_CHAIN = ArcResult(Outcome.NONE)
NO_POLICY = PolicyDecision(Policy.NONE)


class Disposition(StrEnum):
    """What a letter is taken for."""

    CLEAN = "clean"
    SPOOF = "spoof"


class Treatment(StrEnum):
    """What becomes of it."""

    DELIVER = "deliver"
    JUNK = "junk"
    REFUSE = "refuse"


class Evidence(msgspec.Struct, frozen=True):
    """What is known of a letter before it is judged. `is_list_mail`: it carries List-Id (RFC 2919)."""

    spf: SpfResult
    dkim: Sequence[DkimResult]
    dmarc: DmarcResult
    is_list_mail: bool = False
    arc: ArcResult = NO_CHAIN


class Verdict(msgspec.Struct, frozen=True):
    """`points` order letters from clean to bad; `refusal` is set when the treatment is to refuse; `policy` is what was made of
    the author's DMARC policy.
    """

    disposition: Disposition
    treatment: Treatment
    points: float
    reasons: tuple[str, ...] = ()
    refusal: Reason | None = None
    policy: PolicyDecision = NO_POLICY


CLEAN = Verdict(Disposition.CLEAN, Treatment.DELIVER, 0.0)


def judge(evidence: Evidence, trusted_sealers: Collection[str] = ()) -> Verdict:
    """Weigh the evidence; `trusted_sealers` are the domains whose word in an ARC chain is believed."""
    dmarc, spf = evidence.dmarc, evidence.spf
    policy = decide(
        dmarc,
        spf,
        evidence.dkim,
        evidence.arc,
        is_list_mail=evidence.is_list_mail,
        trusted_sealers=trusted_sealers,
    )
    if policy.disposition is not Policy.NONE:
        return _disowned(evidence, policy)
    if policy.voucher:
        reason = f"{policy.voucher}, which is trusted here, saw that {dmarc.from_domain} had sent it and passed it on"
        return Verdict(Disposition.CLEAN, Treatment.DELIVER, 0.0, (reason,), policy=policy)
    if spf.result is Outcome.FAIL and dmarc.result is not Outcome.PASS:
        reasons = (_foreign_server(spf),)
        return Verdict(Disposition.CLEAN, Treatment.DELIVER, SPF_FAIL_POINTS, reasons, policy=policy)
    return CLEAN if not policy.overrides else msgspec.structs.replace(CLEAN, policy=policy)


def _disowned(evidence: Evidence, policy: PolicyDecision) -> Verdict:
    dmarc = evidence.dmarc
    said = f"{dmarc.from_domain} asks receivers to {dmarc.applied} mail that nothing proves to be its own"
    if policy.disposition is Policy.REJECT:
        refusal = DMARC_REJECT.with_text(
            f"{dmarc.from_domain} asks to refuse mail that is not proved to be its own"
        )
        reasons = (said, _foreign_server(evidence.spf), "nobody has signed it")
        return Verdict(Disposition.SPOOF, Treatment.REFUSE, REFUSED_POINTS, reasons, refusal, policy)
    return Verdict(Disposition.SPOOF, Treatment.JUNK, SPOOF_POINTS, (said,), policy=policy)


def _foreign_server(spf: SpfResult) -> str:
    return f"{spf.domain} says that it does not send from this server"
