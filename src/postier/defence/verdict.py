"""The verdict on a letter: what it is taken for, what becomes of it, and the reasons in words.

Not here: how the evidence was gathered (`mailauth`), what is done about it (`mta`). Invariant: a verdict that is not
"clean" names at least one reason.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from postier.mailauth.dkim import DkimResult
from postier.mailauth.dmarc import DmarcResult, Policy
from postier.mailauth.outcome import Outcome
from postier.mailauth.spf import SpfResult
from postier.smtp.reason import DMARC_REJECT, Reason

SPOOF_POINTS = 8.0  # a From domain whose owner disowns the letter
REFUSED_POINTS = 15.0
SPF_FAIL_POINTS = 2.0


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


class Verdict(msgspec.Struct, frozen=True):
    """`points` order letters from clean to bad; `refusal` is set when the treatment is to refuse."""

    disposition: Disposition
    treatment: Treatment
    points: float
    reasons: tuple[str, ...] = ()
    refusal: Reason | None = None


CLEAN = Verdict(Disposition.CLEAN, Treatment.DELIVER, 0.0)


def judge(evidence: Evidence) -> Verdict:
    """Weigh the evidence."""
    dmarc = evidence.dmarc
    if dmarc.disposition is not Policy.NONE:
        return _disowned(evidence)
    if evidence.spf.result is Outcome.FAIL and dmarc.result is not Outcome.PASS:
        return Verdict(
            Disposition.CLEAN, Treatment.DELIVER, SPF_FAIL_POINTS, (_foreign_server(evidence.spf),)
        )
    return CLEAN


def _disowned(evidence: Evidence) -> Verdict:
    dmarc = evidence.dmarc
    said = f"{dmarc.from_domain} asks receivers to {dmarc.applied} mail that nothing proves to be its own"
    # RFC 9989 §7.4: p=reject alone never refuses. What speaks for a forgery beyond it: the envelope's domain disowns the
    # server too, nobody at all has signed, and it is no mailing list's copy.
    is_signed = any(result.result is Outcome.PASS for result in evidence.dkim)
    if (
        dmarc.disposition is Policy.REJECT
        and evidence.spf.result is Outcome.FAIL
        and not is_signed
        and not evidence.is_list_mail
    ):
        refusal = DMARC_REJECT.with_text(
            f"{dmarc.from_domain} asks to refuse mail that is not proved to be its own"
        )
        reasons = (said, _foreign_server(evidence.spf), "nobody has signed it")
        return Verdict(Disposition.SPOOF, Treatment.REFUSE, REFUSED_POINTS, reasons, refusal)
    return Verdict(Disposition.SPOOF, Treatment.JUNK, SPOOF_POINTS, (said,))


def _foreign_server(spf: SpfResult) -> str:
    return f"{spf.domain} says that it does not send from this server"
