"""The zones of the demonstration, from the records that each domain would publish."""

from collections.abc import Sequence

from postier.accounts.dkim_keys import DkimKey
from postier.accounts.publishing import records_of, zone_lines
from postier.app.demo.node import HOST, NodePlan


def zone_text(plan: NodePlan, keys: Sequence[DkimKey]) -> str:
    """A zone file: MX, SPF, DKIM and DMARC as `postier domain dns` prints them, and the host's address.

    SPF adds the loopback address, from which everything in the demonstration comes.
    """
    lines = zone_lines(records_of(plan.domain, plan.hostname, keys, ()), plan.hostname)
    published = "\n".join(lines).replace("v=spf1 ", f"v=spf1 ip4:{HOST} ")
    return (
        f"$ORIGIN {plan.domain}.\n$TTL 60\n@ SOA {plan.hostname}. postmaster.{plan.domain}. 1 3600 600 86400 60\n"
        f"@ NS {plan.hostname}.\n{plan.hostname}. A {HOST}\n{published}\n"
    )
