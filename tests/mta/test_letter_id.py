"""Letter ids sort by time, and their text form comes back."""

from hypothesis import given
from hypothesis import strategies as st

from postier.mta.letter_id import letter_id_text, new_letter_id, parse_letter_id


@given(st.integers(0, 2**63 - 1))
def test_text_comes_back(letter_id: int) -> None:
    text = letter_id_text(letter_id)
    assert parse_letter_id(text) == letter_id
    assert parse_letter_id(text.upper()) == letter_id


@given(st.integers(0, 2**52), st.integers(1, 2**20))
def test_ids_and_their_texts_sort_by_time(now_us: int, later: int) -> None:
    first, second = (new_letter_id(at, lambda _bits: 1023) for at in (now_us, now_us + later))
    assert first < second
    assert letter_id_text(first) < letter_id_text(second)


def test_what_is_no_id_is_none() -> None:
    assert parse_letter_id("") is None
    assert parse_letter_id("0" * 12) is None
    assert parse_letter_id("u" * 13) is None
