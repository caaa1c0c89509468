"""Does MTA-STS work for one domain? The record, the policy, and each MX host held against it, step by step.

Not here: policies in force for deliveries (`sts`), the fetch (`https`). Source: RFC 8461 §3, §4. Invariant: nothing that DNS or the
network do is raised.
"""

import msgspec

from postier.dns.ask import Answering
from postier.mailauth.mta_sts import (
    Mode,
    MtaStsError,
    Policy,
    parse_policy,
    parse_records,
    policy_url,
    record_name,
)
from postier.mailauth.questions import MxQuestion, TxtQuestion
from postier.tls.https import FetchError, PolicySource

SHORT_AGE_S = 86_400  # a shorter max_age protects hardly anybody (RFC 8461 §3.2 expects weeks or more)


class StsCheck(msgspec.Struct, frozen=True):
    """The outcome: "ok", "none" (no announcement), "broken" or "error" (cannot be told now)."""

    domain: str
    result: str
    identifier: str = ""
    policy: Policy | None = None
    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    problem: str = ""
    trace: tuple[str, ...] = ()


async def check_sts(domain: str, resolver: Answering, source: PolicySource) -> StsCheck:
    """Check the domain as a sender would that sees it for the first time."""
    steps: list[str] = []

    def ended(result: str, problem: str, identifier: str = "", policy: Policy | None = None) -> StsCheck:
        steps.append(problem)
        return StsCheck(domain, result, identifier, policy, problem=problem, trace=tuple(steps))

    name = record_name(domain)
    answer = await resolver.query(TxtQuestion(name))
    if answer.is_error:
        return ended("error", f"{name} cannot be looked up ({answer.status.value})")
    shown = [text.decode("utf-8", "replace") for text in answer.records]
    steps += [f"{name} publishes {text}" for text in shown[:10]]
    try:
        identifier = parse_records(answer.records)
    except MtaStsError as error:
        return ended("broken", f"the record is wrong: {error}")
    if identifier is None:
        if len([text for text in shown if text.startswith("v=STSv1")]) > 1:
            return ended("broken", "there is more than one record, so none counts (RFC 8461 §3.1)")
        if shown:
            return ended("broken", f"none of the records at {name} begins with v=STSv1;")
        return ended("none", f"{domain} announces no MTA-STS policy")
    try:
        text = await source.fetch(domain)
        steps.append(f"{policy_url(domain)} serves {len(text)} octets under a valid certificate")
        policy = parse_policy(text)
    except FetchError as error:
        return ended("broken", f"{policy_url(domain)}: {error} ({error.result.value})", identifier)
    except MtaStsError as error:
        return ended("broken", f"the policy is wrong: {error}", identifier)
    steps.append(_in_words(policy))
    if policy.max_age_s < SHORT_AGE_S and policy.mode is not Mode.NONE:
        steps.append(f"max_age is only {policy.max_age_s} s: senders forget the policy soon")
    return await _with_hosts(domain, resolver, identifier, policy, steps)


async def check_own(
    policy: Policy, identifier: str, domain: str, resolver: Answering, source: PolicySource
) -> StsCheck:
    """The same for a domain of ours, which should have this policy under this id."""
    found = await check_sts(domain, resolver, source)
    problem = ""
    if found.result == "ok" and found.policy != policy:
        problem = (
            f"{policy_url(domain)} serves another policy than {policy.mode} for {', '.join(policy.patterns)}"
        )
    elif found.result == "ok" and found.identifier != identifier:
        problem = f"the record has id {found.identifier}, but it should have {identifier}"
    if not problem:
        return found
    return msgspec.structs.replace(found, result="broken", problem=problem, trace=(*found.trace, problem))


async def _with_hosts(
    domain: str, resolver: Answering, identifier: str, policy: Policy, steps: list[str]
) -> StsCheck:
    """The MX hosts against the policy (RFC 8461 §4.1)."""
    answer = await resolver.query(MxQuestion(domain))
    if answer.is_error:
        problem = f"the MX records of {domain} cannot be looked up ({answer.status.value})"
        return StsCheck(domain, "error", identifier, policy, problem=problem, trace=(*steps, problem))
    hosts = [mx.exchange for mx in sorted(answer.records)] or [domain]
    if not answer.records:
        steps.append(f"{domain} has no MX record and is its own mail host")
    allowed = tuple(host for host in hosts if policy.allows(host))
    refused = tuple(host for host in hosts if host not in allowed)
    steps += [f"MX {host} is {'' if host in allowed else 'not '}in the policy" for host in hosts]
    problem = ""
    if refused and policy.mode is not Mode.NONE:
        problem = f"mail does not reach {', '.join(refused)} from senders that heed the policy"
        if policy.mode is Mode.TESTING:
            problem = f"{', '.join(refused)} would be refused, were the policy enforced"
    result = "broken" if problem else "ok"
    return StsCheck(domain, result, identifier, policy, allowed, refused, problem, tuple(steps))


def _in_words(policy: Policy) -> str:
    mode = {
        Mode.ENFORCE: "senders must use TLS with a valid certificate (enforce)",
        Mode.TESTING: "senders only report failures (testing)",
        Mode.NONE: "the policy is being withdrawn (none)",
    }[policy.mode]
    return f"{mode} for {policy.max_age_s} s; hosts: {', '.join(policy.patterns[:20]) or 'none'}"
