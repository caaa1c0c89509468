"""DNS: does the host have addresses that lead back to it, and does each domain publish what it should?

Not here: what should be published (`accounts.publishing`). Invariant: a resolver that does not answer is told once, and not as
missing records.
"""

import ipaddress
from collections.abc import Sequence

from postier.accounts.published import Checked, Publication, check_published
from postier.accounts.publishing import DnsRecord
from postier.app.doctor.finding import Finding, State
from postier.dns.resolver import Resolver
from postier.mailauth.questions import AddressQuestion, PtrQuestion

HOST = "host name"
DOMAIN = "dns"


async def examine_host(hostname: str, resolver: Resolver) -> list[Finding]:
    """The host's own name: addresses, and the names that those have."""
    answers = await resolver.query_all([AddressQuestion(hostname, 4), AddressQuestion(hostname, 6)])
    addresses = [str(address) for answer in answers for address in answer.records]
    if not addresses:
        if any(answer.is_error for answer in answers):
            return [
                Finding(HOST, State.WRONG, "no DNS server answers", "see dns.resolvers and /etc/resolv.conf")
            ]
        cure = f"give {hostname} an A (and AAAA) record with this server's public address"
        return [Finding(HOST, State.WRONG, f"{hostname} has no address in DNS", cure)]
    return [await _reverse(hostname, address, resolver) for address in addresses]


async def _reverse(hostname: str, address: str, resolver: Resolver) -> Finding:
    if not ipaddress.ip_address(address).is_global:
        says = f"{hostname} is {address}, which other servers cannot reach"
        return Finding(HOST, State.WARNING, says, "publish the public address")
    answer = await resolver.query(PtrQuestion(address))
    names = [str(name).rstrip(".").lower() for name in answer.records]
    if hostname in names:
        return Finding(HOST, State.FINE, f"{hostname} is {address}, and {address} is {hostname}")
    found = ", ".join(names) or "none"
    cure = f"have whoever gave you the address set its PTR record to {hostname}: large providers refuse mail without"
    return Finding(HOST, State.WARNING, f"the reverse name of {address} is {found}", cure)


async def examine_domain(
    domain: str, records: Sequence[DnsRecord], hostname: str, resolver: Resolver
) -> Finding:
    """What the domain publishes, in one sentence."""
    checked = [one for one in await check_published(records, hostname, resolver) if one.type != "A/AAAA"]
    bad = [one for one in checked if not one.state.is_fine]
    if not bad:
        return Finding(DOMAIN, State.FINE, f"{domain} publishes all {len(checked)} records")
    cure = f"postier domain dns {domain} --check"
    return Finding(DOMAIN, _worst(bad), f"{domain}: {'; '.join(map(_told, bad))}", cure)


def _worst(bad: Sequence[Checked]) -> State:
    """Mail goes astray or is distrusted without MX, SPF, DKIM and DMARC; the rest is good to have."""
    is_vital = any(not one.name.startswith(("_smtp._tls.", "_mta-sts.")) for one in bad)
    return State.WRONG if is_vital else State.WARNING


def _told(one: Checked) -> str:
    what = {Publication.UNKNOWN: "no answer for"}.get(one.state, one.state.value)
    return f"{what} {one.type} {one.name}"
