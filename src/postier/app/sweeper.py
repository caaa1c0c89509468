"""The hourly duty of one worker of all nodes: what was expunged long ago (its words too), old reports and logos leave the store.

Not here: what may go (`mailbox.sweep`, `mta.reports`, `mta.logos`). Source: DESIGN §3.4 (deleting is delayed). Invariant: one worker at a time holds the
duty by a lease; a portion is one short transaction, so nobody waits for the sweep.
"""

import asyncio
import contextlib

from postier.app import log
from postier.app.indexing import renew_thin_blocks
from postier.mailbox.sweep import accounts_to_sweep, sweep_account, sweep_blobs
from postier.mta.logos.rows import forget_logos
from postier.mta.reports.received_rows import KEPT_US as REPORTS_KEPT_US
from postier.mta.reports.received_rows import forget_reports
from postier.mta.sieving.applying import KEPT_US as RUNS_KEPT_US
from postier.mta.sieving.applying import forget_runs
from postier.mta.sieving.memory import forget_expired
from postier.store.leases import take_lease
from postier.store.transaction import Store, StoreError

HOUR_US = 3_600_000_000
KEPT_US = 14 * 24 * HOUR_US  # how long an expunged message can be brought back
BLOB_KEPT_US = 24 * HOUR_US  # how long content that nothing names stays: it may be about to be named
EVERY_S = 3_600.0
LEASE = "sweep"


class Sweeper:
    """A `Service` (app.worker)."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._stopping = asyncio.Event()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to look once an hour."""
        tasks.create_task(self._run())

    def stop_accepting(self) -> None:
        """End after the portion under way."""
        self._stopping.set()

    async def finish(self, deadline: float) -> None:
        """A portion is short."""

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._stopping.wait()
                    return
            try:
                if await self._store.write(take_lease, LEASE, self._owner, HOUR_US):
                    await sweep(self._store, self._stopping)
            except StoreError as error:
                log.logger("sweeper").warning("not swept", problem=str(error))


async def sweep(
    store: Store, stopping: asyncio.Event, *, kept_us: int = KEPT_US, blob_kept_us: int = BLOB_KEPT_US
) -> None:
    """Remove what was expunged `kept_us` ago and content that nothing has named for `blob_kept_us`."""
    now_us = await store.write(lambda tx: tx.now_us)
    for account_id in await store.read_bulk(accounts_to_sweep, now_us - kept_us):
        while not stopping.is_set() and await store.write_bulk(sweep_account, account_id, now_us - kept_us):
            pass
        if not stopping.is_set():
            await renew_thin_blocks(store, account_id)
    while not stopping.is_set() and await store.write_bulk(forget_reports, now_us - REPORTS_KEPT_US):
        pass
    await store.write(forget_logos)
    while not stopping.is_set() and await store.write_bulk(forget_expired, now_us):
        pass
    while not stopping.is_set() and await store.write_bulk(forget_runs, now_us - RUNS_KEPT_US):
        pass
    after: bytes | None = b""
    while after is not None and not stopping.is_set():
        after = await store.write_bulk(sweep_blobs, after, now_us - blob_kept_us)
