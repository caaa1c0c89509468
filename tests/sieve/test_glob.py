"""Wildcards against a slow model of them, and in linear time."""

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from postier.mime.collation import unicode_fold
from postier.sieve.automaton import Automaton
from postier.sieve.comparators import COMPARATORS
from postier.sieve.glob import Glob
from postier.sieve.pattern import PatternError, compile_pattern


def model(pattern):
    """The lazy expression that means the same."""
    pieces, escaped = [], False
    for character in pattern:
        if escaped or character not in "*?\\":
            pieces.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            pieces.append("(.*?)" if character == "*" else "(.)")
    return re.compile("".join(pieces) + ("\\\\" if escaped else ""), re.DOTALL)


@given(st.text("ab*?\\", max_size=10), st.text("ab*?\\", max_size=12))
def test_globs_mean_what_lazy_expressions_mean(pattern, value):
    found, expected = Glob(pattern).match(value), model(pattern).fullmatch(value)
    assert (found is None) is (expected is None)
    if found is not None:
        assert [value[start:end] for start, end in found] == list(expected.groups())


@given(st.text("ab()|*+?.^$[]-{}1,\\", max_size=12), st.text("abc", max_size=10))
def test_regular_expressions_find_what_others_find(pattern, value):
    try:
        automaton = Automaton(compile_pattern(pattern, ignores_case=False, max_program=2_000))
    except PatternError:
        return
    is_in = automaton.is_in(value, lambda _: None)
    groups = automaton.groups(value, lambda _: None)
    assert is_in is (groups is not None)
    assert groups is None or groups[0] in value


@given(
    st.from_regex(r"\A(?:[abc.]|\([abc]\)|[abc]\*|[abc]\+|[abc]\?|\([ab]\|[bc]\))*\Z"),
    st.text("abc", max_size=10),
)
def test_simple_expressions_agree_with_re(pattern, value):
    automaton = Automaton(compile_pattern(pattern, ignores_case=False, max_program=2_000))
    found, expected = automaton.groups(value, lambda _: None), re.search(pattern, value, re.DOTALL)
    assert (found is None) is (expected is None)
    if found is not None:
        assert found[0].startswith(expected[0])  # leftmost, and at least as long


def test_many_stars_take_linear_time():
    pattern = Glob("*a" * 500 + "b")
    started = time.process_time()
    assert pattern.match("a" * 100_000) is None
    assert time.process_time() - started < 1.0


@given(st.text(max_size=20), st.text(max_size=20))
def test_keys_are_equal_and_ordered_as_their_strings(first, second):
    for comparator in COMPARATORS.values():
        keys = comparator.key(first), comparator.key(second)
        assert sum([keys[0] < keys[1], keys[0] == keys[1], keys[0] > keys[1]]) == 1
        assert comparator.key(first) == keys[0]


def test_the_unicode_example_of_the_rfc():
    assert unicode_fold("\u01c4") == "D" + "z" + "\u030c"
    assert unicode_fold("\u00e9") == unicode_fold("E\u0301") == "E\u0301"
