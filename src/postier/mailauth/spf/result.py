"""What an SPF check may cost and what it finds.

Source: RFC 7208 §2.6, §4.6.4, RFC 7372 §3.2. Invariant: `explanation` is printable ASCII and only there with "fail".
"""

import msgspec

from postier.mailauth.outcome import Outcome

MAX_LOOKUPS = 10  # RFC 7208 §4.6.4
MAX_VOID_LOOKUPS = 2  # RFC 7208 §4.6.4


class Limits(msgspec.Struct, frozen=True):
    """What one check may cost; the defaults are the RFC's."""

    lookups: int = MAX_LOOKUPS
    void_lookups: int = MAX_VOID_LOOKUPS


class SpfResult(msgspec.Struct, frozen=True):
    """What `check` found; `domain` is the checked identity's, `mechanism` the term that decided ("" if none)."""

    result: Outcome
    domain: str
    identity: str  # "mailfrom" or "helo"
    mechanism: str = ""
    explanation: str = ""  # the domain owner's words, only with "fail"; they come from a third party
    problem: str = ""
    lookups: int = 0
    void_lookups: int = 0
    trace: tuple[str, ...] = ()
    is_null_sender: bool = False  # the reverse-path was empty

    @property
    def is_mail_from(self) -> bool:
        """Whether this is the MAIL FROM identity, which is HELO's for a null reverse-path (RFC 7208 §2.4)."""
        return self.identity == "mailfrom" or self.is_null_sender

    @property
    def enhanced_code(self) -> str:
        """The enhanced status code for a refusal because of this result (RFC 7372 §3.2); "" for none."""
        match self.result:
            case Outcome.FAIL:
                return "5.7.23"
            case Outcome.PERMERROR:
                return "5.7.24"
            case Outcome.TEMPERROR:
                return "4.7.24"
            case _:
                return ""
