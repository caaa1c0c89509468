"""In whose name this server itself writes: bounces and reports come from the postmaster of one domain of ours, which signs them.

Not here: signing (`mta.signing`). Sources: RFC 3464 §2 (a person who answers for the server), RFC 9989 §4.4 (alignment). Invariant: the
domain that is named has an active key. Where the host's name lies in it, DMARC passes by the host's own SPF record too,
which is all that SPF can check of a letter with the null reverse-path (RFC 7208 §2.4).
"""

from postier.accounts.dkim_keys import KeyState, domain_keys
from postier.mailauth.names import is_within
from postier.store.transaction import ReadTx


def postmaster_domain(tx: ReadTx, hostname: str) -> str:
    """The nearest domain of ours that the host's name lies in, else the first by name; "" when none of them has a key."""
    names = [str(name) for (name,) in tx.rows("SELECT domain FROM domain ORDER BY domain")]
    names.sort(key=lambda name: -len(name) if is_within(hostname, name) else 0)
    for name in names:
        if any(key.state is KeyState.ACTIVE for key in domain_keys(tx, name)):
            return name
    return ""
