"""Which record governs a domain and what it asks for: the discovery of policy, for a message and for people.

Not here: alignment and the verdict (`dmarc.check`). Source: RFC 9989 §4.7, §4.10.1, §3.2.13. Invariant: a look-up that fails ends the
discovery (`WalkError`); nothing is guessed.
"""

import msgspec

from postier.mailauth.dmarc.record import DmarcRecord, Policy
from postier.mailauth.dmarc.walk import Found, Walker, WalkError, organisation_of
from postier.mailauth.names import canonical, printable
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import AddressQuestion, Asking, Status

_WISHES = {
    Policy.NONE: "let it pass",
    Policy.QUARANTINE: "treat it as suspicious (quarantine)",
    Policy.REJECT: "refuse it (reject)",
}


class Explanation(msgspec.Struct, frozen=True):
    """What a domain publishes. `result` is pass with a usable record, none without, else the error.

    `published` holds for mail from this very domain; `domain` is where the record stands.
    """

    result: Outcome
    from_domain: str
    domain: str = ""
    organisation: str = ""
    published: Policy | None = None
    record: DmarcRecord | None = None
    problem: str = ""
    trace: tuple[str, ...] = ()


def explain(domain: str) -> Asking[Explanation]:
    """The record that governs mail from `domain`, step by step."""
    name = canonical(domain)
    if name is None:
        problem = f"{printable(domain, 80)!r} is not a domain name"
        return Explanation(Outcome.PERMERROR, printable(domain), problem=problem, trace=(problem,))
    walker = Walker()
    try:
        place, organisation = yield from discover(walker, name)
        organisation = organisation or (yield from walker.organisation(name))
        published = None
        if place is not None and place.record.is_usable:
            published = yield from published_policy(walker, name, place)
    except WalkError as error:
        return Explanation(Outcome.TEMPERROR, name, problem=str(error), trace=(*walker.trace, str(error)))
    steps = [*walker.trace, f"{organisation} is the organisation of {name}"]
    if place is None:
        problem = f"no DMARC record applies to {name}"
        return Explanation(Outcome.NONE, name, "", organisation, problem=problem, trace=(*steps, problem))
    steps.append(f"the record at {place.domain} applies")
    if published is None:
        problem = f"the DMARC record of {place.domain} has no valid policy"
        steps.append(problem)
    else:
        problem = ""
        steps += in_words(place.record, name, published)
    result = Outcome.NONE if problem else Outcome.PASS
    return Explanation(
        result, name, place.domain, organisation, published, place.record, problem, tuple(steps)
    )


def in_words(record: DmarcRecord, domain: str, published: Policy) -> tuple[str, ...]:
    """What the record asks for mail from `domain`, a sentence each."""
    testing = "; it is being tested (t=y), so one step milder" if record.is_testing else ""
    strict = {True: "the same domain", False: "the same organisation"}
    words = [
        f"mail from {domain} that fails: {_WISHES[published]}{testing}",
        f"DKIM must be of {strict[record.is_strict_dkim]}, SPF of {strict[record.is_strict_spf]}",
    ]
    if record.rua:
        words.append(f"aggregate reports go to {printable(', '.join(record.rua))}")
    if record.ruf:
        words.append(f"failure reports go to {printable(', '.join(record.ruf))}")
    return tuple(words)


def discover(walker: Walker, domain: str) -> Asking[tuple[Found | None, str]]:
    """The record to apply (RFC 9989 §4.10.1), and the Organizational Domain ("" if it was not needed)."""
    own = yield from walker.record_at(domain)
    if own is not None:
        return Found(domain, own), ""
    found = yield from walker.walk(domain)
    organisation = organisation_of(domain, found)
    for place in found:
        if place.domain == organisation:
            return place, organisation
    # RFC 9989 §4.10.1: at last the PSD's record; it is the one that ended the walk
    return (found[-1] if found and found[-1].record.psd == "y" else None), organisation


def published_policy(walker: Walker, domain: str, place: Found) -> Asking[Policy]:
    """p=, sp= or np= (RFC 9989 §4.10.1)."""
    record = place.record
    policy = record.policy or Policy.NONE
    if domain == place.domain:
        return policy
    inherited = record.subdomains or policy
    if record.nonexistent is None or record.nonexistent is inherited:
        return inherited
    answer = yield AddressQuestion(domain, 4)
    if answer.status is Status.NXDOMAIN:  # RFC 9989 §3.2.13
        walker.trace.append(f"{domain} does not exist")
        return record.nonexistent
    return inherited
