"""The grammar: RFC 5228 §8.2."""

import pytest

from postier.sieve.limits import LIMITS, ScriptLimits
from postier.sieve.parse import parse
from postier.sieve.problems import ScriptError, Source


def read(text, limits=LIMITS):
    return parse(Source(text), limits)


def test_a_command_has_arguments_tests_and_a_block():
    (node,) = read('if allof (not exists ["a", "b"], size :over 1K) { keep; }')
    assert (node.name, node.tests[0].name, node.tests[0].has_test_list) == ("if", "allof", True)
    inner, size = node.tests[0].tests
    assert inner.tests[0].arguments[0].values == ("a", "b")
    assert [type(each).__name__ for each in size.arguments] == ["TagArgument", "NumberArgument"]
    assert [each.name for each in node.block] == ["keep"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keep", '1:5 expected ";", an argument or "{" after "keep", found the end of the script'),
        ("if true ,", '1:9 expected ";" or "{" after "if", found ","'),
        ("if true {", '1:9 this "{" has no "}"'),
        ("keep; }", '1:7 expected a command, found "}"'),
        ('x ["a" "b"];', '1:8 expected "]" or a comma after a string of the list, found a string'),
        ("x [];", '1:4 expected a string in the list, found "]"'),
        ("x [1];", "1:4 expected a string in the list, found a number"),
        ("if anyof (true; false) {}", '1:15 expected ")" or a comma after the tests, found ";"'),
        ("if anyof () {}", '1:11 expected a test, found ")"'),
        ('"x";', "1:1 expected a command, found a string"),
    ],
)
def test_the_first_mistake_is_told(text, message):
    with pytest.raises(ScriptError) as caught:
        read(text)
    (problem,) = caught.value.problems
    assert f"{problem.line}:{problem.column} {problem.message}" == message


def test_the_limit_of_nesting():
    limits = ScriptLimits(nesting=16)
    blocks = "if true {" * 15 + "keep;" + "}" * 15
    assert read(blocks, limits)
    assert read("if " + "not " * 14 + "true {}", limits)
    for text in (
        "if true {" * 17 + "keep;" + "}" * 17,
        "if " + "not " * 17 + "true {}",
        "if true {" * 100_000,
    ):
        with pytest.raises(ScriptError, match="nested deeper than 16"):
            read(text, limits)


def test_the_limits_of_commands_and_lists():
    limits = ScriptLimits(commands=3, list_strings=2)
    assert read("keep;" * 3, limits)
    assert read('x ["a", "b"];', limits)
    with pytest.raises(ScriptError, match="more than 3 commands"):
        read("keep;" * 4, limits)
    with pytest.raises(ScriptError, match="more than 2 strings"):
        read('x ["a", "b", "c"];', limits)
    with pytest.raises(ScriptError, match="more than 2 arguments"):
        read("x 1 2 3;", limits)
