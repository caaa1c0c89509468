"""imap4flags: RFC 5232."""

import pytest

from postier.sieve.limits import ScriptLimits
from tests.sieve.scripts import holds, mistakes, run

REQUIRE = 'require ["imap4flags", "variables", "fileinto", "relational", "comparator-i;ascii-numeric"];'


@pytest.mark.parametrize(
    ("commands", "flags"),
    [
        (r'setflag "\\Seen";', ["\\Seen"]),
        (r'addflag ["\\Deleted", "\\Answered"];', ["\\Deleted", "\\Answered"]),
        (r'addflag "\\Deleted   \\Answered ";', ["\\Deleted", "\\Answered"]),
        (r'addflag "\\Seen"; addflag "\\seen";', ["\\Seen"]),
        (r'addflag "a b"; removeflag "A";', ["b"]),
        (r'addflag "a"; setflag "b";', ["b"]),
        (
            r'addflag ["", "\\Recent", "\\Nope", "a(b", "$Forwarded", "caf\u00e9", "x]"];'.replace(
                "\\u00e9", "\u00e9"
            ),
            ["$Forwarded"],
        ),
        (r'removeflag "x";', []),
    ],
)
def test_the_internal_variable(commands, flags):
    result = run(f"{REQUIRE} {commands}")
    assert result.error is None
    assert list(result.keep.flags) == list(result.flags) == flags


def test_keep_and_fileinto_take_flags():
    script = (
        REQUIRE + r'addflag "a"; fileinto "one"; fileinto :flags "b c" "two"; keep :flags ""; removeflag "a";'
    )
    assert [each.flags for each in run(script).actions] == [("a",), ("b", "c"), ()]


def test_the_last_flags_win_when_filed_twice():
    script = REQUIRE + 'fileinto :flags "a" "one"; fileinto :flags "b" "one";'
    assert [each.flags for each in run(script).actions] == [("b",)]


def test_variables_hold_flags():
    script = (
        REQUIRE
        + r"""setflag "flagvar" "\\Flagged"; addflag "flagvar" ["x", "y"]; removeflag "flagvar" "X";
    fileinto :flags "${flagvar}" "one";"""
    )
    assert run(script).actions[0].flags == ("\\Flagged", "y")


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('hasflag :is "b A"', True),
        ('hasflag ["b", "A"]', True),
        ('hasflag "c"', False),
        ('hasflag :contains "v" "Junk"', True),
        ('hasflag :contains "v" ["label", "forward"]', True),
        ('hasflag :contains "v" "label forward"', True),
        ('hasflag :contains "v" "label"', False),
        ('hasflag :count "ge" :comparator "i;ascii-numeric" "v" "3"', True),
        ('hasflag :count "ge" :comparator "i;ascii-numeric" "2"', True),
        ('hasflag ["none", "v"] "NotJunk"', True),
        ('hasflag :matches "v" "gnus-*"', True),
        ('hasflag "${keys}"', True),
    ],
)
def test_hasflag(test, result):
    before = 'setflag "A B"; set "v" "NotJunk Junk gnus-forward"; set "keys" "x a";'
    requires = "imap4flags variables relational comparator-i;ascii-numeric"
    assert holds(test, requires=requires, before=before) is result


def test_flags_of_an_event_are_there_from_the_start():
    assert holds('hasflag "\\\\Seen"', requires="imap4flags", flags=("\\Seen",))


def test_variables_need_their_extension_and_sets_are_bounded():
    assert 'needs require "variables"' in mistakes('require "imap4flags"; setflag "a" "b";')[0]
    assert 'needs require "variables"' in mistakes('require "imap4flags"; if hasflag "a" "b" {}')[0]
    assert (
        run('require "imap4flags"; addflag "a b c";', limits=ScriptLimits(flags=2)).error
        == "a set of more than 2 flags"
    )
