"""relational, regex, extlists, subaddress and envelope: how values are held against keys."""

import random

import pytest

from postier.sieve.limits import ScriptLimits
from postier.sieve.world import Envelope, MemberLists
from tests.sieve.scripts import holds, mistakes, run

COUNTED = (
    b"Received: a\r\nReceived: b\r\nSubject: example\r\nTo: foo@example.com, baz@example.com\r\nCc: qux@example.com\r\n"
    b"X-Priority: 2\r\nFrom: N <nobody@x.example>\r\n\r\n"
)
NUMERIC = "relational comparator-i;ascii-numeric"


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('address :count "ge" :comparator "i;ascii-numeric" ["to", "cc"] ["3"]', True),
        ('address :count "ge" :comparator "i;ascii-numeric" "to" ["3"]', False),
        ('header :count "ge" :comparator "i;ascii-numeric" "received" "3"', False),
        ('header :count "ge" :comparator "i;ascii-numeric" ["received", "subject"] "3"', True),
        ('header :count "eq" :comparator "i;ascii-numeric" "x-none" "0"', True),
        ('header :value "lt" :comparator "i;ascii-numeric" "x-priority" "3"', True),
        ('header :value "lt" :comparator "i;ascii-numeric" "x-none" "3"', False),
        ('address :value "gt" "from" "M"', True),
        ('address :value "gt" "from" "O"', False),
        ('header :value "ne" "subject" "other"', True),
        ('header :value "eq" "subject" "EXAMPLE"', True),
        ('header :value "le" :comparator "i;octet" "subject" "EXAMPLE"', False),
        ('header :count "GE" :comparator "i;ascii-numeric" "received" "2"', True),
    ],
)
def test_relational(test, result):
    assert holds(test, COUNTED, requires=NUMERIC) is result


def test_dates_are_held_against_lists():  # RFC 6134 §2.9.2
    holidays = MemberLists({"tag:x.example,2026:days": ["2026-12-25"]})
    around = {"requires": "extlists date", "lists": holidays}
    message = b"Date: Fri, 25 Dec 2026 12:00:00 +0000\r\n\r\n"
    assert holds('date :list "date" "date" "tag:x.example,2026:days"', message, **around)
    assert not holds('currentdate :list "date" "tag:x.example,2026:days"', message, **around)


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('header :index 1 ["x-b", "x-a"] "b1"', True),
        ('header :index 2 ["x-b", "x-a"] "a1"', True),
        ('header :index 2 ["x-a", "x-b"] "a2"', True),
        ('header :index 3 ["x-a", "x-b"] "b1"', True),
        ('header :index 4 :contains ["x-a", "x-b"] ""', False),
        ('header :index 1 :last ["x-a", "x-b"] "b1"', True),
        ('header :index 3 :last ["x-a", "x-b"] "a1"', True),
        ('header :mime :index 3 ["x-a", "x-b"] "b1"', True),
        ('address :index 2 ["from", "to"] "t@x.example"', True),
        ('address :index 2 :last ["from", "to"] "f@x.example"', True),
    ],
)
def test_an_index_counts_all_named_fields(test, result):  # RFC 5260 §6
    message = b"X-A: a1\r\nX-B: b1\r\nX-A: a2\r\nTo: t@x.example\r\nFrom: f@x.example\r\n\r\n"
    assert holds(test, message, requires="index mime") is result


def test_what_is_no_relation():
    assert mistakes('require "relational"; if header :value "xx" "a" "b" {}') == [
        'line 1, column 40: "xx" is no relation (gt, ge, lt, le, eq, ne)'
    ]
    assert mistakes('if header :count "gt" "a" "b" {}')


@pytest.mark.parametrize(
    ("pattern", "value", "groups"),
    [
        ("b+", "abbbc", ["bbb"]),
        ("^a(.*)c$", "abbbc", ["abbbc", "bbb"]),
        ("(a|ab)(c|bcd)(d*)", "abcd", ["abcd", "a", "bcd", ""]),
        ("x*", "abc", [""]),
        ("(foo|foobar)", "foobar", ["foobar", "foobar"]),
        ("a{2,3}", "aaaa", ["aaa"]),
        ("(ab){2}c?", "xababc", ["ababc", "ab"]),
        ("a{0}b", "ab", ["b"]),
        ("a{2,}", "caaaa", ["aaaa"]),
        ("[[:digit:]]+-[^x-z]", "call 555-a", ["555-a"]),
        ("[]a]+", "x]a]", ["]a]"]),
        ("[a-]+", "b-a-", ["-a-"]),
        (r"\\[(.*)\\]", "x [list] y", ["[list]", "list"]),
        ("", "abc", [""]),
        ("(a*)*", "aaa", ["aaa", "aaa"]),
        ("(a*)+b", "aaab", ["aaab", "aaa"]),
        ("()x", "x", ["x", ""]),
        ("a.c", "a\u00fcc", ["a\u00fcc"]),
        (r"\\w+@\\S+ \\d", "me@x.example 7", ["me@x.example 7"]),
        ("REPORT", "the report", ["report"]),
        (r"\\bfoo\\b", "a foo.", ["foo"]),
        (r"\\<o+", "foo oo", ["oo"]),
        (r"o+\\>", "oof foo", ["oo"]),
        (r"o\\Bo", "foo", ["oo"]),
        (r"(\\b.)+", "ab", ["a", "a"]),
        ("^\\\\b\u00fc\\\\b$", "\u00fc", ["\u00fc"]),
        ("[A-C]+", "xabcx", ["abc"]),
        ("^$", "", [""]),
        ("(^|,)b", "a,b", [",b", ","]),
    ],
)
def test_regex(pattern, value, groups):
    wanted = "|".join(f"${{{number}}}" for number in range(len(groups)))
    script = f"""require ["regex", "variables", "fileinto"];
    if header :regex "x" "{pattern}" {{ fileinto "={wanted}"; }}"""
    result = run(script, f"X: {value}\r\n\r\n".encode())
    assert result.error is None
    assert [each.mailbox for each in result.actions] == ["=" + "|".join(groups)]


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("^b", "ab"),
        ("a$", "ab"),
        ("a{3}", "aa"),
        ("[^a]", "aaa"),
        ("a^b", "a^b"),
        ("(a|b)c", "ab"),
        ("^$", "x"),
        (r"\\bfoo\\b", "foot"),
        (r"\\Bfoo", "a foo"),
        (r"\\b", "..."),
    ],
)
def test_what_a_regex_does_not_match(pattern, value):
    assert not holds(f'header :regex "x" "{pattern}"', f"X: {value}\r\n\r\n".encode(), requires="regex")


def test_a_regex_knows_case_with_octets():
    assert not holds(
        'header :regex :comparator "i;octet" "x" "REPORT"', b"X: report\r\n\r\n", requires="regex"
    )


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", 'a "(" is not closed'),
        ("a)", '")" at 2 closes nothing'),
        ("*a", '"*" at 1 repeats nothing'),
        ("[a", 'a "[" is not closed'),
        ("[[:nope:]]", 'there is no class "[:nope:]"'),
        ("[b-a]", 'the range "b-a" ends before it begins'),
        ("a{2,1}", "a repetition ends before it begins"),
        ("a{256}", "a repetition is {n}, {n,} or {n,m}, with numbers up to 255"),
        ("(a)\\\\1", "there are no back-references"),
        ("a\\\\", 'nothing follows the last "\\"'),
        ("((a{200}){200}){200}", "the expression needs more than 2000 instructions"),
        ("(" * 51 + ")" * 51, "groups are nested deeper than 50"),
    ],
)
def test_what_is_no_regex(pattern, message):
    (found,) = mistakes(f'require "regex"; if header :regex "x" "{pattern}" {{}}')
    assert found.endswith(f"the regular expression is wrong: {message}")
    result = run(
        f'require ["regex", "variables"]; set "p" "{pattern}"; if header :regex "subject" "${{p}}" {{}}',
        b"Subject: a\r\n\r\n",
    )
    assert result.error == f"the regular expression is wrong: {message}"


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(a*)*b", "(.*)*x", "a?" * 30 + "a" * 30])
def test_a_regex_never_explodes(pattern):
    """SECURITY 15 and 21."""
    message = b"X: " + b"a" * 2_000 + b"!\r\n\r\n"
    script = f'require ["regex", "variables"]; if header :regex "x" "{pattern}" {{ discard; }}'
    result = run(script, message)
    assert result.error in (None, "the regular expressions of the script take too long")


def test_the_work_of_regexes_is_bounded():
    letters = random.Random(5).choices("ac", k=50_000)
    script = 'require "regex"; if header :regex "x" "a.{200}b" { discard; }'
    message = b"X: " + "".join(letters).encode() + b"\r\n\r\n"
    result = run(script, message)
    assert result.error == "the regular expressions of the script take too long"
    assert result.keep.is_implicit


LISTS = MemberLists(
    {
        "urn:ietf:params:sieve:addrbook:default": ["Alice@x.example"],
        "tag:example.com,2026:vip": ["boss@x.example"],
    }
)


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('address :list "from" ":addrbook:default"', True),
        ('address :list "from" ":AddrBook:%44efault"', True),
        ('header :list "from" "urn:ietf:params:sieve:addrbook:default"', True),
        ('envelope :list "from" "tag:example.com,2026:vip"', False),
        ('string :list "boss@x.example" ["tag:example.com,2026:vip"]', True),
        ('valid_ext_list ":addrbook:default"', True),
        ('valid_ext_list [":addrbook:default", ":addrbook:other"]', False),
        ('valid_ext_list "no uri"', False),
    ],
)
def test_extlists(test, result):
    message = b"From: alice@x.example\r\n\r\n"
    assert holds(test, message, requires="extlists envelope variables", lists=LISTS) is result


def test_a_list_member_is_match_variable_0():
    script = """require ["extlists", "variables", "fileinto"];
    if address :list "from" ":addrbook:default" { fileinto "${0}"; }"""
    assert run(script, b"From: alice@x.example\r\n\r\n", lists=LISTS).actions[0].mailbox == "Alice@x.example"


def test_what_lists_cannot_do():
    assert (
        "exclude each other"
        in mistakes('require "extlists"; if header :list :comparator "i;octet" "a" "b" {}')[0]
    )
    assert (
        "cannot be used with :list"
        in mistakes('require ["extlists", "environment"]; if environment :list "name" "x" {}')[0]
    )
    assert (
        run('require "extlists"; if header :list "from" "tag:none" {}', lists=LISTS).error
        == 'there is no list "tag:none"'
    )
    assert (
        run('require "extlists"; redirect :list "tag:none";', lists=LISTS).error
        == 'there is no list "tag:none"'
    )
    action = run('require "extlists"; redirect :list ":addrbook:default";', lists=LISTS).actions[0]
    assert (action.address, action.is_list) == ("urn:ietf:params:sieve:addrbook:default", True)


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('envelope :user "to" "ken"', True),
        ('envelope :detail "to" "foo+bar"', True),
        ('envelope :localpart "to" "ken+foo+bar"', True),
        ('envelope :detail :matches "from" "*"', False),
        ('envelope :user "from" "sally"', True),
        ('address :detail "to" ""', True),
    ],
)
def test_subaddress(test, result):
    envelope = Envelope("sally@x.example", "ken+foo+bar@x.example")
    message = b"To: ken+@x.example\r\n\r\n"
    assert holds(test, message, envelope, requires="envelope subaddress") is result


def test_subaddress_has_the_separator_of_the_place():
    envelope = Envelope("", "ken--foo@x.example")
    assert holds(
        'envelope :detail "to" "foo"', b"", envelope, requires="envelope subaddress", detail_separator="--"
    )


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('envelope "from" ""', True),
        ('envelope :domain "from" ""', True),
        ('envelope :count "eq" :comparator "i;ascii-numeric" "from" "0"', True),
        ('envelope :count "eq" :comparator "i;ascii-numeric" ["from", "to"] "1"', True),
        ('envelope :all :is "TO" "tim@example.com"', True),
        ('envelope :domain "to" "example.com"', True),
    ],
)
def test_envelope_of_a_null_sender(test, result):
    envelope = Envelope("", "Tim@Example.com")
    assert holds(test, b"", envelope, requires=f"envelope {NUMERIC}") is result


def test_no_envelope_matches_nothing():
    assert not holds('envelope :contains ["from", "to"] ""', b"", Envelope(None, None), requires="envelope")


DSN = Envelope(
    "a@x.example",
    "b@y.example",
    ("SUCCESS", "DELAY"),
    "rfc822;b@y.example",
    "HDRS",
    "Q12",
    600,
    "N",
    by_is_traced=True,
)


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('envelope "notify" "success"', True),
        ('envelope :count "eq" :comparator "i;ascii-numeric" "notify" "2"', True),
        ('envelope :matches "orcpt" "rfc822;*@y.example"', True),
        ('envelope "ret" "HDRS"', True),
        ('envelope "envid" "Q12"', True),
        ('envelope "bytimerelative" "600"', True),
        ('envelope :zone "+0100" "bytimeabsolute" "1970-01-01T01:10:00+01:00"', True),
        ('envelope "bytimeabsolute" "1970-01-01T00:10:00Z"', True),
        ('envelope "bymode" "notify"', True),
        ('envelope "bytrace" "trace"', True),
    ],
)
def test_envelope_dsn_and_deliverby(test, result):
    requires = f"envelope envelope-dsn envelope-deliverby {NUMERIC}"
    assert holds(test, b"", DSN, requires=requires) is result
    assert not holds(test, b"", Envelope("a@x.example", "b@y.example"), requires=requires)


def test_envelope_mistakes():
    assert (
        'there is no envelope part "form" (did you mean "from"?)'
        in mistakes('require "envelope"; if envelope "form" "x" {}')[0]
    )
    assert 'needs require "envelope-dsn"' in mistakes('require "envelope"; if envelope "ret" "x" {}')[0]
    script = 'require ["envelope", "envelope-dsn"]; if envelope :domain "ret" "x" {}'
    assert ':domain cannot be used with the envelope part "ret"' in mistakes(script)[0]
    assert run('require ["envelope", "variables"]; set "p" "ret"; if envelope "${p}" "x" {}').error


def test_a_redirect_to_a_list_names_its_members():
    few = MemberLists(
        {"tag:a": ["A <a@x.test>", "b@x.test"], "tag:b": ["a@x.test", "no address"], "tag:c": []}
    )
    action = run('require "extlists"; redirect :list "tag:a";', lists=few).actions[0]
    assert action.members == ("a@x.test", "b@x.test")
    assert run('require "extlists"; redirect :list "tag:c";', lists=few).actions[0].members == ()
    assert "not addresses" in run('require "extlists"; redirect :list "tag:b";', lists=few).error


def test_lists_that_are_redirected_to_have_a_limit():
    few = MemberLists(
        {f"tag:{size}": [f"{each}@{size}.test" for each in range(size)] for size in (2, 3, 5, 6)}
    )
    limits = ScriptLimits(list_addresses=5)

    def sent(script):
        return run(f'require "extlists"; {script}', lists=few, limits=limits)

    assert sent('redirect :list "tag:5";').error is None
    assert "more than 5" in sent('redirect :list "tag:6";').error
    assert sent('redirect :list "tag:2"; redirect :list "tag:3"; redirect :list "tag:3";').error is None
    assert "more than 5" in sent('redirect :list "tag:2"; redirect :list "tag:5";').error


@pytest.mark.parametrize(
    "name", [":addrbook:default?x", ":addrbook:a%00", ":addrbook:", "addrbook:x y", ":addrbook:%ff%00"]
)
def test_what_is_no_name_of_a_list(name):
    assert not holds(f'valid_ext_list "{name}"', b"\r\n", requires="extlists", lists=LISTS)
