"""Numbers, marks and listings of a maildrop, against a plain list."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.pop3.maildrop import PORTION_MESSAGES, Maildrop


def opened(count):
    maildrop = Maildrop(9, count, 10 * count)
    maildrop.give(array("I", range(2, 2 * count + 2, 2)), array("I", [10] * count))
    return maildrop


@given(st.integers(0, 12), st.lists(st.integers(-1, 14), max_size=20))
def test_marks_are_as_in_a_list(count, wanted):
    maildrop = opened(count)
    present = list(range(1, count + 1))
    for number in wanted:
        assert maildrop.has(number) == (number in present)
        if number in present:
            maildrop.delete(number)
            present.remove(number)
        assert (maildrop.count, maildrop.size_octets) == (len(present), 10 * len(present))
    assert b"".join(maildrop.size_lines()) == b"".join(b"%d 10\r\n" % number for number in present)
    assert b"".join(maildrop.unique_id_lines()) == b"".join(b"%d 9.%d\r\n" % (n, 2 * n) for n in present)
    assert list(maildrop.deleted_uids) == [2 * n for n in range(1, count + 1) if n not in present]
    maildrop.reset()
    assert (maildrop.count, maildrop.size_octets, maildrop.deleted_uids) == (count, 10 * count, ())


def test_what_was_read_and_stays_is_known():
    maildrop = opened(4)
    for number in (1, 2, 4):
        maildrop.retrieved(number)
    maildrop.delete(2)
    assert maildrop.retrieved_uids == (2, 8)


@pytest.mark.parametrize("count", [PORTION_MESSAGES, PORTION_MESSAGES + 1])
def test_a_long_listing_comes_in_portions(count):
    portions = list(opened(count).size_lines())
    assert len(portions) == 1 + count // (PORTION_MESSAGES + 1)
    assert b"".join(portions).count(b"\r\n") == count


def test_before_the_messages_are_given_the_totals_are_known():
    maildrop = Maildrop(9, 3, 70)
    maildrop.reset()
    assert (maildrop.count, maildrop.size_octets, maildrop.is_given) == (3, 70, False)
    assert not maildrop.has(1)
    assert maildrop.deleted_uids == maildrop.retrieved_uids == ()
