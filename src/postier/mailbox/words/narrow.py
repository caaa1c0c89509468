"""Criteria put to the index of words: which emails surely match, which may.

Not here: deciding on the text of those that may (`search`). Source: RFC 9051 §6.4.4 (SUBJECT, BODY, TEXT match substrings).
Invariants: an email that matches is among those that may; one that is sure matches; what the index does not know (flags,
emails in no block, a block that is damaged) may match. No recursion.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from postier.imap.search import (
    All,
    And,
    AnyText,
    BodyText,
    Criterion,
    HeaderText,
    Leaf,
    Not,
    Nothing,
    Or,
    SubjectText,
)
from postier.imap.search_algebra import leaves
from postier.mailbox.words import rows
from postier.mailbox.words.block import (
    RUN,
    DamagedBlockError,
    Dictionary,
    Field,
    Reader,
    places_in,
)
from postier.mailbox.words.tokens import Pattern, Piece, pattern_of
from postier.store.transaction import ReadTx

MAX_LOOKUPS = 32  # pieces of one search, over all criteria; the other criteria narrow nothing

_ALL = (1 << RUN) - 1
_FIELDS = {
    SubjectText: (Field.SUBJECT,),
    BodyText: (Field.BODY,),
    AnyText: (Field.HEADER, Field.BODY),
}


class Narrowed(msgspec.Struct, frozen=True):
    """What the blocks say of an account's emails, by number; of those from number `open_from` on they say nothing.

    `verdicts` are by the number of a block's first email; `left` are emails of blocks that were not looked at.
    """

    verdicts: dict[int, "Verdict"]
    left: list[int]
    open_from: int

    @property
    def count(self) -> int:
        """How many of the emails in blocks may match."""
        return sum(one.may.bit_count() for one in self.verdicts.values()) + len(self.left)

    @property
    def is_sure(self) -> bool:
        """Whether those that may match do."""
        return not self.left and all(one.may == one.sure for one in self.verdicts.values())

    def numbers(self) -> list[int]:
        """The emails in blocks that may match."""
        found = [first + place for first, one in self.verdicts.items() for place in places_in(one.may)]
        return found + self.left

    def sure(self, end: int) -> bytes:
        """An octet for each number below `end`: 1 for what surely matches."""
        return _octets({first: one.sure for first, one in self.verdicts.items()}, end)

    def unsure(self, end: int) -> bytes:
        """An octet for each number below `end`: 1 for what may match but is not sure to."""
        octets = bytearray(_octets({first: one.may & ~one.sure for first, one in self.verdicts.items()}, end))
        for number in self.left:
            octets[number] = 1
        octets[self.open_from :] = b"\x01" * (len(octets) - self.open_from)
        return bytes(octets)


def _octets(bits_of: dict[int, int], end: int) -> bytes:
    pieces = []
    position = 0
    for first, bits in bits_of.items():
        pieces.append(bytes(first - position))
        pieces.append(f"{bits:b}"[::-1].encode().translate(_BIT))
        position = first + max(1, bits.bit_length())
    return b"".join(pieces).ljust(end, b"\x00")


_BIT = bytes.maketrans(b"01", b"\x00\x01")


class Verdict(msgspec.Struct, frozen=True):
    """Places of a block as bits: of those that `may` match some are `sure`."""

    sure: int
    may: int


class _Lookup(msgspec.Struct, frozen=True):
    pattern: Pattern
    fields: tuple[Field, ...]


class _Join(msgspec.Struct, frozen=True):
    is_and: bool
    count: int


class _Inverse(msgspec.Struct, frozen=True):
    pass


class _Known(msgspec.Struct, frozen=True):
    """A term that is the same for every message; None: the index does not know."""

    value: bool | None


_Step: TypeAlias = _Lookup | _Join | _Inverse | _Known


def uses_index(criterion: Criterion) -> bool:
    """Whether the index can say anything."""
    return any(isinstance(_step(leaf), _Lookup) for leaf in leaves(criterion))


def narrow(tx: ReadTx, account_id: int, criterion: Criterion, numbers: Sequence[int] | None) -> Narrowed:
    """Put a (bound) criterion to the blocks of an account; `numbers` are the numbers of those of interest, None: all.

    Blocks with less than a few of interest are not looked at: all of theirs may match.
    """
    steps = _program(criterion)
    open_from = rows.indexed_to(tx, account_id)
    if not open_from:  # there is no index, or one of another version
        return Narrowed({}, [], 0)
    blocks = rows.blocks_of(tx, account_id)
    left: list[int] = []
    if numbers is not None:
        blocks, left = _of_interest(blocks, numbers)
    fields = sorted({field for step in steps if isinstance(step, _Lookup) for field in step.fields})
    reader = Reader()
    verdicts = {}
    for block, packed in rows.dictionaries(tx, account_id, fields, blocks):
        looking = _Looking(tx, account_id, block, packed, reader)
        try:
            verdicts[block.first] = looking.run(steps)
        except DamagedBlockError:  # `postier search rebuild` makes it anew
            verdicts[block.first] = Verdict(0, block.present)
    return Narrowed(verdicts, left, open_from)


MIN_OF_INTEREST = 32  # emails; reading so many texts costs what a look into a block does


def _of_interest(
    blocks: Sequence[rows.BlockRow], numbers: Sequence[int]
) -> tuple[list[rows.BlockRow], list[int]]:
    """The blocks with enough of these emails, and the emails of the other blocks."""
    by_block: dict[int, list[int]] = {}
    wanted = sorted(numbers)
    position = 0
    for block in blocks:
        start, position = position, bisect_left(wanted, block.first + block.size, position)
        by_block[block.first] = wanted[start:position]
    chosen = [block for block in blocks if len(by_block[block.first]) >= MIN_OF_INTEREST]
    few = [one for part in by_block.values() if len(part) < MIN_OF_INTEREST for one in part]
    return chosen, few


# -- a criterion as steps -----------------------------------------------------------------------------------


def _program(criterion: Criterion) -> list[_Step]:
    """The criterion in the order in which it is evaluated on a stack."""
    pending: list[tuple[Criterion, bool]] = [(criterion, False)]
    steps: list[_Step] = []
    room = MAX_LOOKUPS
    while pending:
        node, is_ready = pending.pop()
        match node:
            case And(terms) | Or(terms) if is_ready:
                steps.append(_Join(isinstance(node, And), len(terms)))
            case And(terms) | Or(terms):
                pending.append((node, True))
                pending.extend((term, False) for term in terms)
            case Not() if is_ready:
                steps.append(_Inverse())
            case Not(term):
                pending += [(node, True), (term, False)]
            case _:
                step = _step(node)
                if isinstance(step, _Lookup):
                    room -= len(step.pattern.pieces)
                steps.append(step if room >= 0 else _Known(None))
    return steps


def _step(leaf: Leaf) -> _Lookup | _Known:
    match leaf:
        case All():
            return _Known(True)
        case Nothing():
            return _Known(False)
        case SubjectText(text) | BodyText(text) | AnyText(text):
            pattern = pattern_of(text)
            return _Known(None) if pattern is None else _Lookup(pattern, _FIELDS[type(leaf)])
        case HeaderText(text=text) if (pattern := pattern_of(text)) is not None:
            # the words of all fields are together, so they never decide
            return _Lookup(Pattern(pattern.pieces, is_exact=False), (Field.HEADER,))
        case _:
            return _Known(None)


# -- one block ----------------------------------------------------------------------------------------------


class _Looking:
    def __init__(
        self,
        tx: ReadTx,
        account_id: int,
        block: rows.BlockRow,
        packed: dict[Field, bytes],
        reader: Reader,
    ) -> None:
        self._tx = tx
        self._account_id = account_id
        self._block = block
        self._packed = packed
        self._reader = reader
        self._dictionaries: dict[Field, Dictionary] = {}
        self._found: dict[tuple[Field, Piece], int] = {}

    def run(self, steps: Iterable[_Step]) -> Verdict:
        present = self._block.present
        done: list[Verdict] = []
        for step in steps:
            match step:
                case _Lookup():
                    done.append(self._looked_up(step))
                case _Known(value):
                    done.append(Verdict(present if value else 0, 0 if value is False else present))
                case _Inverse():
                    inner = done.pop()
                    done.append(Verdict(present & ~inner.may, present & ~inner.sure))
                case _Join(is_and, count):
                    parts = done[-count:]
                    del done[-count:]
                    done.append(_joined(parts, present, is_and=is_and))
        return done.pop()

    def _looked_up(self, step: _Lookup) -> Verdict:
        """Fields one by one: all pieces must be in the same text."""
        undecided = self._block.undecided
        maybe = 0
        for field in step.fields:
            here = self._block.present
            for piece in step.pattern.pieces:
                if not here:
                    break
                here &= self._with(field, piece)
            maybe |= here
        sure = maybe & ~undecided if step.pattern.is_exact else 0
        return Verdict(sure, maybe | undecided)

    def _with(self, field: Field, piece: Piece) -> int:
        """The messages that have the piece in a word of the field."""
        key = field, piece
        if key not in self._found:
            self._found[key] = self._search(field, piece)
        return self._found[key]

    def _search(self, field: Field, piece: Piece) -> int:
        packed = self._packed.get(field)
        if packed is None:
            return 0
        if field not in self._dictionaries:
            self._dictionaries[field] = self._reader.dictionary(packed, self._block.size)
        dictionary = self._dictionaries[field]
        runs = dictionary.runs_with(piece)
        if not runs:
            return 0
        found = rows.bits_of(self._tx, self._account_id, self._block.first, field, runs)
        if len(found) != len(runs):
            raise DamagedBlockError("the bits of a run are missing")
        wanted = self._block.present & ~self._block.undecided
        bits = 0
        for run, data in found:
            wanted_here = wanted >> run * RUN & _ALL
            bits |= self._reader.messages_with(dictionary, piece, run, data, wanted_here) << run * RUN
        return bits


def _joined(parts: Sequence[Verdict], present: int, *, is_and: bool) -> Verdict:
    if not is_and:
        sure = maybe = 0
        for part in parts:
            sure |= part.sure
            maybe |= part.may
        return Verdict(sure, maybe)
    sure = maybe = present
    for part in parts:
        sure &= part.sure
        maybe &= part.may
    return Verdict(sure, maybe)
