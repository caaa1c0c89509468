"""LIST patterns against the plain meaning of * and %."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.list_patterns import pattern_test

LETTERS = st.text("ab/", max_size=8)
PATTERNS = st.text("ab/*%", max_size=8)


def slow_test(pattern, name):
    wild = {"*": ".*", "%": "[^/]*"}
    return bool(re.fullmatch("".join(wild.get(char, re.escape(char)) for char in pattern), name))


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("*", "a/b", True),
        ("%", "a", True),
        ("%", "a/b", False),
        ("a/%", "a/b", True),
        ("a/%", "a/b/c", False),
        ("a/*", "a", False),
        ("inbox", "INBOX", True),
        ("inbox*", "INBOX/x", True),
        ("a", "a", True),
        ("", "a", False),
    ],
)
def test_examples(pattern, name, found):
    assert pattern_test("", [pattern])(name) is found


def test_reference_and_many_patterns():
    test = pattern_test("archive/", ["%", "x*"])
    assert test("archive/2024")
    assert test("archive/x/y")
    assert not test("2024")
    assert not pattern_test("", [])("a")


@given(PATTERNS, LETTERS)
def test_like_the_slow_one(pattern, name):
    assert pattern_test("", [pattern])(name) is slow_test(pattern, name)


def test_no_pattern_is_slow():
    test = pattern_test("", ["*a%" * 300 + "b"])
    assert not test("a" * 1000)
