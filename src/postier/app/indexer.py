"""The duty of one worker of all nodes: new mail gets into the index of words.

Not here: what the index is (`mailbox.words`). Invariants: one worker at a time holds the duty by a lease, and a second
builder (`postier search rebuild`) does no harm; words are found beside the event loop, with as long a rest after each
block; what a crash interrupts is done again.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from postier.app import log
from postier.mailbox import texts
from postier.mailbox.words import rows
from postier.mailbox.words.block import Block, MessageWords, build, message_words
from postier.mailbox.words.rows import Letter
from postier.mime.part import load_parts
from postier.store.leases import take_lease
from postier.store.transaction import Store, StoreError

EVERY_S = 5.0
LEASE_US = 600_000_000
LEASE = "index"
MAX_CONTENT = 64 * 1_048_576  # octets of a message; a larger one is not indexed but read at each search
CONTENTS_AT_ONCE = 16 * 1_048_576  # octets read together


class Indexer:
    """A `Service` (app.worker)."""

    def __init__(self, store: Store, owner: str, *, every_s: float = EVERY_S) -> None:
        self._store = store
        self._owner = owner
        self._every_s = every_s
        self._stopping = asyncio.Event()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to look now and then."""
        tasks.create_task(self._run())

    def stop_accepting(self) -> None:
        """End after the block under way."""
        self._stopping.set()

    async def finish(self, deadline: float) -> None:
        """A block takes a second."""

    async def _run(self) -> None:
        while not await self._rested(self._every_s):
            try:
                await self._index()
            except StoreError as error:
                log.logger("indexer").warning("not indexed", problem=str(error))

    async def _index(self) -> None:
        for account_id in await self._store.read_bulk(rows.accounts_to_index):
            began = time.monotonic()
            while await self._store.write(take_lease, LEASE, self._owner, LEASE_US):
                if await index_next(self._store, account_id) is None:
                    break
                if await self._rested(time.monotonic() - began):
                    return
                began = time.monotonic()

    async def _rested(self, length_s: float) -> bool:
        """Wait; True if it is time to end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(length_s):
                await self._stopping.wait()
        return self._stopping.is_set()


async def index_account(store: Store, account_id: int, told: Callable[[int], None] = lambda _: None) -> None:
    """Index all that makes a block; `told` is called with the number of messages of each."""
    while (count := await index_next(store, account_id)) is not None:
        told(count)


async def index_next(store: Store, account_id: int) -> int | None:
    """Index one block; how many messages it has, None if there is nothing to do. Raises StoreError."""
    stretch = await store.read(rows.next_stretch, account_id)
    if stretch is None:
        return None
    letters = await store.read_bulk(rows.letters_in, account_id, stretch)
    found: list[tuple[int, MessageWords | None]] = []
    for some in _portions(letters):
        contents = await store.read_blobs([one.blob_id for one in some])
        found += await asyncio.to_thread(_words, some, contents)
    found += [(one.place, None) for one in letters if one.size_bytes > MAX_CONTENT]
    block: Block = await asyncio.to_thread(build, stretch.size, found)
    await store.write_bulk(rows.write_block, account_id, stretch.first, block)
    return len(letters)


def _portions(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """Letters whose contents are read together."""
    portion: list[Letter] = []
    octets = 0
    for letter in letters:
        if letter.size_bytes > MAX_CONTENT:
            continue
        if portion and octets + letter.size_bytes > CONTENTS_AT_ONCE:
            yield portion
            portion, octets = [], 0
        portion.append(letter)
        octets += letter.size_bytes
    if portion:
        yield portion


def _words(
    letters: Sequence[Letter], contents: Sequence[bytes | None]
) -> list[tuple[int, MessageWords | None]]:
    """The words of each letter; None for one whose content is lost."""
    found: list[tuple[int, MessageWords | None]] = []
    for letter, raw in zip(letters, contents, strict=True):
        words = None
        if raw is not None:
            root = load_parts(letter.parts)
            words = message_words(letter.subject, texts.header_text(raw, root), texts.body_text(raw, root))
        found.append((letter.place, words))
    return found
