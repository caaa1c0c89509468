import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailbox.words.tokens import MAX_PIECES, encoded, pattern_of, words_of


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


letters = st.text(st.sampled_from("abcß _.-\n東京é́\ud800"), max_size=30)


@given(letters, letters, letters)
def test_a_text_has_the_words_of_what_it_contains(before, text, after):
    pattern = pattern_of(text)
    dictionary = b"\n" + b"\n".join(map(encoded, sorted(words_of(before + text + after)))) + b"\n"
    if pattern is not None:
        assert all(piece.needle in dictionary for piece in pattern.pieces)


@given(letters, letters)
def test_an_exact_pattern_decides(text, sought):
    pattern = pattern_of(sought)
    if pattern is not None and pattern.is_exact:
        found = any(pattern.pieces[0].needle in encoded(word) for word in words_of(text))
        assert found == (sought in text)
