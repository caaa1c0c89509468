"""Whether a domain's DMARC policy is strong enough for a logo.

Not here: whether a message passed (`assertion`). Source: draft-brand-indicators-for-message-identification-10 §7.1 steps 3
and 7 to 9, with RFC 9989 §4.7 (t=y in place of pct) and §4.10.2 (the organisation). Invariant: both the author's domain and its
organisation are looked at.
"""

import re

import msgspec

from postier.mailauth.dmarc.record import DmarcRecord, Policy
from postier.mailauth.dmarc.walk import Walker, organisation_of
from postier.mailauth.questions import Asking

_PERCENTAGE = re.compile(r";\s*pct\s*=\s*([0-9]{1,3})\s*(?:;|\Z)", re.IGNORECASE)


class Standing(msgspec.Struct, frozen=True):
    """The organisation of a domain, and why no logo may be shown for it ("" if one may)."""

    organisation: str
    problem: str = ""


def standing(domain: str) -> Asking[Standing]:
    """Look at the DMARC records that apply to a domain. Raises WalkError when one can't be looked up."""
    walker = Walker()
    found = yield from walker.walk(domain)
    organisation = organisation_of(domain, found)
    records: list[tuple[str, DmarcRecord]] = []
    for name in dict.fromkeys((domain, organisation)):
        record = yield from walker.record_at(name)
        if record is not None:
            records.append((name, record))
    if not records:
        return Standing(organisation, f"{domain} has no DMARC record")
    problems = (_weakness(name, record) for name, record in records)
    return Standing(organisation, next((problem for problem in problems if problem), ""))


def _weakness(name: str, record: DmarcRecord) -> str:
    policy = record.policy if record.is_usable else None
    if policy is None or policy is Policy.NONE:
        return f"the DMARC policy of {name} asks for nothing (p=none)"
    if record.subdomains is Policy.NONE:
        return f"the DMARC policy of {name} asks for nothing below it (sp=none)"
    if policy is Policy.QUARANTINE:
        percentage = _PERCENTAGE.search(record.text)
        if percentage is not None and int(percentage[1]) < 100:
            return f"the DMARC policy of {name} is applied to some mail only (pct={percentage[1]})"
        if record.is_testing:  # RFC 9989 §4.7: p=quarantine; t=y is p=none
            return f"the DMARC policy of {name} is a test (t=y)"
    return ""
