import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mailbox.words import making
from postier.mailbox.words.block import BLOCK, RUN, Block, DamagedBlockError, Field, places_in
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


def test_a_block():
    gathering = Gathering(2 * RUN)
    gathering.add(3, MessageWords(({b"plan"}, {b"subject", b"plan"}, {b"budget", b"report"}), 40))
    gathering.add(5, MessageWords((set(), set(), {b"report"}), 7))
    gathering.add(63, None)
    gathering.add(64, MessageWords((set(), set(), {b"report", b"more"}), 12))
    block = gathering.block()
    assert (places_in(block.present), places_in(block.undecided)) == ([3, 5, 63, 64], [63])
    assert (block.size, block.text_bytes) == (2 * RUN, 59)
    assert block.stored_bytes == sum(len(part.data) for part in block.parts)
    assert {part.field for part in block.parts} == {*Field}
    assert (look(block, b"repo"), look(block, b"plan")) == ([3, 5, 64], [])
    assert look(block, b"plan", field=Field.HEADER) == [3]
    assert Gathering(RUN).block() == Block(RUN, 0, 0, 0, ())
    assert Gathering(BLOCK).block() == Block(BLOCK, 0, 0, 0, ())


def test_gathering_is_bounded(monkeypatch):
    monkeypatch.setattr(making, "MAX_PAIRS", 2)
    assert places_in(made("a b", "c", "d").undecided) == [2]
    texts = ["a b c"] + [""] * (RUN - 1) + ["d", "e"]
    assert places_in(made(*texts, size=BLOCK).undecided) == [*range(1, RUN)]  # the next run has room


def test_a_block_is_at_most_half_of_its_texts():
    """Texts of random letters can't be made smaller: those messages are left to be read."""
    chance = random.Random(1)
    texts = [f"plain words in message {n} of many, " * 20 for n in range(RUN // 2)]
    texts += ["".join(chance.choices(string.ascii_letters + string.digits, k=4_000)) for _ in range(RUN // 2)]
    block = made(*texts)
    assert places_in(block.undecided) == [*range(RUN // 2, RUN)]
    assert block.stored_bytes <= block.text_bytes * MAX_SHARE
    assert look(block, b"essage") == [*range(RUN // 2)]
    alone = made("".join(texts[RUN // 2 :]))
    assert (places_in(alone.undecided), alone.parts) == ([0], ())
    assert look(made(*texts, *texts[: RUN // 2], size=BLOCK), b"essage") == [
        *range(RUN // 2),
        *range(RUN, RUN + RUN // 2),
    ]


some_texts = st.lists(
    st.none() | st.lists(st.sampled_from(["all", "some", "東京", "x1", "x2"]), max_size=4).map(" ".join),
    max_size=RUN,
)


@settings(deadline=None)
@given(some_texts, some_texts, some_texts, st.integers(0, 2**RUN - 1), st.integers(0, 2**RUN - 1))
def test_runs_become_a_block(first, second, rest, alive_first, alive_second):
    """The block says of the messages that are still there what was said of them in their runs."""
    gathering = Gathering(BLOCK)
    texts = dict(enumerate(rest, 2 * RUN))
    for offset, some, alive in ((0, first, alive_first), (RUN, second, alive_second)):
        gathering.take_over(offset, made(*some), alive)
        texts |= {offset + place: text for place, text in enumerate(some) if alive >> place & 1}
    for place, text in enumerate(rest, 2 * RUN):
        gathering.add(place, None if text is None else words(text))
    block = gathering.block()
    assert places_in(block.present) == sorted(texts)
    assert places_in(block.undecided) == sorted(place for place, text in texts.items() if text is None)
    for piece in ("all", "東", "x", "\nsome\n"):
        assert set(look(block, piece.encode())) & {*texts} == {
            place for place, text in texts.items() if text is not None and piece.strip() in text
        }


def test_the_size_of_texts_of_runs_is_not_made_larger():
    run = made("a" * 10, "b" * 20, None)
    for alive, size in ((0b111, 30), (0b101, 15), (0b100, 0)):
        gathering = Gathering(BLOCK)
        gathering.take_over(0, run, alive)
        assert gathering.block().text_bytes == size


def test_a_damaged_run_is_not_taken():
    run = made("some words", "other words")
    gathering = Gathering(BLOCK)
    with pytest.raises(DamagedBlockError):
        gathering.take_over(0, Block(RUN, run.present, 0, 20, run.parts[:1]), 3)
    gathering.add(0, words("first"))
    assert gathering.block() == made("first", size=BLOCK)
