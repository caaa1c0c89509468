"""Names that stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.object_ids import EMAIL, THREAD, mailbox_object_id, number_of


@given(st.integers(0, 10**18 - 1))
def test_a_name_gives_its_number_back(number):
    assert number_of(b"M%d" % number, EMAIL) == number
    assert number_of(b"T%d" % number, THREAD) == number
    assert number_of(b"T%d" % number, EMAIL) is None


@pytest.mark.parametrize("name", [b"", b"M", b"m5", b"M05", b"M-5", b"5", b"M" + b"9" * 19, b"M5 ", b"F1-2"])
def test_names_that_nothing_has(name):
    assert number_of(name, EMAIL) is None


def test_mailboxes_of_two_accounts_differ():
    assert mailbox_object_id(1, 23) != mailbox_object_id(12, 3)
