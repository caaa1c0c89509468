"""A block is made: words are gathered message by message, or taken from the runs that it replaces.

Not here: the words of a message (`message`), the octets of a block (`block`). Invariants: a block takes at most MAX_SHARE of its
texts, and gathering it at most MAX_PAIRS; messages for which there is no room are undecided, so they are read at each search.
"""

from collections import Counter, defaultdict

from postier.mailbox.words.block import Block, Field, Reader, as_bits, pack, places_in
from postier.mailbox.words.message import MessageWords

MAX_SHARE = 0.5  # of the size of the texts, for a block
SMALL_BLOCK = 4_096  # octets that a block may have whatever its texts
MAX_PAIRS = 600_000  # of a word and a message, in a block: up to 250 octets of memory each


class Gathering:
    """The words of the messages of one block; places are below `size`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._present = 0
        self._text_bytes: dict[int, int] = {}  # of the messages that are decided
        self._places: tuple[dict[bytes, list[int]], ...] = tuple(defaultdict(list) for _ in Field)
        self._pairs = 0

    def add(self, place: int, words: MessageWords | None) -> None:
        """A message, behind those before; None: its words are not known."""
        self._present |= 1 << place
        if words is None or self._pairs > MAX_PAIRS:
            return
        self._text_bytes[place] = words.text_bytes
        for field, found in zip(self._places, words.fields, strict=True):
            self._pairs += len(found)
            for word in found:
                field[word].append(place)

    def take_over(self, offset: int, run: Block, alive: int) -> None:
        """What is `alive` of a run, which begins at place `offset`. Raises DamagedBlockError, and has taken nothing then."""
        reader = Reader()
        fields = [reader.words([part for part in run.parts if part.field is field]) for field in Field]
        pairs = sum(len(places) for words in fields for _, places in words)
        present = run.present & alive
        self._present |= present << offset
        if self._pairs + pairs > MAX_PAIRS:
            return
        self._pairs += pairs
        decided = present & ~run.undecided
        each = run.text_bytes // max(1, (run.present & ~run.undecided).bit_count())
        self._text_bytes |= dict.fromkeys(places_in(decided << offset), each)
        is_whole = present == run.present
        for field, words in zip(self._places, fields, strict=True):
            for word, places in words:
                if is_whole:
                    field[word] += [offset + place for place in places]
                elif left := [offset + place for place in places if decided >> place & 1]:
                    field[word] += left

    def block(self) -> Block:
        """The block. While it is larger than its share, the half with the most words of their own is left undecided."""
        while True:
            parts = tuple(part for field in Field for part in pack(field, self._size, self._places[field]))
            text_bytes = sum(self._text_bytes.values())
            undecided = self._present & ~as_bits(self._text_bytes)
            block = Block(self._size, self._present, undecided, text_bytes, parts)
            if block.stored_bytes <= max(SMALL_BLOCK, text_bytes * MAX_SHARE):
                return block
            self._lighten()

    def _lighten(self) -> None:
        """Leave the half (at least one) that has the most words of its own for the size of its texts."""
        own = Counter[int]()
        for field in self._places:
            for word, places in field.items():
                if len(places) == 1:
                    own[places[0]] += len(word)
        by_weight = sorted(self._text_bytes, key=lambda place: own[place] / (self._text_bytes[place] + 1))
        kept = set(by_weight[: len(by_weight) // 2])
        self._text_bytes = {place: size for place, size in self._text_bytes.items() if place in kept}
        self._places = tuple(
            {word: left for word, places in field.items() if (left := [one for one in places if one in kept])}
            for field in self._places
        )
