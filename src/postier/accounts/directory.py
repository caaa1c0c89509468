"""What every RCPT and every submission asks of the directory, remembered for a moment in this process.

Not here: the rules (`resolution`) and the rows. Invariants: what is remembered is at most `REMEMBERED_S` old, and
forgotten at once when a writer of the directory wakes its topic; quota figures may lag `USAGE_REMEMBERED_S`, for the
delivery agent checks again; a remembered answer costs no SQL; memory is bounded whatever is asked for.
"""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from postier.accounts.dkim_keys import KeyState, domain_keys, signing_key
from postier.accounts.domain_rows import DIRECTORY_TOPIC, has_domain
from postier.accounts.postmaster import postmaster_domain
from postier.accounts.resolution import Forward, Local, Resolution, resolve
from postier.mailauth.dkim import SigningKey
from postier.mime.address import Address
from postier.store.transaction import ReadTx, Store

REMEMBERED_S = 5.0
USAGE_REMEMBERED_S = 1.0
MAX_REMEMBERED = 20_000  # answers of each kind; all are forgotten when there are more

K = TypeVar("K")
V = TypeVar("V")


class _Memory(Generic[K, V]):
    """A bounded map whose values expire."""

    __slots__ = ("_length_s", "_now", "_values")

    def __init__(self, length_s: float, now: Callable[[], float]) -> None:
        self._values: dict[K, tuple[V, float]] = {}
        self._length_s = length_s
        self._now = now

    def get(self, key: K) -> V | None:
        remembered = self._values.get(key)
        return remembered[0] if remembered is not None and self._now() < remembered[1] else None

    def put(self, key: K, value: V) -> None:
        if len(self._values) >= MAX_REMEMBERED:
            self._values.clear()
        self._values[key] = (value, self._now() + self._length_s)

    def clear(self) -> None:
        self._values.clear()


class Directory:
    """One process's view of domains, accounts and aliases; belongs to one event loop. Its methods raise StoreError."""

    def __init__(
        self, store: Store, *, hostname: str = "", now: Callable[[], float] = time.monotonic
    ) -> None:
        """`hostname` is this server's own name, at which postmaster is answered too (RFC 5321 §4.1.1.3)."""
        self._store = store
        self._hostname = hostname
        self._resolutions: _Memory[Address, Resolution] = _Memory(REMEMBERED_S, now)
        self._keys: _Memory[str, list[SigningKey]] = _Memory(REMEMBERED_S, now)
        self._domains: _Memory[str, bool] = _Memory(REMEMBERED_S, now)
        self._postmaster: _Memory[str, str] = _Memory(REMEMBERED_S, now)
        self._usage: _Memory[int, int] = _Memory(USAGE_REMEMBERED_S, now)
        self._generation = 0
        self._unwatch = store.watch_topic(DIRECTORY_TOPIC, self.forget)

    async def resolve(self, address: Address) -> Resolution:
        """Where a letter for the address goes."""
        known = self._resolutions.get(address)
        if known is not None:
            return known
        generation = self._generation
        resolution = await self._store.read(resolve, address, self._hostname)
        if generation == self._generation:  # else a change came while this was read
            self._resolutions.put(address, resolution)
        return resolution

    async def has_room(self, account_id: int, size_bytes: int) -> bool:
        """Whether a letter of that size fits into the account's quota; no room in a removed account."""
        room = self._usage.get(account_id)
        if room is None:
            room = await self._store.read(_room, account_id)
            self._usage.put(account_id, room)
        return size_bytes <= room

    async def may_send_as(self, account_id: int, address: Address) -> bool:
        """Whether the account may write under this address: its own, extensions of it, aliases that lead to it.

        Asked for the reverse-path and for each address in From (SECURITY 31).
        """
        match await self.resolve(address):
            case Local(recipients) | Forward(_, recipients):
                return any(recipient.account_id == account_id for recipient in recipients)
            case _:
                return False

    async def is_ours(self, domain: str) -> bool:
        """Whether we take mail for the domain."""
        known = self._domains.get(domain)
        if known is None:
            generation = self._generation
            known = await self._store.read(has_domain, domain)
            if generation == self._generation:
                self._domains.put(domain, known)
        return known

    async def signing_keys(self, domain: str) -> list[SigningKey]:
        """The keys that sign the domain's mail now, RSA first; none for a domain that is not ours."""
        known = self._keys.get(domain)
        if known is None:
            generation = self._generation
            known = await self._store.read(_active_keys, domain)
            if generation == self._generation:
                self._keys.put(domain, known)
        return known

    async def postmaster_domain(self) -> str:
        """The domain in whose name this server itself writes, see `accounts.postmaster`."""
        known = self._postmaster.get(self._hostname)
        if known is None:
            generation = self._generation
            known = await self._store.read(postmaster_domain, self._hostname)
            if generation == self._generation:
                self._postmaster.put(self._hostname, known)
        return known

    def forget(self) -> None:
        """Ask the store again from now on."""
        self._generation += 1
        for memory in (self._resolutions, self._keys, self._domains, self._postmaster, self._usage):
            memory.clear()

    def close(self) -> None:
        """Hear of changes no more."""
        self._unwatch()
        self.forget()


_NO_LIMIT = 1 << 62


def _room(tx: ReadTx, account_id: int) -> int:
    """Octets that still fit; negative in a full account and in none."""
    row = tx.row("SELECT quota_bytes, used_bytes FROM account WHERE account_id = ?", account_id)
    if row is None:
        return -1
    quota_bytes, used_bytes = row
    return _NO_LIMIT if quota_bytes is None else int(quota_bytes - used_bytes)


def _active_keys(tx: ReadTx, domain: str) -> list[SigningKey]:
    return [signing_key(key) for key in domain_keys(tx, domain) if key.state is KeyState.ACTIVE]
