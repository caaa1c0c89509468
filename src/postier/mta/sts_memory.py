"""MTA-STS policies of others in the store, so that they survive a restart and serve all workers.

Not here: when they are fetched and how long they hold (`tls.sts`). Source: RFC 8461 §3.3, §10.2 (a cached policy is what a downgrade
fails on). Invariants: one row a domain; a store that does not answer is an error, never "no policy"; what has expired goes when
something is saved.
"""

import msgspec

from postier.mailauth.mta_sts import Mode, Policy
from postier.store.transaction import ReadTx, Store, WriteTx
from postier.tls.sts import KnownPolicy

SECOND_US = 1_000_000
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str, ...]).decode


class StoredPolicies:
    """The `tls.sts.StsMemory` of this server. Its methods raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self, domain: str) -> KnownPolicy | None:
        """What was saved last for the domain."""
        return await self._store.read(find_policy, domain)

    async def save(self, known: KnownPolicy) -> None:
        """Keep it in place of what there was."""
        await self._store.write(keep_policy, known)


def find_policy(tx: ReadTx, domain: str) -> KnownPolicy | None:
    """The policy known of a domain, whether it is valid still or not."""
    row = tx.row(
        "SELECT identifier, mode, max_age_s, patterns, fetched_at FROM known_sts_policy WHERE domain = ?",
        domain,
    )
    if row is None:
        return None
    identifier, mode, max_age_s, patterns, fetched_at = row
    return KnownPolicy(
        domain, identifier, Policy(Mode(mode), max_age_s, _decode(patterns)), fetched_at / SECOND_US
    )


def keep_policy(tx: WriteTx, known: KnownPolicy) -> None:
    """Write a policy; what of others has expired is forgotten."""
    fetched_at = int(known.fetched_s * SECOND_US)
    policy = known.policy
    tx.run("DELETE FROM known_sts_policy WHERE expires_at < ? OR domain = ?", tx.now_us, known.domain)
    tx.run(
        "INSERT INTO known_sts_policy (domain, identifier, mode, max_age_s, patterns, fetched_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        known.domain,
        known.identifier,
        policy.mode,
        policy.max_age_s,
        _encode(policy.patterns).decode(),
        fetched_at,
        fetched_at + policy.max_age_s * SECOND_US,
    )
