"""DKIM signatures on what leaves, and the ARC seal on what is passed on.

Not here: keys (`accounts.dkim_keys`, kept at hand by `accounts.directory`), the signature itself (`mailauth`).
Invariant: a local domain whose mail leaves unsigned is told in the log each time.
"""

from collections.abc import Sequence

import structlog

from postier.accounts.directory import Directory
from postier.mailauth import arc, dkim
from postier.mailauth.authentication_results import MethodResult, parse
from postier.mailauth.dkim.keys import MIN_RSA_BITS
from postier.mailauth.letter import Letter
from postier.mailauth.names import canonical
from postier.mailauth.outcome import Outcome


async def sign(directory: Directory, letter: bytes, domain: str, now_s: int) -> bytes:
    """The DKIM-Signature fields to put on top, one for each active key of the domain; b"" when it has none."""
    keys = await directory.signing_keys(domain)
    if not keys:
        structlog.get_logger().warning("letter-unsigned", domain=domain)
        return b""
    return dkim.sign(letter, keys, now_s, min_rsa_bits=MIN_RSA_BITS)


async def seal(
    directory: Directory,
    letter: bytes,
    domain: str,
    *,
    authserv_id: str,
    status: Outcome,
    results: Sequence[MethodResult],
    now_s: int,
) -> bytes:
    """The ARC set to put on top of a letter from elsewhere that this domain passes on; b"" when it has no key, or when the
    chain may not go on (RFC 8617 §5.1).
    """
    keys = await directory.signing_keys(domain)
    if not keys:
        structlog.get_logger().warning("letter-unsealed", domain=domain)
        return b""
    # RSA is first; RFC 8617 §4.1.2: a set has one signature only, so it is the one that every verifier knows
    return arc.seal(
        letter, keys[0], authserv_id, now_s, status=status, results=results, min_rsa_bits=MIN_RSA_BITS
    )


async def seal_again(
    directory: Directory, content: bytes, domain: str, *, authserv_id: str, now_s: int
) -> bytes:
    """The ARC set for a letter that lies in our queue and leaves once more, through an alias of `domain`; b"" where none is due.

    It has lain here since it was authenticated, so what our own field says holds still, and nothing is looked up: a chain
    that did not fail then, with what we have sealed since, passes now. A letter without that field is one of ours: it
    is signed, not sealed.
    """
    letter = Letter.parse(content)
    ours = canonical(authserv_id)
    fields = [parse(field.value) for field in letter.named(b"authentication-results")]
    results = [
        result
        for field in fields
        if field is not None and canonical(field.authserv_id) == ours
        for result in field.results
    ]
    if not results:
        return b""
    status = Outcome.PASS if letter.named(b"arc-seal") else Outcome.NONE
    if any((result.method, result.result) == ("arc", Outcome.FAIL) for result in results):
        status = Outcome.FAIL
    return await seal(
        directory,
        content,
        domain,
        authserv_id=authserv_id,
        status=status,
        results=results,
        now_s=now_s,
    )
