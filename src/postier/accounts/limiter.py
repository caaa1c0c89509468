"""How many wrong passwords a network may try: one count for all protocols and workers.

Not here: checking passwords (`login`). Counted are failures only, by address (IPv6: by /64), by IPv6 /48, and by
account together with network (IPv4 /24, IPv6 /48), never by account alone: nobody can lock an owner out who comes from elsewhere
(SECURITY 28). Above its free number each failure doubles the time for which the subject is refused. Invariants: a blocked
attempt is neither checked nor counted; while nobody is blocked, a look costs one read a second in this process,
otherwise one indexed read, remembered for a second. Times are seconds (memory) and microseconds (rows) since 1970.
"""

import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

import msgspec

from postier.mime.address import Address
from postier.store.transaction import ReadTx, Store, StoreError, WriteTx

FREE_BY_ADDRESS = 20
FREE_BY_SITE = 60  # IPv6 /48
FREE_BY_ACCOUNT = 5  # and network
FIRST_BLOCK_S = 15
LONGEST_BLOCK_S = 3_600
FORGOTTEN_S = 6 * 3_600  # after the last failure; over the longest block, else blocks would not grow
REMEMBERED_S = 1.0
MAX_REMEMBERED = 10_000
SWEEP_EVERY = 200  # failures counted by this process

Network = IPv4Network | IPv6Network


class Subject(msgspec.Struct, frozen=True, order=True):
    """What failures are counted for, and how many cost nothing."""

    name: str
    free: int


class Peer(msgspec.Struct, frozen=True):
    """What counts for a client's address: its subjects, and the network that stands beside an account's name."""

    subjects: tuple[Subject, ...]
    network: str
    is_exempt: bool


def peer_of(text: str, exempt_networks: Sequence[Network] = ()) -> Peer:
    """The peer with that IP address; what is no IP address (a Unix socket) is exempt."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return Peer((), text, is_exempt=True)
    if not isinstance(address, IPv4Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    is_exempt = any(address in network for network in exempt_networks)
    if isinstance(address, IPv4Address):
        network = str(ip_network((address, 24), strict=False))
        return Peer((Subject(f"ip {address}", FREE_BY_ADDRESS),), network, is_exempt)
    subnet, site = (str(ip_network((address, prefix), strict=False)) for prefix in (64, 48))
    subjects = (Subject(f"ip {subnet}", FREE_BY_ADDRESS), Subject(f"site {site}", FREE_BY_SITE))
    return Peer(subjects, site, is_exempt)


def count_failure(tx: WriteTx, subjects: Sequence[Subject], now_us: int) -> int:
    """Count one failure of each subject; returns until when (since 1970) the longest blocked of them is refused."""
    until = 0
    for subject in sorted(subjects):  # one order everywhere: no deadlocks
        failures = tx.value(
            "INSERT INTO login_failure (subject, failures, last_failure_at, blocked_until) VALUES (?, 1, ?, 0)"
            " ON CONFLICT (subject) DO UPDATE SET last_failure_at = excluded.last_failure_at, failures ="
            " CASE WHEN login_failure.last_failure_at < ? THEN 1 ELSE login_failure.failures + 1 END"
            " RETURNING failures",
            subject.name,
            now_us,
            now_us - FORGOTTEN_S * 1_000_000,
        )
        block_s = block_length_s(failures, subject.free)
        if block_s:
            blocked_until = now_us + block_s * 1_000_000
            tx.run(
                "UPDATE login_failure SET blocked_until = ? WHERE subject = ?", blocked_until, subject.name
            )
            until = max(until, blocked_until)
    return until


def block_length_s(failures: int, free: int) -> int:
    """For how long a subject is refused after that many failures."""
    excess = failures - free
    return 0 if excess <= 0 else min(LONGEST_BLOCK_S, FIRST_BLOCK_S << min(excess - 1, 20))


def blocked_until_us(tx: ReadTx, subjects: Sequence[Subject]) -> int:
    """Until when the longest blocked of the subjects is refused; 0 if none was."""
    marks = ", ".join("?" * len(subjects))
    until = tx.value(
        f"SELECT max(blocked_until) FROM login_failure WHERE subject IN ({marks})",
        *(subject.name for subject in subjects),
    )
    return int(until or 0)


def is_anybody_blocked(tx: ReadTx, now_us: int) -> bool:
    """Whether any subject is refused now."""
    return tx.value("SELECT 1 FROM login_failure WHERE blocked_until > ? LIMIT 1", now_us) is not None


def sweep_failures(tx: WriteTx, now_us: int) -> None:
    """Forget failures that count no more."""
    tx.run(
        "DELETE FROM login_failure WHERE last_failure_at < ? AND blocked_until < ?",
        now_us - FORGOTTEN_S * 1_000_000,
        now_us,
    )


class Limiter:
    """One process's face of the shared counts; belongs to one event loop."""

    def __init__(
        self, store: Store, exempt_networks: Sequence[Network] = (), *, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._exempt = tuple(exempt_networks)
        self._now = now
        self._peers: dict[str, Peer] = {}
        self._quiet_until = 0.0
        self._blocked: dict[tuple[str, Address | None], tuple[float, float]] = {}  # until, asked again at
        self._counted = 0

    def peer(self, text: str) -> Peer:
        """What counts for the client's address."""
        peer = self._peers.get(text)
        if peer is None:
            if len(self._peers) >= MAX_REMEMBERED:
                self._peers.clear()
            peer = self._peers[text] = peer_of(text, self._exempt)
        return peer

    async def wait_s(self, text: str, account: Address | None) -> float:
        """For how many seconds this peer may not try a password for the account; 0 if it may. Raises StoreError.

        `account` is None where the client names none, as a token can do without: then only the peer counts.
        """
        peer = self.peer(text)
        if peer.is_exempt:
            return 0.0
        now = self._now()
        known = self._blocked.get((text, account))
        if known is not None and now < known[1]:
            return max(0.0, known[0] - now)
        if now < self._quiet_until:
            return 0.0
        until_us = await self._store.read(_look, _subjects(peer, account), int(now * 1_000_000))
        if until_us is None:
            self._quiet_until = now + REMEMBERED_S
            return 0.0
        until = until_us / 1_000_000
        self._remember(text, account, until, now)
        return max(0.0, until - now)

    async def failed(self, text: str, account: Address | None) -> None:
        """Count a wrong password. Raises StoreError; then the peer is refused by this process for a first block."""
        peer = self.peer(text)
        if peer.is_exempt:
            return
        now = self._now()
        self._counted += 1
        try:
            until = await self._store.write(
                _count_and_sweep,
                _subjects(peer, account),
                int(now * 1_000_000),
                sweep=self._counted % SWEEP_EVERY == 0,
            )
        except StoreError:
            self._blocked[text, account] = (now + FIRST_BLOCK_S, now + FIRST_BLOCK_S)
            raise
        if until:
            self._quiet_until = 0.0
            self._blocked.clear()
            self._remember(text, account, until / 1_000_000, now)

    def _remember(self, text: str, account: Address | None, until: float, now: float) -> None:
        if len(self._blocked) >= MAX_REMEMBERED:
            self._blocked.clear()
        self._blocked[text, account] = (until, now + REMEMBERED_S)


def _subjects(peer: Peer, account: Address | None) -> tuple[Subject, ...]:
    if account is None:
        return peer.subjects
    return (*peer.subjects, Subject(f"account {account} {peer.network}", FREE_BY_ACCOUNT))


def _look(tx: ReadTx, subjects: Sequence[Subject], now_us: int) -> int | None:
    """Until when the longest blocked of the subjects is refused; None while nobody at all is."""
    return blocked_until_us(tx, subjects) if is_anybody_blocked(tx, now_us) else None


def _count_and_sweep(tx: WriteTx, subjects: Sequence[Subject], now_us: int, *, sweep: bool) -> int:
    if sweep:
        sweep_failures(tx, now_us)
    return count_failure(tx, subjects, now_us)
