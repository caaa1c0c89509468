"""Tokens: RFC 5228 §8.1."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.sieve.lex import MAX_NUMBER, Kind, tokens
from postier.sieve.limits import LIMITS, ScriptLimits
from postier.sieve.problems import ScriptError, Source


def kinds(text, limits=LIMITS):
    return [
        (each.kind, each.number if each.kind is Kind.NUMBER else each.text)
        for each in tokens(Source(text), limits)
    ][:-1]


def test_words_tags_numbers_strings_and_marks():
    assert kinds('Keep :Over 10 "a" [](){},;') == [
        (Kind.WORD, "keep"),
        (Kind.TAG, ":over"),
        (Kind.NUMBER, 10),
        (Kind.STRING, "a"),
        *[(Kind.MARK, mark) for mark in "[](){},;"],
    ]


@pytest.mark.parametrize(
    ("text", "number"), [("1K", 1024), ("2M", 2 << 20), ("3G", 3 << 30), ("1k", 1024), ("007", 7)]
)
def test_numbers(text, number):
    assert kinds(text) == [(Kind.NUMBER, number)]


def test_the_largest_number():
    assert kinds(str(MAX_NUMBER)) == [(Kind.NUMBER, MAX_NUMBER)]
    for text in (str(MAX_NUMBER + 1), "9" * 100_000, "9223372036854775807K"):
        with pytest.raises(ScriptError, match="number is larger"):
            kinds(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\"b\\c\d"', 'a"b\\cd'),
        ('"two\nlines"', "two\r\nlines"),
        ('"two\r\nlines"', "two\r\nlines"),
        ("text:\nline\n.\n", "line\r\n"),
        ("text: # a comment\r\n..dots\r\n.one\r\n\r\n.\r\n", ".dots\r\n.one\r\n\r\n"),
        ("TEXT:\n.\n", ""),
        ("text:\nat the end\n.", "at the end\r\n"),
    ],
)
def test_strings(text, value):
    assert kinds(text) == [(Kind.STRING, value)]


def test_comments_are_white_space():
    assert kinds("a # b\n/* c\n * d */ e # f") == [(Kind.WORD, "a"), (Kind.WORD, "e")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a "b', 'line 1, column 3: the string has no closing "'),
        ("\n\n  /* x", "line 3, column 3: the comment /* has no */"),
        ("text:\nx\n", 'line 1, column 1: the string "text:" has no line with a single dot'),
        ("10kb", "line 1, column 1: a number is digits with K, M or G behind them"),
        ("x : y", "line 1, column 3: a tag is a colon and a name"),
        ("a\n\x01", "line 2, column 1: expected a command, found '\\x01'"),
        ('"\x00"', "line 1, column 1: a string holds NUL; write it as ${hex:00}"),
    ],
)
def test_what_is_no_token(text, message):
    with pytest.raises(ScriptError) as caught:
        kinds(text)
    assert str(caught.value) == message


def test_the_limit_of_a_string():
    limits = ScriptLimits(string_characters=5)
    assert kinds('"12345"', limits)
    with pytest.raises(ScriptError, match="longer than 5"):
        kinds('"123456"', limits)


@given(st.text(max_size=200))
def test_any_text_gives_tokens_or_one_problem(text):
    found = []
    with contextlib.suppress(ScriptError):
        found = list(tokens(Source(text), LIMITS))
    assert not found or found[-1].kind is Kind.END


@given(st.text(st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"]), max_size=200))
def test_a_quoted_string_reads_back(text):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert kinds(f'"{quoted}" x')[0] == (Kind.STRING, text.replace("\n", "\r\n"))
