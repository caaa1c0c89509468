"""The duties of one worker of all nodes: letters that may hold a report are read, and our own reports are sent.

Not here: how (`mta.reports`). Invariants: one worker at a time holds a duty by a lease; a wake-up that is lost costs EVERY_S at
most; each worker folds what it saw into the store every FOLD_S, and when it ends.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable

from postier.accounts.directory import Directory
from postier.app import log
from postier.app.settings import Settings
from postier.dns.resolver import Resolver
from postier.mta.reports.arrivals import TOPIC, has_letters
from postier.mta.reports.reading import read_letters
from postier.mta.reports.sending import Sender
from postier.mta.reports.sightings import Sightings
from postier.store.leases import hand_back_lease, prolong_lease, take_lease
from postier.store.transaction import ConflictError, Store, StoreError
from postier.tls.https_post import HttpsPoster

EVERY_S = 60.0
LEASE = "reports-read"
LEASE_US = 10 * 60 * 1_000_000
FOLD_S = 10.0
SEND_EVERY_S = 600.0
SENDING_LEASE = "reports-send"
SENDING_LEASE_US = 60 * 60 * 1_000_000  # a round of many look-ups takes long
DELAY_US = 15 * 60 * 1_000_000  # after midnight, at least: every worker has folded its day
SPREAD_US = 4 * 3_600 * 1_000_000  # RFC 8460 §4.1: not everybody at midnight


class Reporter:
    """A `Service` (app.worker)."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner  # node/start/worker, and the node is named as its host
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._unwatch = store.watch_topic(TOPIC, self._woken.set)

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to look."""
        tasks.create_task(self._run())

    def stop_accepting(self) -> None:
        """End after the letter under way."""
        self._unwatch()
        self._stopping.set()
        self._woken.set()

    async def finish(self, deadline: float) -> None:
        """A letter is read soon."""

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._read()
            except (StoreError, ConflictError) as error:  # two at once: `postier report import` writes too
                log.logger("reporter").warning("reports not read", problem=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._woken.wait()
            self._woken.clear()

    async def _read(self) -> None:
        while not self._stopping.is_set() and await self._store.read(has_letters):
            if not await self._store.write(take_lease, LEASE, self._owner, LEASE_US):
                return
            try:
                await read_letters(self._store, self._stopping, self._owner.partition("/")[0])
            finally:
                await self._store.write(hand_back_lease, LEASE, self._owner)


def delay_us(hostname: str) -> int:
    """How long after midnight this server sends: between DELAY_US and SPREAD_US more, always the same."""
    digest = hashlib.sha256(hostname.encode()).digest()
    return DELAY_US + int.from_bytes(digest[:8], "big") % SPREAD_US


def sender_of(
    settings: Settings,
    store: Store,
    directory: Directory,
    resolver: Resolver,
    now_us: Callable[[], int],
    random_bits: Callable[[int], int],
) -> Sender:
    """What sends the reports, as the settings have it."""
    may_be_private = settings.delivery.allow_private_addresses
    return Sender(
        store=store,
        directory=directory,
        resolver=resolver,
        poster=HttpsPoster(resolver, allow_private_addresses=may_be_private),
        hostname=settings.hostname,
        per_day=settings.reports.per_day,
        now_us=now_us,
        random_bits=random_bits,
        domain=settings.reports.domain or "",
        delay_us=delay_us(settings.hostname),
    )


class ReportSender:
    """A `Service` (app.worker); it is there only when reports are to be sent."""

    def __init__(self, store: Store, owner: str, sightings: Sightings, sender: Sender) -> None:
        self._store = store
        self._owner = owner
        self._sightings = sightings
        self._sender = sender
        self._stopping = asyncio.Event()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to fold and to look for what is due."""
        tasks.create_task(self._every(FOLD_S, self._sightings.fold))
        tasks.create_task(self._every(SEND_EVERY_S, self._send))

    def stop_accepting(self) -> None:
        """End after the report under way."""
        self._stopping.set()

    async def finish(self, deadline: float) -> None:  # noqa: ARG002 # one short write
        """Fold what was seen last."""
        with contextlib.suppress(StoreError):
            await self._sightings.fold()

    async def _every(self, pause_s: float, act: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()
                    return
            try:
                await act()
            except (StoreError, ConflictError) as error:
                log.logger("reporter").warning("reports not sent", problem=str(error))

    async def _send(self) -> None:
        if await self._store.write(take_lease, SENDING_LEASE, self._owner, SENDING_LEASE_US):
            try:
                await self._sender.send_due(self._stopping, self._holds)
            finally:
                await self._store.write(hand_back_lease, SENDING_LEASE, self._owner)

    async def _holds(self) -> bool:
        """Whether the lease is ours still; a round may take longer than it."""
        return await self._store.write(prolong_lease, SENDING_LEASE, self._owner, SENDING_LEASE_US)
