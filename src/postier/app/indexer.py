"""The duty of one worker of all nodes: new mail gets into the index of words.

Not here: how it is indexed (`indexing`), what the index is (`mailbox.words`). Invariants: one worker at a time holds the duty by a
lease, and a second builder (`postier search rebuild`) does no harm; mail goes first: a busy worker waits for a quiet moment,
not longer than POSTPONED_S, and then rests nineteen times as long as it works; what a crash interrupts is done again.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence

from postier.app import log
from postier.app.indexing import make_block
from postier.mailbox.words import keeping
from postier.mailbox.words.block import BLOCK, Block
from postier.mailbox.words.keeping import Stretch
from postier.store.leases import hand_back_lease, take_lease
from postier.store.transaction import ReadTx, Store, StoreError, WriteTx

EVERY_S = 5.0
LOOK_SHARE = 0.01  # of the time, at most, goes into looking for what is to be done
LOOK_ANYWAY_S = 60.0  # and after so long although this worker has written nothing
LEASE = "index"
LEASE_US = 120_000_000
POSTPONED_S = 60.0  # new mail waits at most so long for a quiet moment
BLOCKS_IN_TURN = 16  # of one account, before others have their turn
BUSY = 0.1  # of a processor used by this worker for other things
RESTS_BUSY, RESTS_QUIET = 19, 1  # as long as the work was
SAMPLE_S = 0.05

_Made = list[tuple[Stretch, Block]]


class Leisure:
    """How busy this worker is with other things, learnt while the duty rests."""

    def __init__(self) -> None:
        self.share = 0.0
        self._length_s = self._used_s = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether mail is under way."""
        return self.share > BUSY

    def rested(self, length_s: float, used_s: float) -> None:
        """A rest of this length ended, in which the process used that much of a processor."""
        self._length_s += length_s
        self._used_s += used_s
        if self._length_s >= SAMPLE_S:
            self.share = self._used_s / self._length_s
            self._length_s = self._used_s = 0.0


class Indexer:
    """A `Service` (app.worker)."""

    def __init__(self, store: Store, owner: str, *, every_s: float = EVERY_S) -> None:
        self._store = store
        self._owner = owner
        self._every_s = every_s
        self._stopping = asyncio.Event()
        self._leisure = Leisure()
        self._step_began = self._looked_at = 0.0
        self._commits = -1

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to look now and then."""
        tasks.create_task(self._run())

    def stop_accepting(self) -> None:
        """End after the block under way."""
        self._stopping.set()

    async def finish(self, deadline: float) -> None:
        """A block takes less than a second."""

    async def _run(self) -> None:
        postponed_s = 0.0
        pause_s = self._every_s
        while not await self._rested(pause_s):
            pause_s = self._every_s
            if self._leisure.is_busy and postponed_s < POSTPONED_S:
                postponed_s += pause_s
                continue
            postponed_s = 0.0
            try:
                pause_s = max(pause_s, await self._index() / LOOK_SHARE)
            except StoreError as error:
                log.logger("indexer").warning("not indexed", problem=str(error))

    async def _index(self) -> float:
        """Index what there is; how long looking for it took. Raises StoreError."""
        if not await self._store.read(_is_free, self._owner, time.time_ns() // 1000):
            return 0.0
        began, commits = time.monotonic(), self._store.commits
        if commits == self._commits and began - self._looked_at < LOOK_ANYWAY_S:
            return 0.0
        self._commits, self._looked_at = commits, began
        accounts = await self._store.read_bulk(keeping.accounts_to_index)
        looked_s = time.monotonic() - began
        if not accounts:
            return looked_s
        has_it = await self._store.write(take_lease, LEASE, self._owner, LEASE_US)
        if has_it:
            try:
                await self._index_accounts(accounts)
            finally:
                await self._store.write(hand_back_lease, LEASE, self._owner)
        return looked_s

    async def _index_accounts(self, accounts: Sequence[int]) -> None:
        """Runs are small, so those of many accounts are filed together."""
        made: _Made = []
        letters = 0
        waiting = deque(accounts)
        while waiting:
            account_id, done = waiting.popleft(), 0
            for _ in range(BLOCKS_IN_TURN):
                stretch = await self._store.read(keeping.next_stretch, account_id, done)
                if stretch is None:
                    break
                if stretch.size == BLOCK and not await self._filed(made):  # runs among them go into it
                    return
                self._step_began = time.monotonic()
                count, block = await make_block(self._store, stretch, self._between)
                made.append((stretch, block))
                letters, done = letters + count, stretch.end
                is_ending = self._stopping.is_set()
                if is_ending or letters >= BLOCK:
                    letters = 0
                    if not await self._filed(made) or is_ending:
                        return
            else:
                if not await self._filed(made):
                    return
                waiting.append(account_id)
        await self._filed(made)

    async def _filed(self, made: _Made) -> bool:
        """File blocks and forget them; False if another worker has the duty now."""
        if not made:
            return True
        blocks = tuple(made)
        made.clear()
        return await self._store.write_bulk(_file, self._owner, blocks)

    async def _between(self) -> None:
        """Rest after a step, for its length or longer."""
        worked_s = time.monotonic() - self._step_began
        await self._rested(worked_s * (RESTS_BUSY if self._leisure.is_busy else RESTS_QUIET))
        self._step_began = time.monotonic()

    async def _rested(self, length_s: float) -> bool:
        """Wait; True if it is time to end."""
        began, used_s = time.monotonic(), time.process_time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(length_s):
                await self._stopping.wait()
        self._leisure.rested(time.monotonic() - began, time.process_time() - used_s)
        return self._stopping.is_set()


def _is_free(tx: ReadTx, owner: str, now_us: int) -> bool:
    """Whether the duty may be taken: asked of every worker now and then, so it is a read."""
    holder = tx.value("SELECT owner FROM lease WHERE name = ? AND lease_until > ?", LEASE, now_us)
    return holder is None or holder == owner


def _file(tx: WriteTx, owner: str, made: Sequence[tuple[Stretch, Block]]) -> bool:
    if not take_lease(tx, LEASE, owner, LEASE_US):
        return False
    for stretch, block in made:
        keeping.file_block(tx, stretch, block)
    return True
