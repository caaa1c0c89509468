"""Mail gets into the index of words: contents are read, blocks made and filed.

Not here: when that is done (`indexer`), what the index is (`mailbox.words`). Invariants: whoever does it at the same time
does no harm; a step is short (some milliseconds beside the event loop), and the caller says what is waited for
between steps; memory is bounded by STEP_BYTES or one content, and by what `words.making` says.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from postier.mailbox.words import keeping
from postier.mailbox.words.block import Block, DamagedBlockError
from postier.mailbox.words.keeping import Letter, Stretch
from postier.mailbox.words.making import Gathering
from postier.mailbox.words.message import MessageWords, message_words
from postier.mime.part import load_parts
from postier.store.transaction import Store, StoreError

MAX_CONTENT = 64 * 1_048_576  # octets of a message; a larger one is not indexed but read at each search
STEP_BYTES = 262_144  # of contents read together
STEP_LETTERS = 32

Between = Callable[[], Awaitable[object]]


async def _at_once() -> None:
    """What somebody waits for is done without a rest."""


async def index_account(store: Store, account_id: int, told: Callable[[int], None] = lambda _: None) -> None:
    """Index all that makes a block; `told` is called with the number of messages of each. Raises StoreError."""
    while (stretch := await store.read(keeping.next_stretch, account_id)) is not None:
        count, block = await make_block(store, stretch)
        await store.write_bulk(keeping.file_block, stretch, block)
        told(count)


async def renew_thin_blocks(store: Store, account_id: int) -> None:
    """Blocks most of whose emails have gone are made without them. Raises StoreError."""
    for stretch in await store.read_bulk(keeping.thin_blocks, account_id):
        _, block = await make_block(store, stretch)
        await store.write_bulk(keeping.replace_block, stretch, block)


async def make_block(store: Store, stretch: Stretch, between: Between = _at_once) -> tuple[int, Block]:
    """How many messages were read, and the block. Raises StoreError."""
    gathering = Gathering(stretch.size)
    start = stretch.done
    for run in await store.read_bulk(keeping.runs_in, stretch):
        try:
            await asyncio.to_thread(gathering.take_over, run.offset, run.block, run.alive)
        except DamagedBlockError:  # its texts and those of what follows are read again
            start = stretch.first + run.offset
            break
        await between()
    letters = await store.read_bulk(keeping.letters_in, stretch, start)
    for some in _steps(letters):
        await asyncio.to_thread(_gather, gathering, some, await _contents(store, some))
        await between()
    block = await asyncio.to_thread(gathering.block)
    await between()
    return len(letters), block


def _steps(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    step: list[Letter] = []
    octets = 0
    for letter in letters:
        if step and (octets + letter.size_bytes > STEP_BYTES or len(step) == STEP_LETTERS):
            yield step
            step, octets = [], 0
        step.append(letter)
        octets += letter.size_bytes
    if step:
        yield step


async def _contents(store: Store, letters: Sequence[Letter]) -> list[bytes | None]:
    """The contents of a step; None for one that is too large, lost or damaged: a search will see to it."""
    if len(letters) == 1:
        return [await _content(store, letters[0])]
    try:
        return await store.read_blobs([one.blob_id for one in letters])
    except StoreError:
        return [await _content(store, one) for one in letters]


async def _content(store: Store, letter: Letter) -> bytes | None:
    if letter.size_bytes > MAX_CONTENT:
        return None
    try:
        return await store.read_blob(letter.blob_id)
    except (KeyError, StoreError):
        return None


def _gather(gathering: Gathering, letters: Sequence[Letter], contents: Sequence[bytes | None]) -> None:
    for letter, raw in zip(letters, contents, strict=True):
        words: MessageWords | None = None
        if raw is not None:
            words = message_words(raw, load_parts(letter.parts), letter.subject)
        gathering.add(letter.place, words)
