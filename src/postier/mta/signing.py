"""DKIM signatures on what leaves.

Not here: keys (`accounts.dkim_keys`, kept at hand by `accounts.directory`), the signature itself (`mailauth.dkim`).
Invariant: a local domain whose mail leaves unsigned is told in the log each time.
"""

import structlog

from postier.accounts.directory import Directory
from postier.mailauth import dkim


async def sign(directory: Directory, letter: bytes, domain: str, now_s: int) -> bytes:
    """The DKIM-Signature fields to put on top, one for each active key of the domain; b"" when it has none."""
    keys = await directory.signing_keys(domain)
    if not keys:
        structlog.get_logger().warning("letter-unsigned", domain=domain)
        return b""
    return dkim.sign(letter, keys, now_s)
