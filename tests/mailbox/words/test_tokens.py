import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailbox.words.tokens import MAX_PIECES, encoded, pattern_of, words_of
from postier.mime.collation import search_fold


@pytest.mark.parametrize(
    ("text", "needles", "is_exact"),
    [
        ("budget", [b"budget"], True),
        ("get rep", [b"get\n", b"\nrep"], False),
        ("a big one", [b"a\n", b"\nbig\n", b"\none"], False),
        (" budget", [b"\nbudget"], False),
        ("budget.", [b"budget\n"], False),
        ("x@y", [b"x\n", b"\ny"], False),
        ("東京", ["東京".encode()], True),
    ],
)
def test_the_pieces_of_a_pattern(text, needles, is_exact):
    pattern = pattern_of(text)
    assert ([piece.needle for piece in pattern.pieces], pattern.is_exact) == (needles, is_exact)


def test_patterns_without_a_word():
    assert [pattern_of(text) for text in ("", " ", "->", "…")] == [None] * 4


def test_pieces_are_bounded():
    pattern = pattern_of(" ".join(f"w{n}" for n in range(MAX_PIECES + 1)))
    assert (len(pattern.pieces), pattern.is_exact) == (MAX_PIECES, False)


letters = st.text(
    st.sampled_from("abcABZ019_ .-\n\x1c東京éÉ́ßΣςŉẖᾳ\u0345İǅ„“…が\ud800") | st.characters(), max_size=30
)


@given(letters)
def test_words_are_runs_of_letters(text):
    assert words_of(text) == {
        encoded(word) for word in re.findall(r"[\w\u0300-\u036f\u3099\u309a]+", search_fold(text))
    }


def test_every_character_is_read_alike_everywhere():
    """Alone a character is read in one way, in a text that is mostly ASCII in another."""
    for start in range(0, 0x20000, 0x400):
        characters = list(map(chr, range(start, start + 0x400)))
        alone = set().union(*(words_of(f"a{one}b") for one in characters))
        assert alone == words_of(" ".join(f"a{one}b" for one in characters) + " ascii" * 1_000) - {b"ascii"}


@given(letters, letters, letters)
def test_a_text_has_the_words_of_what_it_contains(before, text, after):
    pattern = pattern_of(search_fold(text))
    dictionary = b"\n" + b"\n".join(sorted(words_of(before + text + after))) + b"\n"
    if pattern is not None:
        assert all(piece.needle in dictionary for piece in pattern.pieces)


@given(letters, letters)
def test_an_exact_pattern_decides(text, sought):
    sought = search_fold(sought)
    pattern = pattern_of(sought)
    if pattern is not None and pattern.is_exact:
        found = any(pattern.pieces[0].needle in word for word in words_of(text))
        assert found == (sought in search_fold(text))
