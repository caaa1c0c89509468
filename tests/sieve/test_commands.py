"""Actions and control of the base language: RFC 5228 §2.10, §3, §4."""

import pytest

from postier.sieve.limits import ScriptLimits
from tests.sieve.scripts import MESSAGE_B, mistakes, run, taken


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ("", ["implicit keep"]),
        ("keep;", ["keep"]),
        ("discard;", ["discard"]),
        ("discard; keep;", ["discard", "keep"]),
        ("stop; discard;", ["implicit keep"]),
        ("keep; keep;", ["keep"]),
        ("if size :over 500K { discard; }", ["implicit keep"]),
        ('redirect "bart@example.com";', ["redirect bart@example.com"]),
        ('redirect "Bart <bart@EXAMPLE.com>";', ["redirect bart@example.com"]),
        ('redirect "a@x.example"; redirect "a@x.example";', ["redirect a@x.example"]),
        ('require "fileinto"; fileinto "a"; fileinto "b"; fileinto "a";', ["fileinto a", "fileinto b"]),
        ('require "fileinto"; keep; fileinto "inbox";', ["fileinto inbox"]),
        ('require ["fileinto", "copy"]; fileinto :copy "inbox";', ["implicit keep"]),
        (
            'require ["fileinto", "copy"]; fileinto :copy "inbox"; fileinto "a";',
            ["fileinto inbox", "fileinto a"],
        ),
        ("if true { discard; } else { keep; }", ["discard"]),
        ("if false { discard; } else { keep; }", ["keep"]),
        ("if false { stop; } elsif true { discard; } elsif true { keep; } else { stop; }", ["discard"]),
        ("if true { if true { stop; } } discard;", ["implicit keep"]),
    ],
)
def test_what_comes_out(script, actions):
    assert taken(run(script)) == actions


def test_filing_twice_is_filing_once_with_the_last_flags_and_all_that_was_asked():
    script = """require ["fileinto", "mailbox", "imap4flags", "copy"];
    fileinto :create :flags "a" "A"; fileinto :flags "b" "A"; fileinto :copy "INBOX"; setflag "c"; {}"""
    filed, kept = run(script.format("keep;")).actions
    assert (filed.creates, filed.flags, kept.flags) == (True, ("b",), ("c",))
    script = 'require ["fileinto", "copy", "imap4flags"]; fileinto :copy "INBOX"; setflag "c";'
    assert run(script).keep.flags == ("c",)


RFC_EXAMPLE = """
require ["fileinto"];
if header :is "Sender" "owner-ietf-mta-filters@imc.org" {
  fileinto "filter";
} elsif address :DOMAIN :is ["From", "To"] "example.com" {
  keep;
} elsif anyof (NOT address :all :contains ["To", "Cc", "Bcc"] "me@example.com",
               header :matches "subject" ["*make*money*fast*", "*university*dipl*mas*"]) {
  fileinto "spam";
} else {
  fileinto "personal";
}
"""


def test_the_example_of_the_rfc():
    assert taken(run(RFC_EXAMPLE, MESSAGE_B)) == ["fileinto spam"]
    mine = b"From: x@y.example\r\nTo: me@example.com\r\nSubject: hi\r\n\r\n"
    assert taken(run(RFC_EXAMPLE, mine.replace(b"y.example", b"example.com"))) == ["keep"]


@pytest.mark.parametrize(
    "address",
    [
        "error",
        "error@",
        "@wrong.example",
        "a b@example.com",
        "a@b@c.example",
        "Name a@b.example",
        "<a@b.example",
        "",
        "a@b.example, c@d.example",
        "group: a@b.example;",
        "<@r.example:a@b.example>",
        "a@b..example",
        "a@b.example\\r\\nBcc: c",
    ],
)
def test_what_is_no_outbound_address(address):
    assert mistakes(f'redirect "{address}";')
    result = run(f'require "variables"; set "a" "{address}"; redirect "${{a}}";')
    assert "is no address" in result.error
    assert result.keep.is_implicit
    assert result.actions == ()


@pytest.mark.parametrize(
    "address",
    ["a@b.example", "<a@b.example>", '"A, B" <a@b.example>', "A. B. <a@b.example>", " a@b.example "],
)
def test_what_is_one(address):
    written = address.replace('"', '\\"')
    assert run(f'redirect "{written}";').actions[0].address == "a@b.example"


def test_an_error_keeps_the_message_and_takes_no_action():
    result = run(
        'require ["ihave", "fileinto", "editheader"];\nfileinto "a";\naddheader "X" "y";\nerror "no more";\n'
    )
    assert (result.error, result.error_line) == ("no more", 4)
    assert result.actions == ()
    assert result.keep.is_implicit
    assert result.keep.content is None


def test_the_limits_of_actions_and_redirects():
    limits = ScriptLimits(actions=3, redirects=2)
    many = "".join([f'redirect "a{number}@b.example";' for number in range(1_000)])  # SECURITY 15
    assert run(many).error == "the script redirects to more than 8 addresses"
    redirects = "".join([f'redirect "a{number}@b.example";' for number in range(3)])
    assert run(redirects, limits=limits).error == "the script redirects to more than 2 addresses"
    assert run(redirects[: redirects.rindex("redirect")], limits=limits).error is None
    filed = 'require "fileinto";' + "".join([f'fileinto "{number}";' for number in range(3)])
    assert run(filed, limits=limits).error is None
    assert run(filed + 'fileinto "3";', limits=limits).error == "the script takes more than 3 actions"


def test_the_limits_of_steps_and_work():
    assert run("keep;" * 5, limits=ScriptLimits(steps=5)).error is None
    assert run("keep;" * 6, limits=ScriptLimits(steps=5)).error == "the script takes more than 5 steps"
    test = 'if header :contains "subject" "x" {}'
    assert run(test, b"Subject: 12345\r\n\r\n", limits=ScriptLimits(work=6)).error is None
    assert "more than 6" in run(test, b"Subject: 123456\r\n\r\n", limits=ScriptLimits(work=6)).error


def test_the_trace_tells_lines_tests_and_results():
    from postier.sieve.script import compile_script

    script = compile_script(
        'if allof (true,\n  header :is "subject" "x") {\n  discard;\n}\nelsif not false { keep; }'
    )
    trace = script.run(b"Subject: y\r\n\r\n", with_trace=True).trace
    assert [(each.line, each.what, each.result) for each in trace] == [
        (1, "true", True),
        (2, 'header :is "subject" "x"', False),
        (1, "allof", False),
        (5, "false", False),
        (5, "not", True),
        (5, "keep", None),
    ]
    assert script.run(b"").trace == ()
