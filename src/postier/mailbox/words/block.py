"""A block: the words of up to 1,024 messages as octets, and which messages have a word that contains a piece.

Not here: SQL (`rows`), criteria (`narrow`). A block has, for each field, one dictionary (the words in order, a line end before and
behind each, compressed) and the places of each word in chunks of WORDS_IN_CHUNK words: for a rare word two octets a place, for a
common one a bit for each message. Sets of messages are integers, bit n for place n. Measured on letters of 2.6 KB with
random identifiers in their headers: 0.19 of the text (0.23 for runs); a dictionary takes 0.3 ms to search.
"""

import enum
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import msgspec
import zstandard

from postier.mailbox.words.tokens import Piece, encoded, words_of

BLOCK = 1_024  # messages of a whole block
RUN = 64  # messages of a small one, made while the next whole block is not complete
WORDS_IN_CHUNK = 1_024
MAX_TEXT = 1_048_576  # characters of one message; a longer text is not indexed but read at each search
MAX_WORDS = 10_000  # different ones of one message; likewise
MAX_SHARE = 0.5  # of the size of the texts, for a block
SMALL_BLOCK = 4_096  # octets that a block may have whatever its texts
MAX_WORDS_OF_BLOCK = 1_000_000  # over all messages, which bounds the memory that building takes

_LEVEL = 6  # of zstd: 9 saves 1 % of the size
_END = b"\n"


class Field(enum.IntEnum):
    """What the words stand in."""

    SUBJECT = 0
    HEADER = 1
    BODY = 2


class MessageWords(msgspec.Struct, frozen=True):
    """The words of one message, by field; and the size of its texts in octets."""

    fields: tuple[set[str], set[str], set[str]]
    text_bytes: int


class Part(msgspec.Struct, frozen=True):
    """A row of a block: a dictionary (`is_dictionary`, chunk 0) or a chunk of places."""

    field: Field
    is_dictionary: bool
    chunk: int
    data: bytes


class Block(msgspec.Struct, frozen=True):
    """A block to be stored. `present`: places that have a message; `undecided`: those whose words are not here."""

    size: int
    present: int
    undecided: int
    text_bytes: int
    parts: tuple[Part, ...]


class DamagedBlockError(Exception):
    """The octets are not those of a block."""


def message_words(subject: str, header: str, body: str) -> MessageWords | None:
    """The words of a message with these (case-folded) texts; None for one that has too much of them."""
    if len(header) + len(body) > MAX_TEXT:
        return None
    fields = words_of(subject), words_of(header), words_of(body)
    if sum(map(len, fields)) > MAX_WORDS:
        return None
    return MessageWords(fields, len(encoded(header)) + len(encoded(body)))


def build(size: int, messages: Iterable[tuple[int, MessageWords | None]]) -> Block:
    """The block of messages given as (place, words); places are below `size`.

    It takes at most MAX_SHARE of the texts: while it is larger, the half with the most words of their own is left undecided.
    """
    chosen = [*messages]
    while True:
        block = _built(size, chosen)
        stored_bytes = sum(len(part.data) for part in block.parts)
        if stored_bytes <= max(SMALL_BLOCK, block.text_bytes * MAX_SHARE):
            return block
        chosen = _lightened(chosen)


def _built(size: int, messages: Sequence[tuple[int, MessageWords | None]]) -> Block:
    present = undecided = text_bytes = words = 0
    places: tuple[dict[str, list[int]], ...] = ({}, {}, {})
    for place, message in messages:
        present |= 1 << place
        if message is None or words > MAX_WORDS_OF_BLOCK:
            undecided |= 1 << place
            continue
        text_bytes += message.text_bytes
        for field, found in zip(places, message.fields, strict=True):
            words += len(found)
            for word in found:
                field.setdefault(word, []).append(place)
    parts = [part for field in Field for part in _parts(field, size, places[field])]
    return Block(size, present, undecided, text_bytes, tuple(parts))


def _lightened(messages: Sequence[tuple[int, MessageWords | None]]) -> list[tuple[int, MessageWords | None]]:
    """Without the words of the half (at least one) that have the most of their own for the size of their texts."""
    counts = Counter(
        word for _, message in messages if message is not None for field in message.fields for word in field
    )

    def weight(message: MessageWords) -> float:
        own = sum(len(word) for field in message.fields for word in field if counts[word] == 1)
        return own / (message.text_bytes + 1)

    heaviest = sorted((weight(message), place) for place, message in messages if message is not None)
    dropped = {place for _, place in heaviest[len(heaviest) // 2 :]}
    return [(place, None if place in dropped else message) for place, message in messages]


def _parts(field: Field, size: int, places: dict[str, list[int]]) -> Iterator[Part]:
    """Common words first: a search that finds all messages in them need not go on."""
    if not places:
        return
    common = _is_common(size)
    words = sorted(places, key=lambda word: (len(places[word]) <= common, encoded(word)))
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    dictionary = _END + _END.join(map(encoded, words)) + _END
    yield Part(field, True, 0, compressor.compress(dictionary))
    for chunk, start in enumerate(range(0, len(words), WORDS_IN_CHUNK)):
        lists = [places[word] for word in words[start : start + WORDS_IN_CHUNK]]
        counts = struct.pack(f"<{len(lists) + 1}H", len(lists), *map(len, lists))
        data = counts + b"".join(_packed(size, one) for one in lists)
        yield Part(field, False, chunk, compressor.compress(data))


def _is_common(size: int) -> int:
    """Above so many places, bits are shorter."""
    return size // 16


def _packed(size: int, places: list[int]) -> bytes:
    if len(places) <= _is_common(size):
        return struct.pack(f"<{len(places)}H", *places)
    return as_bits(places).to_bytes(size // 8, "little")


def as_bits(places: Iterable[int]) -> int:
    """A set of places as an integer."""
    bits = 0
    for place in places:
        bits |= 1 << place
    return bits


def places_in(bits: int) -> list[int]:
    """The places of a set, ascending."""
    return [place for place, bit in enumerate(f"{bits:b}"[::-1]) if bit == "1"]


class Reader:
    """Unpacks the parts of blocks; one for each search, not shared between threads."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor()

    def dictionary(self, data: bytes) -> bytes:
        """A dictionary as text. Raises DamagedBlockError."""
        try:
            return self._decompressor.decompress(data)
        except zstandard.ZstdError as error:
            raise DamagedBlockError(str(error)) from error

    def places(self, data: bytes, size: int, ordinals: Sequence[int]) -> int:
        """Messages that have one of the words with these numbers in the chunk. Raises DamagedBlockError."""
        try:
            octets = self._decompressor.decompress(data)
            return _united(octets, size, ordinals)
        except (zstandard.ZstdError, struct.error, IndexError, ValueError) as error:
            raise DamagedBlockError(str(error)) from error


def _united(octets: bytes, size: int, ordinals: Sequence[int]) -> int:
    """A chunk is the number of its words, how many places each has, and the places."""
    common, width = _is_common(size), size // 8
    (number,) = struct.unpack_from("<H", octets)
    counts = struct.unpack_from(f"<{number}H", octets, 2)
    lengths = (width if count > common else 2 * count for count in counts)
    starts = [*accumulate(lengths, initial=2 + 2 * number)]
    bits = 0
    for ordinal in ordinals:
        start, end = starts[ordinal], starts[ordinal + 1]
        if counts[ordinal] > common:
            bits |= int.from_bytes(octets[start:end], "little")
        else:
            bits |= as_bits(struct.unpack_from(f"<{counts[ordinal]}H", octets, start))
    return bits & ((1 << size) - 1)


def words_with(dictionary: bytes, piece: Piece) -> Iterator[int]:
    """The numbers of the words that contain a piece, ascending; each once."""
    needle = piece.needle
    ahead = 0 if needle.startswith(_END) else 1
    ordinal = counted = position = 0
    while (found := dictionary.find(needle, position)) >= 0:
        ordinal += dictionary.count(_END, counted, found)
        counted = found
        yield ordinal - ahead
        position = dictionary.find(_END, found + 1)
        if position < 0:
            return
