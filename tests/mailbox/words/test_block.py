from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mailbox.words import block as blocks
from postier.mailbox.words.block import (
    BLOCK,
    RUN,
    WORDS_IN_CHUNK,
    DamagedBlockError,
    Field,
    Part,
    Reader,
    as_bits,
    pack,
    places_in,
    words_with,
)
from postier.mailbox.words.tokens import Piece, encoded


def packed(*texts, size=RUN):
    """The parts of a field whose messages have these words."""
    places = {}
    for place, text in enumerate(texts):
        for word in sorted(set(text.split())):
            places.setdefault(encoded(word), []).append(place)
    return [*pack(Field.BODY, size, places)]


def look(parts, piece, size=RUN):
    """The places of the messages that have the piece, as `narrow` finds them."""
    reader = Reader()
    if not parts:
        return []
    bits = 0
    for ordinal in words_with(reader.dictionary(parts[0].data), Piece(piece)):
        chunk, place = divmod(ordinal, WORDS_IN_CHUNK)
        bits |= reader.places(parts[1 + chunk].data, size, [place])
    return places_in(bits)


def test_looking_into_a_field():
    parts = packed("the budget report", "", "a report")
    assert [(part.is_dictionary, part.chunk) for part in parts] == [(True, 0), (False, 0)]
    assert look(parts, b"repo") == look(parts, b"\nreport\n") == [0, 2]
    assert look(parts, b"\neport") == look(parts, b"plan") == []
    assert look(parts, b"udget\n") == [0]
    assert packed() == packed("", "") == []


def test_common_and_rare_words():
    for size in (RUN, BLOCK):
        parts = packed(*(f"common {'half ' * (n % 2)}only{n}" for n in range(size)), size=size)
        assert look(parts, b"common", size) == [*range(size)]
        assert look(parts, b"half", size) == [*range(1, size, 2)]
        assert look(parts, b"\nonly7\n", size) == [7]
        assert look(parts, b"only", size) == [*range(size)]
    for count in range(BLOCK // 16 - 1, BLOCK // 16 + 3):  # places, then bits
        assert look(packed(*["word"] * count, "other", size=BLOCK), b"word", BLOCK) == [*range(count)]


def test_many_chunks():
    parts = packed(*(" ".join(f"w{n}x{m}" for m in range(100)) for n in range(BLOCK // 16)), size=BLOCK)
    assert parts[-1].chunk == 6
    assert look(parts, b"\nw63x99\n", BLOCK) == [63]
    assert look(parts, b"x42\n", BLOCK) == [*range(BLOCK // 16)]


def test_the_words_of_a_run():
    texts = [f"all w{n} of{n % 3}" for n in range(RUN)]
    found = dict(Reader().words(packed(*texts)))
    assert {word: [*places] for word, places in found.items()} == {
        b"all": [*range(RUN)],
        **{b"w%d" % n: [n] for n in range(RUN)},
        **{b"of%d" % n: [*range(n, RUN, 3)] for n in range(3)},
    }
    assert Reader().words([]) == []


words = st.text(st.sampled_from("abcß東_9"), min_size=1, max_size=4)


@settings(deadline=None)
@given(st.lists(st.lists(words, max_size=6), max_size=RUN), words, st.booleans(), st.booleans())
def test_looking_finds_what_is_there(messages, sought, is_start, is_end):
    parts = packed(*map(" ".join, messages))
    needle = b"\n" * is_start + encoded(sought) + b"\n" * is_end
    assert look(parts, needle) == [
        place
        for place, found in enumerate(messages)
        if any(needle in b"\n" + encoded(word) + b"\n" for word in found)
    ]


@given(st.sets(st.integers(0, BLOCK - 1)))
def test_sets_of_places(places):
    assert places_in(as_bits(places)) == sorted(places)


@given(st.binary(), st.integers(0, 2**16))
def test_damaged_octets(octets, ordinal):
    parts = packed("some words", "other words")
    good = parts[1].data
    reader = Reader()
    for data in (octets, good[: len(octets)], blocks.zstandard.compress(octets)):
        for act in (
            lambda data=data: reader.places(data, RUN, [ordinal]),
            lambda data=data: reader.dictionary(data),
            lambda data=data: reader.words([parts[0], Part(Field.BODY, False, 0, data)]),
            lambda data=data: reader.words([Part(Field.BODY, True, 0, data), parts[1]]),
        ):
            try:
                act()
            except DamagedBlockError:
                continue
