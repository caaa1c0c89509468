import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mailbox.words import making
from postier.mailbox.words.block import BLOCK, RUN, Block, DamagedBlockError, Field, Part, places_in
from postier.mailbox.words.making import MAX_SHARE, Gathering
from postier.mailbox.words.message import MessageWords
from postier.mailbox.words.tokens import words_of
from tests.mailbox.words.test_block import look


def words(text):
    return MessageWords((set(), set(), words_of(text)), len(text.encode()))


def made(*texts, size=RUN):
    gathering = Gathering(size)
    for place, text in enumerate(texts):
        gathering.add(place, None if text is None else words(text))
    return gathering.block()


def found(block, piece):
    return look([part for part in block.parts if part.field is Field.BODY], piece, block.size)


def test_a_block():
    gathering = Gathering(RUN)
    gathering.add(3, MessageWords(({b"plan"}, {b"subject", b"plan"}, {b"budget", b"report"}), 40))
    gathering.add(5, MessageWords((set(), set(), {b"report"}), 7))
    gathering.add(63, None)
    block = gathering.block()
    assert (places_in(block.present), places_in(block.undecided)) == ([3, 5, 63], [63])
    assert block.text_bytes == 47
    assert block.stored_bytes == sum(len(part.data) for part in block.parts)
    assert {part.field for part in block.parts} == {*Field}
    assert (found(block, b"repo"), found(block, b"plan")) == ([3, 5], [])
    assert Gathering(RUN).block() == Block(RUN, 0, 0, 0, ())


def test_gathering_is_bounded(monkeypatch):
    monkeypatch.setattr(making, "MAX_PAIRS", 2)
    assert places_in(made("a b", "c", "d").undecided) == [2]
    run = made("a b", "c")
    gathering = Gathering(BLOCK)
    gathering.take_over(0, run, 3)
    gathering.add(64, words("d"))
    assert places_in(gathering.block().undecided) == [0, 1]


def test_a_block_is_at_most_half_of_its_texts():
    """Texts of random letters can't be made smaller: those messages are left to be read."""
    chance = random.Random(1)
    texts = [f"plain words in message {n} of many, " * 20 for n in range(RUN // 2)]
    texts += ["".join(chance.choices(string.ascii_letters + string.digits, k=4_000)) for _ in range(RUN // 2)]
    block = made(*texts)
    assert places_in(block.undecided) == [*range(RUN // 2, RUN)]
    assert block.stored_bytes <= block.text_bytes * MAX_SHARE
    assert found(block, b"essage") == [*range(RUN // 2)]
    alone = made("".join(texts[RUN // 2 :]))
    assert (places_in(alone.undecided), alone.parts) == ([0], ())


some_texts = st.lists(
    st.none() | st.lists(st.sampled_from(["all", "some", "東京", "x1", "x2"]), max_size=4).map(" ".join),
    max_size=RUN,
)


@settings(deadline=None)
@given(some_texts, some_texts, some_texts, st.integers(0, 2**RUN - 1), st.integers(0, 2**RUN - 1))
def test_runs_become_a_block(first, second, rest, alive_first, alive_second):
    """The block is the one that would have been made of the messages that are still there."""
    taken, plain = Gathering(BLOCK), Gathering(BLOCK)
    for offset, texts, alive in ((0, first, alive_first), (RUN, second, alive_second)):
        taken.take_over(offset, made(*texts), alive)
        for place, text in enumerate(texts):
            if alive >> place & 1:
                plain.add(offset + place, None if text is None else words(text))
    for place, text in enumerate(rest, 2 * RUN):
        for gathering in (taken, plain):
            gathering.add(place, None if text is None else words(text))
    one, other = taken.block(), plain.block()
    assert (one.present, one.undecided, one.parts) == (other.present, other.undecided, other.parts)


def test_the_size_of_texts_of_runs_is_not_made_larger():
    run = made("a" * 10, "b" * 20, None)
    gathering = Gathering(BLOCK)
    gathering.take_over(0, run, 0b111)
    assert gathering.block().text_bytes == 30
    gathering = Gathering(BLOCK)
    gathering.take_over(0, run, 0b101)
    assert gathering.block().text_bytes == 15


def test_a_damaged_run_is_not_taken():
    run = made("some words", "other words")
    for parts in (
        run.parts[:1],
        run.parts[1:],
        (run.parts[0], Part(Field.BODY, False, 0, b"nonsense")),
        (*run.parts, run.parts[1]),
    ):
        gathering = Gathering(BLOCK)
        gathering.add(0, words("first"))
        with pytest.raises(DamagedBlockError):
            gathering.take_over(RUN, Block(RUN, run.present, 0, 20, tuple(parts)), 3)
        assert gathering.block() == made("first", size=BLOCK)
