"""Whether a letter from elsewhere may leave again, for an address on another server that an alias names.

Not here: the verdict (`defence`), sealing what does leave (`signing`). Source: SECURITY 32, docs/adr/0021. Invariants: what is judged junk
does not leave, so that no other server takes us for its source and none makes us send a report to a forged sender; an address that was
accepted has a mailbox here that holds the letter, else the letter is refused while its sender listens.
"""

import msgspec

from postier.defence.verdict import Treatment, Verdict
from postier.smtp.reason import NOT_PASSED_ON


def may_leave(verdict: Verdict) -> bool:
    """Whether the letter may be passed on."""
    return verdict.treatment is Treatment.DELIVER


def with_way_out(verdict: Verdict, *, leads_elsewhere: bool) -> Verdict:
    """The verdict once it is known whether an accepted address has no mailbox here."""
    if verdict.treatment is not Treatment.JUNK or not leads_elsewhere:
        return verdict
    why = "an address that it was sent to leads to another server, and junk is not passed on"
    return msgspec.structs.replace(
        verdict, treatment=Treatment.REFUSE, reasons=(*verdict.reasons, why), refusal=NOT_PASSED_ON
    )
