import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mailbox.words import block as blocks
from postier.mailbox.words.block import (
    BLOCK,
    RUN,
    Block,
    DamagedBlockError,
    Field,
    Part,
    Reader,
    Run,
    block_of,
    pack_words,
    places_in,
    run_of,
)
from postier.mailbox.words.tokens import Piece, encoded

ALL = (1 << RUN) - 1


def run_with(*texts):
    """A run whose messages have these words in their body."""
    words = {}
    for place, text in enumerate(texts):
        for word in text.split():
            words[encoded(word)] = words.get(encoded(word), 0) | 1 << place
    dictionary, bits = pack_words(words)
    return Run((1 << len(texts)) - 1, 0, 0, (b"", b"", dictionary), (b"", b"", bits))


def look(block, piece, wanted=ALL, field=Field.BODY):
    """The places of the messages that have the piece, as `narrow` finds them."""
    reader = Reader()
    parts = {(part.is_dictionary, part.chunk): part.data for part in block.parts if part.field is field}
    if not parts:
        return []
    dictionary = reader.dictionary(parts[True, 0], block.size)
    bits = 0
    for run in dictionary.runs_with(Piece(piece)):
        bits |= reader.messages_with(dictionary, Piece(piece), run, parts[False, run], wanted) << run * RUN
    return places_in(bits)


def test_looking_into_a_block():
    block = block_of([run_with("the budget report", "", "a report"), Run(), run_with("a plan", "report")])
    assert block.size == 3 * RUN
    assert places_in(block.present) == [0, 1, 2, 2 * RUN, 2 * RUN + 1]
    assert look(block, b"repo") == look(block, b"\nreport\n") == [0, 2, 2 * RUN + 1]
    assert look(block, b"\neport") == look(block, b"none") == []
    assert look(block, b"udget\n") == [0]
    assert look(block, b"\nplan") == [2 * RUN]
    assert look(block, b"a") == [2, 2 * RUN]
    assert look(block, b"a", field=Field.HEADER) == []
    assert block_of([Run()]).parts == block_of([run_with("", "")]).parts == ()


def test_common_and_rare_words():
    block = block_of([run_with(*(f"common {'half ' * (n % 2)}only{n}" for n in range(RUN)))])
    assert look(block, b"common") == [*range(RUN)]
    assert look(block, b"half") == [*range(1, RUN, 2)]
    assert look(block, b"\nonly7\n") == [7]
    assert look(block, b"only") == [*range(RUN)]
    # who wants few gets few: common words come first
    assert look(block, b"o", wanted=0b1) == [*range(RUN)]
    assert look(block, b"only", wanted=0b1) == [0]
    assert len(look(block, b"only", wanted=0b101)) == 3


def test_a_run_goes_unchanged_into_a_block():
    one, other = run_with("a b", "b c"), run_with("d", "", "a")
    assert run_of(block_of([one])) == one
    assert run_of(block_of([Run()])) == Run()
    block = block_of([one, other])
    assert [part.data for part in block.parts if not part.is_dictionary] == [one.bits[2], other.bits[2]]
    assert look(block, b"a") == [0, RUN + 2]


words = st.text(st.sampled_from("abcß東_9"), min_size=1, max_size=4)
messages_of_runs = st.lists(st.lists(st.lists(words, max_size=6), max_size=RUN), min_size=1, max_size=4)


@settings(deadline=None)
@given(messages_of_runs, words, st.booleans(), st.booleans())
def test_looking_finds_what_is_there(runs, sought, is_start, is_end):
    block = block_of([run_with(*map(" ".join, messages)) for messages in runs])
    needle = b"\n" * is_start + encoded(sought) + b"\n" * is_end
    assert look(block, needle) == [
        run * RUN + place
        for run, messages in enumerate(runs)
        for place, found in enumerate(messages)
        if any(needle in b"\n" + encoded(word) + b"\n" for word in found)
    ]


@given(st.sets(st.integers(0, BLOCK - 1)))
def test_sets_of_places(places):
    assert places_in(sum(1 << place for place in places)) == sorted(places)


@given(st.binary())
def test_damaged_octets(octets):
    run = run_with("some words", "other words")
    dictionary, bits = block_of([run]).parts
    reader = Reader()
    good = reader.dictionary(dictionary.data, RUN)
    for data in (octets, bits.data[: len(octets)], blocks.zstandard.compress(octets)):
        for act in (
            lambda data=data: reader.messages_with(good, Piece(b"o"), 0, data, ALL),
            lambda data=data: reader.dictionary(data, RUN).runs_with(Piece(b"o")),
            lambda data=data: run_of(Block(RUN, 3, 0, 20, (dictionary, Part(Field.BODY, False, 0, data)))),
            lambda data=data: run_of(Block(RUN, 3, 0, 20, (Part(Field.BODY, True, 0, data), bits))),
        ):
            try:
                act()
            except DamagedBlockError:
                continue


def test_a_run_whose_parts_do_not_fit_is_damaged():
    parts = block_of([run_with("some words", "other words")]).parts
    other = block_of([run_with("more words than those")]).parts
    for wrong in (parts[:1], parts[1:], (parts[0], other[1]), (other[0], parts[1])):
        with pytest.raises(DamagedBlockError):
            run_of(Block(RUN, 3, 0, 20, wrong))
