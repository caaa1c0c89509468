"""What a script may cost, at the edges; other limits have their tests with what they limit."""

import pytest

from postier.sieve.limits import ScriptLimits
from tests.sieve.scripts import mistakes, run

WIDE = b"Subject: x\r\n\r\n" + "\u0434".encode() * 10_000
FIELDS = b"".join(b"X: %d\r\n" % number for number in range(1_000)) + b"\r\n"


@pytest.mark.parametrize(
    ("limit", "fits", "script", "problem"),
    [
        ("variable_name_characters", 3, 'require "variables"; set "abc" "x";', "longer than 2 characters"),
        ("match_variables", 9, 'require "variables"; keep; set "a" "${9}";', "up to ${8} only"),
        ("regex_program", 6, 'require "regex"; if header :regex "a" "abc" {}', "more than 5 instructions"),
        (
            "regex_programs",
            12,
            'require "regex"; if header :regex "a" ["abc", "def"] {}',
            "more than 5 instructions",
        ),
        ("nesting", 2, "if true { if true { keep; } }", "deeper than 1"),
        ("list_strings", 2, 'if header "a" ["b", "c"] {}', "more than 1 strings"),
    ],
)
def test_limits_of_shape(limit, fits, script, problem):
    assert not mistakes(script, ScriptLimits(**{limit: fits}))
    assert problem in mistakes(script, ScriptLimits(**{limit: fits - 1}))[0]


def test_the_work_of_regular_expressions():
    script = 'require "regex"; if header :regex "subject" "^(a|b)*c" {}'
    message = b"Subject: " + b"ab" * 40 + b"\r\n\r\n"

    def error(limit):
        return run(script, message, limits=ScriptLimits(regex_work=limit)).error

    enough = next(limit for limit in range(1, 1_000) if error(limit) is None)
    assert 10 < enough < 200  # the automaton remembers its moves
    assert error(enough - 1) == "the regular expressions of the script take too long"


@pytest.mark.parametrize(
    ("script", "message", "fits"),
    [
        ('if body :contains "q" {}', WIDE, True),
        ('if body :comparator "i;unicode-casemap" :contains "q" {}', WIDE, False),
        ('if body :comparator "i;unicode-casemap" :is "q" {}', WIDE, False),
        ('if body :comparator "i;unicode-casemap" :matches "q*" {}', WIDE, False),
        ('if body :comparator "i;unicode-casemap" :value "gt" "q" {}', WIDE, False),
        ('if header :contains "x" "q" {}', FIELDS, True),
        ('if header :matches "x" ["q*", "*q"] {}', FIELDS, False),
        ('if header :regex "x" ["q", "r"] {}', FIELDS, False),
        ('deleteheader :contains "x" "q";', FIELDS, False),
        ('set "a" "' + "*" * 8_000 + '"; set "b" "${a}";', FIELDS, True),
        ('set "a" "' + "*" * 8_000 + '"; set :lower :quotewildcard "b" "${a}";', FIELDS, False),
    ],
)
def test_what_costs_more_than_its_characters(script, message, fits):
    required = (
        'require ["body", "editheader", "regex", "relational", "variables", "comparator-i;unicode-casemap"];'
    )
    error = run(required + script, message, limits=ScriptLimits(work=100_000)).error
    assert (error is None) is fits
    assert fits or error == "the script compares more than 100000 characters"
    assert run(required + script, message).error is None


def test_mistakes_end_the_search_when_there_are_too_many():
    limits = ScriptLimits(problems=3)
    assert len(mistakes("kep;" * 2, limits)) == 2
    assert len(mistakes("kep;" * 1_000 + 'require "copy";', limits)) == 3
