"""DKIM signatures on what leaves, and the ARC seal on what is passed on.

Not here: keys (`accounts.dkim_keys`, kept at hand by `accounts.directory`), the signature itself (`mailauth`).
Invariant: a local domain whose mail leaves unsigned is told in the log each time.
"""

import structlog

from postier.accounts.directory import Directory
from postier.mailauth import dkim
from postier.mailauth.dkim.keys import MIN_RSA_BITS


async def sign(directory: Directory, letter: bytes, domain: str, now_s: int) -> bytes:
    """The DKIM-Signature fields to put on top, one for each active key of the domain; b"" when it has none."""
    keys = await directory.signing_keys(domain)
    if not keys:
        structlog.get_logger().warning("letter-unsigned", domain=domain)
        return b""
    return dkim.sign(letter, keys, now_s, min_rsa_bits=MIN_RSA_BITS)
