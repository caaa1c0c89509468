"""ESEARCH and SEARCH lines, and the value of `$`."""

from array import array

import pytest

from postier.imap.search_results import (
    Return,
    Wanted,
    esearch_line,
    esearch_start,
    saved_result,
    search_answer,
)


def test_the_examples_of_the_rfc():
    # RFC 9051 §6.4.4
    numbers = [2, 10, 11]
    assert esearch_line(
        esearch_start(b"A282", is_uid=False), numbers, returns=Wanted(Return.MIN | Return.COUNT)
    ) == (b'* ESEARCH (TAG "A282") MIN 2 COUNT 3\r\n')
    assert (
        esearch_line(esearch_start(b"A283", is_uid=False), numbers, returns=Wanted(Return.ALL))
        == b'* ESEARCH (TAG "A283") ALL 2,10:11\r\n'
    )
    assert (
        esearch_line(esearch_start(b"A284", is_uid=False), [], returns=Wanted(Return.ALL))
        == b'* ESEARCH (TAG "A284")\r\n'
    )
    assert esearch_line(
        esearch_start(b"A285", is_uid=True), [7, 3800], returns=Wanted(Return.MIN | Return.MAX)
    ) == (b'* ESEARCH (TAG "A285") UID MIN 7 MAX 3800\r\n')
    assert (
        esearch_line(esearch_start(b"A286", is_uid=False), [], returns=Wanted(Return.COUNT | Return.MIN))
        == b'* ESEARCH (TAG "A286") COUNT 0\r\n'
    )


def test_save_alone_says_nothing():
    assert esearch_line(esearch_start(b"a", is_uid=False), [1], returns=Wanted(Return.SAVE)) == b""
    assert esearch_line(
        esearch_start(b"a", is_uid=False), [1], returns=Wanted(Return.SAVE | Return.COUNT)
    ).endswith(b"COUNT 1\r\n")


def test_old_and_new_clients():
    assert search_answer(b"a", [1, 2], is_uid=False, returns=None, uses_esearch=False) == b"* SEARCH 1 2\r\n"
    assert search_answer(b"a", [1, 2], is_uid=False, returns=None, uses_esearch=True).endswith(
        b" ALL 1:2\r\n"
    )
    assert search_answer(b"a", [1], is_uid=True, returns=Wanted(Return.ALL), uses_esearch=False).startswith(
        b"* ESEARCH"
    )
    assert search_answer(b"a", [], is_uid=False, returns=None, uses_esearch=False) == b"* SEARCH\r\n"


@pytest.mark.parametrize(
    ("returns", "kept"),
    [
        (Return.SAVE, [3, 5, 9]),
        (Return.SAVE | Return.MIN, [3]),
        (Return.SAVE | Return.MAX, [9]),
        (Return.SAVE | Return.MIN | Return.MAX, [3, 9]),
        (Return.SAVE | Return.MIN | Return.COUNT, [3, 5, 9]),
        (Return.SAVE | Return.MIN | Return.ALL, [3, 5, 9]),
    ],
)
def test_saved(returns, kept):
    assert list(saved_result(Wanted(returns), array("I", [3, 5, 9]))) == kept  # RFC 9051 §6.4.4.1 table 4
    assert not saved_result(Wanted(returns), array("I"))


def test_one_message_is_saved_once():
    assert list(saved_result(Wanted(Return.SAVE | Return.MIN | Return.MAX), array("I", [3]))) == [3]
