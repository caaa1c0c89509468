"""MTA-STS: can those who send to our domains find the policies that they announce?"""

from collections.abc import Sequence

from postier.accounts.own_sts import OwnPolicy
from postier.app.doctor.finding import Finding, State
from postier.dns.resolver import Resolver
from postier.tls.https import PolicySource
from postier.tls.sts_check import check_own

PART = "mta-sts"


async def examine_sts(
    policies: Sequence[OwnPolicy], resolver: Resolver, source: PolicySource
) -> list[Finding]:
    """Each policy as a sender finds it; nothing for domains without one."""
    found = []
    for own in policies:
        seen = await check_own(own.policy, own.identifier, own.domain, resolver, source)
        if seen.result == "ok":
            found.append(Finding(PART, State.FINE, f"{own.domain}: {own.mode} for {own.hostname}"))
            continue
        cure = f"postier domain mta-sts {own.domain} --check"
        found.append(Finding(PART, State.WARNING, f"{own.domain}: {seen.problem}", cure))
    return found
