"""DMARC aggregate reports as values.

Not here: XML (`aggregate_reading`, `aggregate_writing`). Source: RFC 9990 §3.1.1; the older form of RFC 7489 appendix C reads
into the same values. Invariants: domains are canonical, addresses are IP addresses in their normal form, texts are bounded.
"""

from enum import StrEnum

import msgspec

from postier.mailauth.dmarc.record import Policy
from postier.mailauth.outcome import Outcome

NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"


class Handling(StrEnum):
    """What the receiver did (RFC 9990 appendix A, ActionDispositionType)."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 # a result, not a secret
    QUARANTINE = "quarantine"
    REJECT = "reject"


class OverrideKind(StrEnum):
    """Why the policy was not applied as published (RFC 9990 §3.1.6)."""

    LOCAL_POLICY = "local_policy"
    MAILING_LIST = "mailing_list"
    OTHER = "other"
    POLICY_TEST_MODE = "policy_test_mode"
    TRUSTED_FORWARDER = "trusted_forwarder"


class Override(msgspec.Struct, frozen=True, order=True):
    """One policy override reason."""

    kind: OverrideKind
    comment: str = ""


class SignatureSeen(msgspec.Struct, frozen=True):
    """One DKIM result, whatever DMARC makes of it."""

    domain: str
    selector: str
    result: Outcome


class SpfSeen(msgspec.Struct, frozen=True):
    """The SPF result for MAIL FROM, whatever DMARC makes of it."""

    domain: str
    result: Outcome


class Seen(msgspec.Struct, frozen=True):
    """One record: letters that were alike. `envelope_from` None: not told; "": the null reverse-path."""

    source_ip: str
    count: int
    handling: Handling
    is_dkim_aligned: bool
    is_spf_aligned: bool
    header_from: str
    envelope_from: str | None = None
    envelope_to: str = ""
    overrides: tuple[Override, ...] = ()
    dkim: tuple[SignatureSeen, ...] = ()
    spf: SpfSeen | None = None


class Published(msgspec.Struct, frozen=True):
    """The policy that the receiver found; `domain` is the DMARC Policy Domain. None or "": not told."""

    domain: str
    policy: Policy = Policy.NONE
    subdomains: Policy | None = None
    nonexistent: Policy | None = None
    is_strict_dkim: bool | None = None
    is_strict_spf: bool | None = None
    failure_options: str = ""
    is_testing: bool | None = None
    discovery: str = ""  # "psl" or "treewalk"


class AggregateReport(msgspec.Struct, frozen=True):
    """A whole report. Times are seconds since 1970, UTC. `left_out`: records that could not be understood."""

    organisation: str
    email: str
    report_id: str
    begin_s: int
    end_s: int
    published: Published
    records: tuple[Seen, ...]
    contact: str = ""
    error: str = ""
    generator: str = ""
    left_out: int = 0
