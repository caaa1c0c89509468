"""DKIM signatures on what leaves: the author domain's active keys, loaded once.

Not here: making and storing keys (`accounts.dkim_keys`). Invariant: a local domain whose mail leaves unsigned is told in
the log each time.
"""

import structlog

from postier.accounts.directory import Directory
from postier.accounts.dkim_keys import DkimKey
from postier.mailauth import dkim

MAX_LOADED = 10_000


class Signers:
    """The signing keys of this process; belongs to one event loop."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._loaded: dict[str, dkim.SigningKey] = {}  # by PEM: a rotated key is another

    async def sign(self, letter: bytes, domain: str, now_s: int) -> bytes:
        """The DKIM-Signature fields to put on top, b"" when the domain has no keys."""
        keys = [self._signing_key(key) for key in await self._directory.signing_keys(domain)]
        if not keys:
            structlog.get_logger().warning("letter-unsigned", domain=domain)
            return b""
        return dkim.sign(letter, keys, now_s)

    def _signing_key(self, key: DkimKey) -> dkim.SigningKey:
        loaded = self._loaded.get(key.private_key)
        if loaded is None:
            if len(self._loaded) >= MAX_LOADED:
                self._loaded.clear()
            private = dkim.load_private_key(key.private_key.encode())
            loaded = self._loaded[key.private_key] = dkim.SigningKey(key.domain, key.selector, private)
        return loaded
