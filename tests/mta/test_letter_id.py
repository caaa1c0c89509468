"""Letter ids sort by time, and their text form comes back."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mta.letter_id import MAX_DRAWS, letter_id_text, new_letter_id, parse_letter_id, under_new_id
from postier.store.transaction import ConflictError


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


class Taken:
    """Ids of which the first so many are taken."""

    def __init__(self, count):
        self.count = count
        self.asked = []

    async def keep(self, letter_id):
        self.asked.append(letter_id)
        if len(self.asked) <= self.count:
            raise ConflictError
        return letter_id_text(letter_id)


def draw(taken):
    numbers = itertools.count()
    return under_new_id(taken.keep, lambda: 7, lambda _bits: next(numbers))


@pytest.mark.parametrize("count", [0, 1, MAX_DRAWS - 1])
async def test_an_id_that_is_taken_is_drawn_anew(count):
    taken = Taken(count)
    assert await draw(taken) == letter_id_text(7 << 10 | count)
    assert len(set(taken.asked)) == count + 1


async def test_the_store_that_always_refuses_is_not_asked_for_ever():
    taken = Taken(MAX_DRAWS)
    with pytest.raises(ConflictError):
        await draw(taken)
    assert len(taken.asked) == MAX_DRAWS
