"""The third inbound stage: SPF, DKIM, ARC and DMARC of one letter, and the one field that tells the results.

Not here: the checks (`mailauth`), what follows from them (`defence`). Source: DESIGN §5, RFC 8601. Invariants: SPF, DKIM, ARC
and the reverse name are looked up in parallel; a failed look-up is a result, never an exception; all of them together
take at most `LOOK_UP_S`, and a chain of seals asks `MAX_ARC_QUESTIONS` at most; logo fields that came from outside go whether or
not logos are looked up.
"""

from collections.abc import Generator
from typing import Any

import msgspec

from postier.dns.ask import Answering, ask, ask_together
from postier.dns.hurried import HurriedResolver
from postier.mailauth import arc, dkim, dmarc, iprev, questions, spf
from postier.mailauth.arc import ArcResult
from postier.mailauth.authentication_results import (
    MethodResult,
    build,
    of_arc,
    of_dkim_all,
    of_dmarc,
    of_iprev,
    of_spf,
    strip_ours,
)
from postier.mailauth.bimi import strip_fields
from postier.mailauth.iprev import IprevResult
from postier.mailauth.letter import Letter
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import Asking
from postier.mta.logos.shelf import LogoShelf
from postier.mta.peer import Peer

LOOK_UP_S = 20.0  # RFC 7208 §4.6.4: SPF alone is given at least as long
MAX_ARC_QUESTIONS = 12  # two for each sealer; a chain in use has one to four


_NO_CHAIN = ArcResult(Outcome.NONE)


class Authentication(msgspec.Struct, frozen=True):
    """The results, as values and as the Authentication-Results field, and the letter without forged ones of our own name."""

    spf: spf.SpfResult
    dkim: tuple[dkim.DkimResult, ...]
    dmarc: dmarc.DmarcResult
    iprev: IprevResult | None
    field: bytes
    content: bytes
    arc: ArcResult = _NO_CHAIN
    methods: tuple[MethodResult, ...] = ()
    logo_fields: bytes = b""  # for the mail programs of our own users


async def authenticate(
    content: bytes,
    peer: Peer,
    reverse_path: str,
    *,
    hostname: str,
    now_s: int,
    resolver: Answering,
    looks_up_name: bool,
    logos: LogoShelf | None = None,
) -> Authentication:
    """Check one letter. `looks_up_name`: ask for the client's reverse name as well; `logos`: and for the author's logo."""
    resolver = HurriedResolver(resolver, LOOK_UP_S)
    content, has_logo = _without_forged_results(content, hostname)
    letter = Letter.parse(content)
    checks: list[Generator[Any, Any, Any]] = [
        spf.check(peer.ip, reverse_path, peer.hello, receiver=hostname, now=now_s),
        dkim.verify(letter, now_s),
        _limited(arc.verify(letter, now_s), MAX_ARC_QUESTIONS),
    ]
    if looks_up_name:
        checks.append(iprev.check(peer.ip))
    spf_result, dkim_results, arc_result, *names = await ask_together(checks, resolver)
    dmarc_result = await ask(dmarc.check(letter, spf_result, dkim_results), resolver)
    logo = await logos.told(letter, dmarc_result, dkim_results, resolver) if logos is not None else None
    methods = (
        of_spf(spf_result, ip=peer.ip, sender=reverse_path, helo=peer.hello),
        *of_dkim_all(dkim_results),
        of_arc(arc_result, ip=peer.ip),
        of_dmarc(dmarc_result),
        *(of_iprev(name) for name in names),
        *(() if logo is None else (logo.method,)),
    )
    name = names[0] if names else None
    field = build(hostname, methods)
    if has_logo:  # only now: a signature may cover them
        content = strip_fields(content)
    return Authentication(
        spf_result,
        dkim_results,
        dmarc_result,
        name,
        field,
        content,
        arc_result,
        methods,
        b"" if logo is None else logo.fields,
    )


def _limited(check: Asking[ArcResult], allowed: int) -> Asking[ArcResult]:
    """The check with so many questions; to the rest there is no answer."""
    try:
        question = next(check)
        while True:
            answer = (yield question) if allowed > 0 else questions.TIMEOUT
            allowed -= 1
            question = check.send(answer)
    except StopIteration as stop:
        result: ArcResult = stop.value
        return result


def _without_forged_results(content: bytes, hostname: str) -> tuple[bytes, bool]:
    """RFC 8601 §5: nobody else speaks in our name; and whether there may be logo fields, which only we write."""
    empty_line = content.find(b"\r\n\r\n")
    end = len(content) if empty_line < 0 else empty_line + 2
    folded = content[:end].lower()
    has_logo = b"bimi-" in folded
    if b"authentication-results" not in folded:
        return content, has_logo
    return strip_ours(content[:end], hostname) + content[end:], has_logo
