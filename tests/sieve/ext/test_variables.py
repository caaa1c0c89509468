"""variables: RFC 5229 §4 to §6."""

import pytest

from postier.sieve.limits import ScriptLimits
from tests.sieve.scripts import holds, mistakes, run


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ('set "b" "juMBlEd lETteRS"', "juMBlEd lETteRS"),
        ('set :length "b" "${a}"', "15"),
        ('set :lower "b" "${a}"', "jumbled letters"),
        ('set :upperfirst "b" "${a}"', "JuMBlEd lETteRS"),
        ('set :upperfirst :lower "b" "${a}"', "Jumbled letters"),
        ('set :lowerfirst :upper "b" "${a}"', "jUMBLED LETTERS"),
        ('set :quotewildcard "b" "Rock*"', "Rock\\*"),
        ('set :length :quotewildcard "b" "Rock*"', "6"),
        ('set :upper "b" "\u00e4bc"', "\u00e4BC"),
        ('set :length "b" "\u00e4bc"', "3"),
        ('set :encodeurl "b" "Safe body&evil=\u00e4"', "Safe%20body%26evil%3D%C3%A4"),
        ('set :quoteregex "b" "a.b*"', "a\\.b\\*"),
    ],
)
def test_set(command, value):
    script = f"""require ["variables", "fileinto", "enotify", "regex"];
    set "a" "juMBlEd lETteRS"; {command}; fileinto "${{b}}";"""
    assert run(script).actions[0].mailbox == value


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ('set "1" "x";', "is no name of a variable"),
        ('set "a.b" "x";', "is no name of a variable"),
        ('set "a b" "x";', "is no name of a variable"),
        ('set "" "x";', "is no name of a variable"),
        ('set "${a}" "x";', "must be a string without variables"),
        ('set :lower :upper "a" "x";', ":lower and :upper exclude each other"),
        ('set :nope "a" "x";', '"set" takes no :nope'),
        ('set :encodeurl "a" "x";', 'needs require "enotify"'),
        (f'set "{"n" * 65}" "x";', "longer than 64"),
        (f'set "a" "{"n" * (16 * 1024 + 1)}";', "holds at most 16384 characters"),
    ],
)
def test_mistakes_in_set(command, message):
    assert message in mistakes(f'require "variables"; {command}')[0]


def test_values_are_cut_off_and_variables_counted():
    limits = ScriptLimits(variable_characters=4, variables=2)
    script = 'require ["variables", "fileinto"]; set "a" "${b}123"; set "b" "45"; set "b" "${a}${b}"; fileinto "${b}";'
    assert run(script, limits=limits).actions[0].mailbox == "1234"
    script = 'require "variables"; set "a" "1"; set "b" "1"; set "c" "1";'
    assert run(script, limits=limits).error == "the script sets more than 2 variables"


@pytest.mark.parametrize(
    ("modifiers", "text", "value"),
    [
        (":quotewildcard", "ab*c", "ab\\*c"),
        (":quotewildcard", "abc*", "abc\\*"),
        (":quotewildcard", "abcd*", "abcd"),
        (":quotewildcard", "a\\\\\\\\b", "a\\\\\\\\"),
        (":quoteregex", "a.b.c", "a\\.b"),
        (":encodeurl", "ab/c", "ab%2F"),
        (":encodeurl", "abc/", "abc"),
        (":encodeurl", "\u00e4", ""),
        (":upper :quotewildcard", "abcd*", "ABCD"),
        (":length :quotewildcard", "*****", "10"),
    ],
)
def test_what_is_cut_off_ends_with_a_whole_character(modifiers, text, value):
    """RFC 5229 §6; RFC 3986 §2.1: a lone backslash or percent sign would take in what stands behind it."""
    script = f"""require ["variables", "enotify", "regex", "fileinto"];
    set "a" "{text}"; set {modifiers} "a" "${{a}}"; fileinto "[${{a}}]";"""
    assert run(script, limits=ScriptLimits(variable_characters=5)).actions[0].mailbox == f"[{value}]"


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('string :matches " ${state} " "* pending *"', True),
        ('string "${state}" "PENDING"', True),
        ('string "${none}" ""', True),
        ('string " x" "x"', False),
        ('string :count "eq" :comparator "i;ascii-numeric" ["${state}", "", "b"] "2"', True),
        ('string ["a", "b"] ["c", "b"]', True),
        ('string "a" "${state}"', False),
        ('string "pending" "${state}"', True),
        ('string :contains "is pending now" "${state}"', True),
        ('string :matches "is pending now" "*${state}*"', True),
        ('string :value "gt" "q" "${state}"', True),
    ],
)
def test_string(test, result):
    requires = "variables relational comparator-i;ascii-numeric"
    assert holds(test, requires=requires, before='set "state" "pending";') is result
