"""What is checked before a script runs: RFC 5228 §2.6, §2.10.5, §3."""

import pytest

from postier.sieve.limits import ScriptLimits
from postier.sieve.problems import ScriptError
from postier.sieve.script import capabilities, compile_script
from tests.sieve.scripts import mistakes


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            'require "filinto";',
            'line 1, column 9: there is no extension "filinto" (did you mean "fileinto"?)',
        ),
        ('fileinto "x";', 'line 1, column 1: "fileinto" needs require "fileinto"'),
        ('keep; require "copy";', 'line 1, column 7: "require" must stand before all other commands'),
        ('if true { require "copy"; }', 'line 1, column 11: "require" must stand before all other commands'),
        ("require 5;", 'line 1, column 1: "require" takes a string or a list of strings'),
        ("hedder;", 'line 1, column 1: there is no command "hedder"'),
        ("kep;", 'line 1, column 1: there is no command "kep" (did you mean "keep"?)'),
        ("true;", 'line 1, column 1: "true" is a test, not a command'),
        ("if keep {}", 'line 1, column 4: "keep" is a command, not a test'),
        ("else {}", 'line 1, column 1: "else" must follow an "if" or "elsif"'),
        ("if true {} keep; elsif true {}", 'line 1, column 18: "elsif" must follow an "if" or "elsif"'),
        ("if true {} else {} else {}", 'line 1, column 20: "else" must follow an "if" or "elsif"'),
        ("if {}", 'line 1, column 1: "if" takes one test'),
        ("if true;", 'line 1, column 1: "if" needs a block in { }'),
        ("if (true, false) {}", 'line 1, column 1: "if" takes one test'),
        ("if true {} else true {}", 'line 1, column 12: "else" takes no test'),
        ("if not (true, true) {}", 'line 1, column 4: "not" takes one test'),
        ("if allof true {}", 'line 1, column 4: "allof" takes a list of tests in parentheses'),
        ("keep { }", 'line 1, column 1: "keep" takes no block; it ends with ";"'),
        ("keep true;", 'line 1, column 1: "keep" takes no test'),
        (
            "keep 5;",
            'line 1, column 6: "keep" takes no arguments without a tag; found 1 arguments without a tag',
        ),
        ("if size 5 {}", 'line 1, column 4: "size" needs :over or :under'),
        ("if size :over :under 5 {}", "line 1, column 15: :over and :under exclude each other"),
        ("if size :over :over 5 {}", "line 1, column 15: :over is given twice"),
        ('if size :over "5" {}', 'line 1, column 15: the limit of "size" must be a number, found a string'),
        ('if header "a" :is "b" {}', "line 1, column 15: :is must stand before the arguments without a tag"),
        (
            'if header :contain "a" "b" {}',
            'line 1, column 11: "header" takes no :contain (did you mean ":contains"?)',
        ),
        ('if header :is :contains "a" "b" {}', "line 1, column 15: :is and :contains exclude each other"),
        (
            'if header :comparator "i;octt" "a" "b" {}',
            'line 1, column 23: there is no comparator "i;octt" (did you mean "i;octet"?)',
        ),
        (
            'if header :comparator "i;ascii-numeric" "a" "b" {}',
            'line 1, column 23: the comparator "i;ascii-numeric" needs require "comparator-i;ascii-numeric"',
        ),
        (
            'require "comparator-i;ascii-numeric"; if header :contains :comparator "i;ascii-numeric" "a" "b" {}',
            'line 1, column 71: the comparator "i;ascii-numeric" cannot be used with :contains',
        ),
        (
            'if header :comparator 5 "a" "b" {}',
            "line 1, column 23: the value of :comparator must be a string, found a number",
        ),
        (
            'if address "subject" "b" {}',
            'line 1, column 12: "address" cannot be used with the field "subject", which holds no addresses',
        ),
        ('redirect "nobody";', 'line 1, column 10: "nobody" is no address'),
        (
            'redirect ["a@b.example"];',
            'line 1, column 10: the address of "redirect" must be a string, found a list of strings',
        ),
        (
            "redirect;",
            'line 1, column 1: "redirect" takes the address (a string); found 0 arguments without a tag',
        ),
        (
            'if header "a" {}',
            'line 1, column 4: "header" takes the header names (a string or a list of strings), then the key list (a string or a list of strings); found 1 arguments without a tag',
        ),
    ],
)
def test_a_mistake_names_place_and_cure(script, message):
    assert mistakes(script) == [message]


def test_all_mistakes_are_told_at_once():
    found = mistakes('fileinto "x";\nif nonsense {\n  redirect "y";\n}\nkep;')
    assert [each.split(":")[0] for each in found] == [
        "line 1, column 1",
        "line 2, column 4",
        "line 3, column 12",
        "line 5, column 1",
    ]


def test_not_more_mistakes_than_the_limit():
    assert len(mistakes("kep;" * 100, ScriptLimits(problems=7))) == 7


def test_a_script_that_is_too_large():
    limits = ScriptLimits(script_octets=10)
    assert not mistakes("keep;    \n", limits)
    assert mistakes("keep;     \n", limits) == ["line 1, column 1: the script is larger than 10 octets"]
    assert mistakes("# \u00fc\u00fc\u00fc\u00fc\u00fc", limits)


def test_names_do_not_depend_on_case_but_capabilities_do():
    assert not mistakes('REQUIRE "fileinto"; IF HEADER :IS "a" "b" { FileInto "x"; }')
    assert mistakes('require "FileInto";')


def test_capabilities_can_be_switched_off():
    assert "vacation" in capabilities()
    assert "vacation" not in capabilities(frozenset({"vacation"}))
    with pytest.raises(ScriptError, match='there is no extension "vacation"'):
        compile_script('require "vacation";', disabled=frozenset({"vacation"}))
    numeric = "comparator-i;ascii-numeric"
    assert compile_script(f'require "{numeric}";')
    with pytest.raises(ScriptError, match="there is no extension"):
        compile_script(f'require "{numeric}";', disabled=frozenset({numeric}))


def test_octets_that_are_no_utf8_are_taken():
    script = compile_script(b'if header :is "subject" "\xff" { discard; }')
    assert script.run(b"Subject: x\r\n\r\n").keep
