"""A block is made: run by run, of messages or of the runs that it replaces.

Not here: the words of a message (`message`), the octets of a block (`block`). Invariants: a run takes at most MAX_SHARE of its texts
(or SMALL_RUN), and gathering it at most MAX_PAIRS; messages for which there is no room are undecided: read at each search.
"""

from collections import Counter

from postier.mailbox.words.block import RUN, Block, Field, Run, block_of, pack_words, run_of
from postier.mailbox.words.message import MessageWords

MAX_SHARE = 0.5  # of the size of the texts, for a run
SMALL_RUN = 512  # octets that a run may have whatever its texts
MAX_PAIRS = 200_000  # of a word and a message, in a run: up to 250 octets of memory each


class Gathering:
    """The words of the messages of one block; places are below `size`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._runs: list[Run] = []
        self._open = _OpenRun()

    def add(self, place: int, words: MessageWords | None) -> None:
        """A message, behind those before; None: its words are not known."""
        run, place = divmod(place, RUN)
        self._close(run)
        self._open.add(place, words)

    def take_over(self, offset: int, block: Block, alive: int) -> None:
        """What is `alive` of a run that begins at place `offset`. Raises DamagedBlockError, and has taken nothing then."""
        run = run_of(block)
        self._close(offset // RUN)
        decided = (run.present & ~run.undecided).bit_count()
        left = (run.present & alive & ~run.undecided).bit_count()
        text_bytes = run.text_bytes * left // max(1, decided)
        present, undecided = run.present & alive, run.undecided & alive
        self._runs.append(Run(present, undecided, text_bytes, run.dictionaries, run.bits))

    def block(self) -> Block:
        """The block."""
        self._close(self._size // RUN)
        return block_of(self._runs)

    def _close(self, count: int) -> None:
        """Pack what is open, and leave runs without messages, until there are `count` runs."""
        while len(self._runs) < count:
            self._runs.append(self._open.packed())
            self._open = _OpenRun()


class _OpenRun:
    def __init__(self) -> None:
        self._present = self._pairs = 0
        self._text_bytes: dict[int, int] = {}  # of the messages that are decided
        self._words: tuple[dict[bytes, int], ...] = tuple({} for _ in Field)

    def add(self, place: int, words: MessageWords | None) -> None:
        bit = 1 << place
        self._present |= bit
        if words is None or self._pairs > MAX_PAIRS:
            return
        self._text_bytes[place] = words.text_bytes
        for field, found in zip(self._words, words.fields, strict=True):
            self._pairs += len(found)
            bits_of = field.get
            for word in found:  # measured: less than lists of places, or set operations for the new words
                field[word] = bits_of(word, 0) | bit

    def packed(self) -> Run:
        """The run. While it is larger than its share, the half with the most words of their own is left undecided."""
        while True:
            dictionaries, bits = zip(*map(pack_words, self._words), strict=True)
            text_bytes = sum(self._text_bytes.values())
            decided = sum(1 << place for place in self._text_bytes)
            run = Run(self._present, self._present & ~decided, text_bytes, dictionaries, bits)
            if block_of([run]).stored_bytes <= max(SMALL_RUN, text_bytes * MAX_SHARE):
                return run
            self._lighten()

    def _lighten(self) -> None:
        """Leave the half (at least one) that has the most words of its own for the size of its texts."""
        own = Counter[int]()
        for field in self._words:
            for word, bits in field.items():
                if not bits & (bits - 1):
                    own[bits.bit_length() - 1] += len(word)
        by_weight = sorted(self._text_bytes, key=lambda place: own[place] / (self._text_bytes[place] + 1))
        kept = by_weight[: len(by_weight) // 2]
        self._text_bytes = {place: self._text_bytes[place] for place in kept}
        mask = sum(1 << place for place in kept)
        self._words = tuple(
            {word: bits & mask for word, bits in field.items() if bits & mask} for field in self._words
        )
