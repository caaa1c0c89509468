"""A block as octets: the words of up to 1,024 messages, and which messages have a word that contains a piece.

Not here: SQL (`rows`), gathering words (`making`), criteria (`narrow`). A block is a row of runs, each of 64 messages. A run has for
each field a dictionary (its words, those of several messages first, a line end before and behind each) and 64 bits for each
word: the messages that have it. The dictionaries of a field lie together, for a search looks through them; the bits of each
run by themselves, so they are read where something was found, and go unchanged from a run into the block that replaces it.
Measured on letters of 2.6 KB with random identifiers in their headers: see docs/adr/0019-index-of-words.md.
"""

import enum
import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import msgspec
import zstandard

from postier.mailbox.words.tokens import Piece

BLOCK = 1_024  # messages of a whole block
RUN = 64  # messages of a run, which is a block by itself while the next whole one is not complete

_LEVEL = 6  # of zstd: 3 saves 5 us a letter and makes the index of Chinese 3 % larger
_END = b"\n"
_ALL = (1 << RUN) - 1


class Field(enum.IntEnum):
    """What the words stand in."""

    SUBJECT = 0
    HEADER = 1
    BODY = 2


class Part(msgspec.Struct, frozen=True):
    """A row of a block: all dictionaries of a field (`is_dictionary`, chunk 0), or the bits of run `chunk`."""

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

    @property
    def stored_bytes(self) -> int:
        """What it takes."""
        return sum(len(part.data) for part in self.parts)


class Run(msgspec.Struct, frozen=True):
    """A run to be put into a block: by field the dictionary, and the packed bits of its words; both empty without words."""

    present: int = 0
    undecided: int = 0
    text_bytes: int = 0
    dictionaries: tuple[bytes, ...] = (b"",) * len(Field)
    bits: tuple[bytes, ...] = (b"",) * len(Field)


class DamagedBlockError(Exception):
    """The octets are not those of a block."""


def pack_words(words: dict[bytes, int]) -> tuple[bytes, bytes]:
    """(dictionary, packed bits) of words, each with the messages of a run that have it."""
    if not words:
        return b"", b""
    in_order = [word for word, bits in words.items() if bits & (bits - 1)]
    in_order += [word for word, bits in words.items() if not bits & (bits - 1)]
    bits = struct.pack(f"<{len(words)}Q", *map(words.__getitem__, in_order))
    return _END + _END.join(in_order) + _END, zstandard.compress(bits, _LEVEL)


def block_of(runs: Sequence[Run]) -> Block:
    """The block that these runs are."""
    parts = []
    for field in Field:
        dictionaries = [run.dictionaries[field] for run in runs]
        if any(dictionaries):
            lengths = struct.pack(f"<{len(runs)}I", *map(len, dictionaries))
            data = zstandard.compress(lengths + b"".join(dictionaries), _LEVEL)
            parts.append(Part(field, True, 0, data))
            parts += [
                Part(field, False, chunk, run.bits[field])
                for chunk, run in enumerate(runs)
                if run.bits[field]
            ]
    present = undecided = 0
    for run in reversed(runs):
        present, undecided = present << RUN | run.present, undecided << RUN | run.undecided
    text_bytes = sum(run.text_bytes for run in runs)
    return Block(len(runs) * RUN, present, undecided, text_bytes, tuple(parts))


def run_of(block: Block) -> Run:
    """The run that a block of one run is. Raises DamagedBlockError."""
    dictionaries, bits = [b""] * len(Field), [b""] * len(Field)
    reader = Reader()
    for part in block.parts:
        if part.is_dictionary:
            dictionaries[part.field] = reader.dictionary(part.data, RUN).text
        else:
            bits[part.field] = part.data
    for dictionary, packed in zip(dictionaries, bits, strict=True):
        if len(reader.bits(packed)) != max(0, dictionary.count(_END) - 1):
            raise DamagedBlockError("the dictionary and the bits are of different words")
    return Run(block.present, block.undecided, block.text_bytes, tuple(dictionaries), tuple(bits))


def places_in(bits: int) -> list[int]:
    """The places of a set, ascending."""
    return [place for place, bit in enumerate(f"{bits:b}"[::-1]) if bit == "1"]


class Dictionary(msgspec.Struct, frozen=True):
    """The dictionaries of a field: one text, and where each run's ends."""

    text: bytes
    ends: tuple[int, ...]

    def runs_with(self, piece: Piece) -> list[int]:
        """The runs that have a word that contains the piece."""
        runs: list[int] = []
        position = 0
        while (found := self.text.find(piece.needle, position)) >= 0:
            runs.append(bisect_right(self.ends, found))
            position = self.ends[runs[-1]]
        return runs

    def words_with(self, piece: Piece, run: int) -> Iterator[int]:
        """The numbers of the words of a run that contain the piece, ascending; each once."""
        text, needle = self.text, piece.needle
        end = self.ends[run]
        position = counted = self.ends[run - 1] if run else 0
        ordinal = 0 if needle.startswith(_END) else -1
        while (found := text.find(needle, position, end)) >= 0:
            ordinal += text.count(_END, counted, found)
            counted = found
            yield ordinal
            position = text.find(_END, found + 1, end)
            if position < 0:
                return


class Reader:
    """Unpacks the parts of blocks; one for each search, not shared between threads."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor()

    def dictionary(self, data: bytes, size: int) -> Dictionary:
        """The dictionaries of a field of a block of this size. Raises DamagedBlockError."""
        try:
            octets = self._decompressor.decompress(data)
            lengths = struct.unpack_from(f"<{size // RUN}I", octets)
        except (zstandard.ZstdError, struct.error) as error:
            raise DamagedBlockError(str(error)) from error
        text = octets[4 * len(lengths) :]
        ends = tuple(accumulate(lengths))
        if ends[-1] != len(text):
            raise DamagedBlockError("the dictionaries have another length")
        return Dictionary(text, ends)

    def bits(self, data: bytes) -> "array[int]":
        """The bits of a run's words. Raises DamagedBlockError."""
        found = array("Q")
        if data:
            try:
                found.frombytes(self._decompressor.decompress(data))
            except (zstandard.ZstdError, ValueError) as error:
                raise DamagedBlockError(str(error)) from error
            if sys.byteorder == "big":
                found.byteswap()
        return found

    def messages_with(self, dictionary: Dictionary, piece: Piece, run: int, data: bytes, wanted: int) -> int:
        """The messages of a run that have a word with the piece, at least as far as `wanted` ones are concerned.

        Raises DamagedBlockError.
        """
        bits_of = self.bits(data)
        bits = 0
        try:
            for ordinal in dictionary.words_with(piece, run):
                bits |= bits_of[ordinal]
                if bits & wanted == wanted:
                    break
        except IndexError as error:
            raise DamagedBlockError(str(error)) from error
        return bits & _ALL
