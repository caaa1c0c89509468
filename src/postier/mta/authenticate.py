"""The third inbound stage: SPF, DKIM and DMARC of one letter, and the one field that tells the results.

Not here: the checks (`mailauth`), what follows from them (`defence`). Source: DESIGN §5, RFC 8601. Invariants: SPF, DKIM
and the reverse name are looked up in parallel; a failed look-up is a result, never an exception.
"""

from collections.abc import Generator
from typing import Any

import msgspec

from postier.dns.ask import Answering, ask, ask_together
from postier.mailauth import dkim, dmarc, iprev, spf
from postier.mailauth.authentication_results import (
    build,
    of_dkim_all,
    of_dmarc,
    of_iprev,
    of_spf,
    strip_ours,
)
from postier.mailauth.iprev import IprevResult
from postier.mailauth.letter import Letter
from postier.mta.peer import Peer


class Authentication(msgspec.Struct, frozen=True):
    """The results, the Authentication-Results field, and the letter without forged ones of our own name."""

    spf: spf.SpfResult
    dkim: tuple[dkim.DkimResult, ...]
    dmarc: dmarc.DmarcResult
    iprev: IprevResult | None
    field: bytes
    content: bytes


async def authenticate(
    content: bytes,
    peer: Peer,
    reverse_path: str,
    *,
    hostname: str,
    now_s: int,
    resolver: Answering,
    looks_up_name: bool,
) -> Authentication:
    """Check one letter. `looks_up_name`: ask for the client's reverse name as well."""
    content = _without_forged_results(content, hostname)
    letter = Letter.parse(content)
    checks: list[Generator[Any, Any, Any]] = [
        spf.check(peer.ip, reverse_path, peer.hello, receiver=hostname, now=now_s),
        dkim.verify(letter, now_s),
    ]
    if looks_up_name:
        checks.append(iprev.check(peer.ip))
    spf_result, dkim_results, *names = await ask_together(checks, resolver)
    dmarc_result = await ask(dmarc.check(letter, spf_result, dkim_results), resolver)
    methods = [
        of_spf(spf_result, ip=peer.ip, sender=reverse_path, helo=peer.hello),
        *of_dkim_all(dkim_results),
        of_dmarc(dmarc_result),
        *(of_iprev(name) for name in names),
    ]
    name = names[0] if names else None
    return Authentication(spf_result, dkim_results, dmarc_result, name, build(hostname, methods), content)


def _without_forged_results(content: bytes, hostname: str) -> bytes:
    """RFC 8601 §5: nobody else speaks in our name."""
    empty_line = content.find(b"\r\n\r\n")
    end = len(content) if empty_line < 0 else empty_line + 2
    if b"authentication-results" not in content[:end].lower():
        return content
    return strip_ours(content[:end], hostname) + content[end:]
