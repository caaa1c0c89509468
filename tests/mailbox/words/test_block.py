import random
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mailbox.words import block as blocks
from postier.mailbox.words.block import (
    BLOCK,
    MAX_SHARE,
    MAX_TEXT,
    MAX_WORDS,
    RUN,
    WORDS_IN_CHUNK,
    DamagedBlockError,
    Field,
    Reader,
    as_bits,
    build,
    message_words,
    places_in,
    words_with,
)
from postier.mailbox.words.tokens import Piece, encoded


def look(block, field, piece):
    """The places of the messages that have the piece, as `narrow` finds them."""
    reader = Reader()
    parts = {(part.field, part.is_dictionary, part.chunk): part.data for part in block.parts}
    packed = parts.get((field, True, 0))
    if packed is None:
        return []
    bits = 0
    for ordinal in words_with(reader.dictionary(packed), Piece(piece)):
        chunk, place = divmod(ordinal, WORDS_IN_CHUNK)
        bits |= reader.places(parts[field, False, chunk], block.size, [place])
    return places_in(bits)


def body(*texts, size=RUN):
    return build(size, [(place, message_words("", "", text)) for place, text in enumerate(texts)])


def test_a_block():
    block = build(
        RUN,
        [
            (3, message_words("plan", "subject: plan", "the budget report")),
            (5, message_words("", "", "a report")),
            (63, None),
        ],
    )
    assert (places_in(block.present), places_in(block.undecided)) == ([3, 5, 63], [63])
    assert block.text_bytes == len("subject: plan" + "the budget report" + "a report")
    assert look(block, Field.SUBJECT, b"plan") == look(block, Field.HEADER, b"pla") == [3]
    assert look(block, Field.BODY, b"repo") == [3, 5]
    assert look(block, Field.BODY, b"\nreport\n") == [3, 5]
    assert look(block, Field.BODY, b"\neport") == look(block, Field.BODY, b"plan") == []
    assert look(block, Field.BODY, b"udget\n") == [3]
    assert look(build(RUN, []), Field.BODY, b"x") == []


def test_common_and_rare_words():
    block = body(*(f"common {'half ' * (n % 2)}only{n}" for n in range(RUN)))
    assert look(block, Field.BODY, b"common") == [*range(RUN)]
    assert look(block, Field.BODY, b"half") == [*range(1, RUN, 2)]
    assert look(block, Field.BODY, b"\nonly7\n") == [7]
    assert look(block, Field.BODY, b"only") == [*range(RUN)]
    for count in range(RUN // 16 + 3):  # places, then bits
        block = body(*["word"] * count, "other")
        assert look(block, Field.BODY, b"word") == [*range(count)]


def test_many_chunks():
    block = body(*(" ".join(f"w{n}x{m}" for m in range(100)) for n in range(BLOCK // 16)), size=BLOCK)
    assert max(part.chunk for part in block.parts) == 6
    assert look(block, Field.BODY, b"\nw63x99\n") == [63]
    assert look(block, Field.BODY, b"x42\n") == [*range(BLOCK // 16)]


def test_what_is_too_much_is_undecided(monkeypatch):
    assert message_words("", "x" * MAX_TEXT, "") is not None
    assert message_words("", "x" * MAX_TEXT, "x") is None
    many = " ".join(map(str, range(MAX_WORDS)))
    assert message_words("", "", many) is not None
    assert message_words("", "", many + " x") is None
    monkeypatch.setattr(blocks, "MAX_WORDS_OF_BLOCK", 2)
    assert places_in(body("a b", "c", "d").undecided) == [2]
    assert blocks.MAX_WORDS_OF_BLOCK == 2


def test_a_block_is_at_most_half_of_its_texts():
    """Texts of random letters can't be made smaller: those messages are left to be read."""
    chance = random.Random(1)
    texts = [f"plain words in message {n} of many, " * 20 for n in range(RUN // 2)]
    texts += ["".join(chance.choices(string.ascii_letters + string.digits, k=2_000)) for _ in range(RUN // 2)]
    block = body(*texts)
    assert places_in(block.undecided) == [*range(RUN // 2, RUN)]
    assert sum(len(part.data) for part in block.parts) <= block.text_bytes * MAX_SHARE
    assert look(block, Field.BODY, b"essage") == [*range(RUN // 2)]
    alone = body("".join(texts[RUN // 2 :]))
    assert (places_in(alone.undecided), alone.parts) == ([0], ())


words = st.text(st.sampled_from("abcß東_9"), min_size=1, max_size=4)


@settings(deadline=None)
@given(st.lists(st.lists(words, max_size=6), max_size=RUN), words, st.booleans(), st.booleans())
def test_looking_finds_what_is_there(messages, sought, is_start, is_end):
    block = body(*map(" ".join, messages))
    needle = b"\n" * is_start + encoded(sought) + b"\n" * is_end
    assert look(block, Field.BODY, needle) == [
        place
        for place, found in enumerate(messages)
        if any(needle in b"\n" + encoded(word) + b"\n" for word in found)
    ]


@given(st.sets(st.integers(0, BLOCK - 1)))
def test_sets_of_places(places):
    assert places_in(as_bits(places)) == sorted(places)


@given(st.binary(), st.integers(0, 2**16))
def test_damaged_octets(octets, ordinal):
    good = body("some words", "other words").parts[1].data
    reader = Reader()
    for data in (octets, good[: len(octets)], blocks.zstandard.compress(octets)):
        for act in (
            lambda data=data: reader.places(data, RUN, [ordinal]),
            lambda data=data: reader.dictionary(data),
        ):
            try:
                act()
            except DamagedBlockError:
                continue
