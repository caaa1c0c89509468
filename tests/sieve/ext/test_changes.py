"""editheader, replace, enclose, mime, foreverypart and extracttext: RFC 5293, RFC 5703."""

import pytest

from postier.mime.dates import Moment
from postier.mime.structure import parse
from postier.sieve.limits import ScriptLimits
from tests.sieve.scripts import MESSAGE_A, mistakes, run, taken

HELLO = b"X-Hello: 1\r\nX-Hello: 2\r\nX-Hello: 3\r\nReceived: x\r\nSubject: s\r\n\r\nbody\r\n"


def edited(commands, message=HELLO):
    result = run(f'require ["editheader", "variables", "relational"]; {commands}', message)
    assert result.error is None, result.error
    return result.keep.content


@pytest.mark.parametrize(
    ("commands", "header"),
    [
        (
            'addheader "X-A" "v";',
            b"X-A: v\r\nX-Hello: 1\r\nX-Hello: 2\r\nX-Hello: 3\r\nReceived: x\r\nSubject: s",
        ),
        (
            'addheader :last "X-A" " v ";',
            b"X-Hello: 1\r\nX-Hello: 2\r\nX-Hello: 3\r\nReceived: x\r\nSubject: s\r\nX-A: v",
        ),
        (
            'addheader "X-A" "\u00fc";',
            b"X-A: =?utf-8?q?=C3=BC?=\r\nX-Hello: 1\r\nX-Hello: 2\r\nX-Hello: 3\r\nReceived: x\r\nSubject: s",
        ),
        ('deleteheader "x-hello";', b"Received: x\r\nSubject: s"),
        (
            'deleteheader :index 1 "X-Hello"; deleteheader :index 2 "X-Hello";',
            b"X-Hello: 2\r\nReceived: x\r\nSubject: s",
        ),
        ('deleteheader :index 1 :last "X-Hello";', b"X-Hello: 1\r\nX-Hello: 2\r\nReceived: x\r\nSubject: s"),
        ('deleteheader :is "X-Hello" ["2", "3"];', b"X-Hello: 1\r\nReceived: x\r\nSubject: s"),
        (
            'deleteheader :index 1 :contains "X-Hello" "2"; deleteheader "Subject";',
            b"X-Hello: 1\r\nX-Hello: 2\r\nX-Hello: 3\r\nReceived: x",
        ),
        ('deleteheader :value "ge" "X-Hello" "2";', b"X-Hello: 1\r\nReceived: x\r\nSubject: s"),
        (
            'addheader "X-A" "B"; deleteheader "X-A"; deleteheader "X-Hello" "2";',
            b"X-Hello: 1\r\nX-Hello: 3\r\nReceived: x\r\nSubject: s",
        ),
    ],
)
def test_editheader(commands, header):
    assert edited(commands) == header + b"\r\n\r\nbody\r\n"


@pytest.mark.parametrize(
    "commands",
    [
        'deleteheader "Received";',
        'deleteheader "auto-submitted";',
        'deleteheader :index 9 "X-Hello";',
        'addheader "Return-Path" "<x@y.example>";',
        'addheader "Authentication-Results" "forged";',
        'deleteheader "X-None";',
    ],
)
def test_what_editheader_leaves_alone(commands):
    assert edited(commands) is None


def test_tests_see_the_changed_header_and_actions_take_it():
    script = """require ["editheader", "fileinto"];
    fileinto "before"; addheader "X-A" "World"; if header "x-a" "World" { fileinto "after"; }
    redirect "a@b.example"; deleteheader "X-A"; fileinto "last";"""
    contents = [each.content for each in run(script, HELLO).actions]
    assert contents[0] is None
    assert contents[1].startswith(b"X-A: World\r\n")
    assert contents[1] == contents[2]
    assert contents[3] == HELLO


def test_size_is_that_of_the_changed_message():
    script = """require ["editheader", "fileinto"];
    addheader "X-A" "v"; if allof (size :over {0}, size :under {1}) {{ fileinto "same"; }}
    deleteheader "Subject"; deleteheader "X-A"; if allof (size :over {2}, size :under {3}) {{ discard; }}"""
    sizes = [len(HELLO) + change for change in (7, 9, -13, -11)]
    assert taken(run(script.format(*sizes), HELLO)) == ["fileinto same", "discard"]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a  b", b"X: a  b\r\n"),
        ("a\tb", b"X: a\tb\r\n"),
        ("a \r\n  b", b"X: a b\r\n"),
        ("\r\n a\n\n b\r\n", b"X: a b\r\n"),
        ("a\rb", b"X: a b\r\n"),
    ],
)
def test_a_value_is_added_as_it_is_on_one_line(value, line):
    assert edited(f'addheader "X" "{value}";').startswith(line)


def test_trace_may_be_added_to():
    assert edited('addheader "Received" "by me;\r\n now";').startswith(b"Received: by me; now\r\nX-Hello")
    assert edited('addheader "Auto-Submitted" "no";').startswith(b"Auto-Submitted: no\r\n")


def test_editheader_errors():
    assert "is no name of a field" in mistakes('require "editheader"; addheader "a b" "x";')[0]
    assert "is no name of a field" in mistakes('require "editheader"; deleteheader "a:";')[0]
    assert ":last needs :index" in mistakes('require "editheader"; deleteheader :last "a";')[0]
    assert "is no name of a field" in run('require ["editheader", "variables"]; addheader "${x}" "x";').error
    required = 'require ["editheader", "encoded-character", "variables"];'
    assert "control characters" in mistakes(required + 'addheader "X" "${hex:07}";')[0]
    assert "control characters" in run(required + 'addheader "X" "${hex:07}${x}";').error
    assert b"\nBcc" not in edited('addheader "X" "a\r\nBcc: b";')
    script = 'require "editheader";' + 'addheader "X" "y";' * 3
    assert run(script, limits=ScriptLimits(added_fields=3)).error is None
    assert run(script, limits=ScriptLimits(added_fields=2)).error == "the script adds more than 2 fields"
    long = "y" * 4_096
    assert run(f'require "editheader"; addheader "X" "{long}";').error is None
    assert "at most 4096" in mistakes(f'require "editheader"; addheader "X" "{long}y";')[0]


PARTS = b"""From: a@x.example
Subject: parts
Content-Type: multipart/mixed; boundary=b
X-Part: top
X-Other: a; p="q r"

prologue
--b
Content-Type: text/plain; charset=utf-8
X-Part: one

first \xc3\xbc text
--b
Content-Type: multipart/alternative; boundary=c
X-Part: two

--c
Content-Type: text/plain
X-Part: three

third
--c
Content-Type: image/png; name="pic.png"
Content-Disposition: attachment; filename*=utf-8''%c3%bc.exe
X-Part: four

data
--c--
--b
Content-Type: message/rfc822
X-Part: five

From: inner@x.example
X-Part: six

inner
--b--
""".replace(b"\n", b"\r\n")

LOOPS = 'require ["foreverypart", "mime", "variables", "fileinto", "extracttext", "relational", "comparator-i;ascii-numeric"];'


def looped(commands, message=PARTS):
    result = run(f'{LOOPS} {commands} fileinto "=${{a}}";', message)
    assert result.error is None, result.error
    return result.actions[-1].mailbox[1:]


MARK = 'if header :mime :matches "x-part" "*" { set "a" "${a} ${1}"; }'


@pytest.mark.parametrize(
    ("commands", "visited"),
    [
        (f"foreverypart {{ {MARK} }}", " top one two three four five six"),
        (f'foreverypart {{ {MARK} if header :mime "x-part" "three" {{ break; }} }}', " top one two three"),
        (f'foreverypart {{ if header :mime "x-part" "two" {{ foreverypart {{ {MARK} }} }} }}', " three four"),
        (f'foreverypart {{ if header :mime "x-part" "one" {{ foreverypart {{ {MARK} }} }} }}', ""),
        (
            f'foreverypart :name "o" {{ {MARK} foreverypart :name "i" {{ {MARK} break :name "o"; }} }}',
            " top one",
        ),
        (
            f'foreverypart :name "o" {{ {MARK} foreverypart {{ break; }} }}',
            " top one two three four five six",
        ),
        ('foreverypart { if header :matches "x-part" "*" { set "a" "${a}${1}"; } }', "top" * 7),
    ],
)
def test_foreverypart(commands, visited):
    assert looped(commands) == visited


def test_a_message_without_parts_is_one_part():
    assert looped('foreverypart { if header :mime :matches "subject" "*" { set "a" "${1}"; } }', HELLO) == "s"


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('header :mime :type "content-type" "multipart"', True),
        ('header :mime :anychild :type "content-type" "image"', True),
        ('header :mime :type "content-type" "image"', False),
        ('header :mime :anychild :subtype "content-type" "png"', True),
        ('header :mime :anychild :contenttype "content-type" "message/rfc822"', True),
        ('header :mime :anychild :param "filename" "content-disposition" "\u00fc.exe"', True),
        (
            'header :mime :anychild :param ["filename", "name"] :matches ["content-type", "content-disposition"] "*.png"',
            True,
        ),
        ('header :mime :anychild :contenttype "content-disposition" "attachment"', True),
        ('header :mime :anychild :count "eq" :comparator "i;ascii-numeric" :type "content-type" "6"', True),
        (
            'header :mime :anychild :count "eq" :comparator "i;ascii-numeric" :param "name" "content-type" "1"',
            True,
        ),
        ('header :mime :type "subject" ""', True),
        ('header :mime :param "p" "x-other" "q r"', True),
        ('header :mime :param "p" "subject" "q r"', False),
        ('header :anychild :mime "x-part" "six"', True),
        ('header "x-part" "six"', False),
        ('exists :mime :anychild "content-disposition"', True),
        ('exists :mime "content-disposition"', False),
        ('address :mime :anychild "from" "inner@x.example"', True),
        ('address :mime "from" "inner@x.example"', False),
        ('address "from" "a@x.example"', True),
    ],
)
def test_mime(test, result):
    assert (taken(run(f"{LOOPS} if {test} {{ discard; }}", PARTS)) == ["discard"]) is result


def test_mime_and_loop_mistakes():
    assert ":anychild needs :mime" in mistakes(LOOPS + 'if header :anychild "a" "b" {}')[0]
    assert ":type needs :mime" in mistakes(LOOPS + 'if header :type "a" "b" {}')[0]
    assert ":type and :subtype exclude" in mistakes(LOOPS + 'if header :mime :type :subtype "a" "b" {}')[0]
    assert '"break" stands in no foreverypart' in mistakes(LOOPS + "break;")[0]
    assert 'no loop "x" around' in mistakes(LOOPS + 'foreverypart { break :name "x"; }')[0]
    assert '"extracttext" stands in no foreverypart' in mistakes(LOOPS + 'extracttext "x";')[0]
    assert "deeper than 4" in mistakes(LOOPS + "foreverypart {" * 5 + "}" * 5)[0]
    assert not mistakes(LOOPS + "foreverypart {" * 4 + "}" * 4)
    assert (
        'needs require "variables"'
        in mistakes('require ["foreverypart", "extracttext"]; foreverypart { extracttext "x"; }')[0]
    )


def test_extracttext():
    one = 'foreverypart {{ if header :mime "x-part" "{}" {{ extracttext {} "a"; }} }}'
    assert looped(one.format("one", "")) == "first \u00fc text"
    assert looped(one.format("one", ":first 7")) == "first \u00fc"
    assert looped(one.format("one", ":upper :first 5")) == "FIRST"
    assert looped(one.format("four", "")) == ""


def test_nested_loops_are_bounded_by_steps():
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 2_000 + b"--b--\r\n"
    )
    script = (
        LOOPS
        + "foreverypart { if header :mime :anychild :matches "
        + '"x" "y" {} foreverypart { '
        + MARK
        + " } }"
    )
    assert (
        run(script, message, limits=ScriptLimits(steps=10_000)).error
        == "the script takes more than 10000 steps"
    )


def test_a_part_is_replaced():
    script = 'require ["foreverypart", "mime", "replace"];'
    script += 'foreverypart { if header :mime :param "filename" :matches "content-disposition" "*.exe" { replace "removed"; } }'
    content = run(script, PARTS).keep.content
    root = parse(content)
    gone = root.children[1].children[1]
    assert (gone.media_type, content[gone.body_start : gone.body_end]) == ("text/plain", b"removed")
    assert content.count(b"data") == 0
    assert content[: PARTS.index(b"Content-Type: image")] == PARTS[: PARTS.index(b"Content-Type: image")]
    assert content.endswith(PARTS[PARTS.index(b"\r\n--c--") :])


def test_a_replaced_multipart_is_not_entered():
    script = f"""{LOOPS[:-2]}, "replace"]; foreverypart {{ {MARK}
    if header :mime "x-part" "two" {{ replace "flat"; }} }} foreverypart {{ {MARK} }} fileinto "=${{a}}";"""
    assert run(script, PARTS).actions[0].mailbox == "= top one two five six top one five six"


def test_the_whole_message_is_replaced():
    script = 'require ["replace", "editheader"]; replace :subject "New \u00fc" :from "me@x.example" "short";'
    result = run(
        script + 'deleteheader "Original-Subject"; deleteheader "X-Part"; deleteheader "X-Other";', PARTS
    )
    assert result.error is None
    assert result.keep.content == (
        b"Subject: New =?utf-8?q?=C3=BC?=\r\nFrom: me@x.example\r\nOriginal-From: a@x.example\r\n"
        b"Original-Subject: parts\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nshort\r\n"
    )
    mime = run('require "replace"; replace :mime "Content-Type: text/html\r\n\r\n<p>x";', PARTS).keep.content
    assert mime.endswith(b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>x")


def test_replace_errors():
    assert ":subject and :mime exclude" in mistakes('require "replace"; replace :mime :subject "x" "y";')[0]
    assert "is no address" in mistakes('require "replace"; replace :from "x" "y";')[0]
    assert "has no header" in run('require "replace"; replace :mime "no header";').error
    script = 'require "replace";' + 'replace "x";' * 3
    assert run(script, limits=ScriptLimits(edits=3)).error is None
    assert (
        run(script, limits=ScriptLimits(edits=2)).error == "the script changes the message more than 2 times"
    )


def test_enclose():
    script = """require ["enclose", "fileinto", "mime"];
    enclose :subject "Warning" :headers ["To"] "Take care.";
    if header :mime :anychild :contenttype "content-type" "message/rfc822" { fileinto "a"; }
    redirect "a@b.example";"""
    result = run(script, own_addresses=("me@x.example",), now=Moment(1_795_489_198))
    filed, sent = result.actions
    root = parse(filed.content)
    text, inner = root.children
    assert root.media_type == "multipart/mixed"
    assert filed.content[text.body_start : text.body_end] == b"Take care.\r\n"
    assert filed.content[inner.body_start : inner.body_end] == MESSAGE_A
    assert filed.content.startswith(
        b"To: roadrunner@acme.example.com\r\nSubject: Warning\r\nDate: Tue, 24 Nov 2026 02:59:58 +0000\r\n"
        b"From: me@x.example\r\nMIME-Version: 1.0\r\n"
    )
    assert sent.content is None


def test_an_error_keeps_the_message_as_it_came():
    result = run('require ["enclose", "ihave"]; enclose "x"; error "stop";')
    assert result.keep.content is None
