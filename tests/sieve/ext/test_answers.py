"""vacation, reject, enotify, fcc, redirect-dsn and redirect-deliverby: what is sent."""

import pytest

from postier.sieve.actions import Copy, DeliverBy
from postier.sieve.limits import ScriptLimits
from postier.sieve.world import Envelope, MemberLists, Verdict
from tests.sieve.scripts import MESSAGE_A, mistakes, run, taken

DAY_S = 86_400


def answer(command='vacation "gone";', message=MESSAGE_A, **around):
    result = run(
        f'require ["vacation", "vacation-seconds", "variables", "fcc", "imap4flags", "mailbox"]; {command}',
        message,
        **around,
    )
    assert result.error is None, result.error
    return result.actions[0] if result.actions else None


def test_a_vacation_answers_the_sender_and_keeps():
    found = answer()
    assert (found.recipient, found.reason, found.period_s) == ("coyote@desert.example.org", "gone", 7 * DAY_S)
    assert found.subject == "Auto: I have a present for you"
    assert (found.in_reply_to, found.references, found.fcc) == (None, (), None)
    assert found.sender == "roadrunner@acme.example.com"
    assert taken(run('require "vacation"; vacation "x";')) == [
        "vacation coyote@desert.example.org",
        "implicit keep",
    ]


def test_its_arguments():
    found = answer(
        'set "s" "Gone: x"; vacation :mime :from "Me <me@x.example>" :subject "${s}" :fcc "Sent" :create'
        ' :flags "\\\\Seen" "Content-Type: text/plain\r\n\r\nbye";'
    )
    assert (found.is_mime, found.sender, found.subject) == (True, "Me <me@x.example>", "Gone: x")
    assert found.fcc == Copy("Sent", ("\\Seen",), creates=True)


@pytest.mark.parametrize(
    ("tag", "period_s"),
    [
        (":days 23", 23 * DAY_S),
        (":days 0", DAY_S),
        (":days 9999", 366 * DAY_S),
        (":seconds 90", 90),
        (":seconds 0", 0),
        (":seconds 2147483648", 366 * DAY_S),
    ],
)
def test_its_period(tag, period_s):
    assert answer(f'vacation {tag} "x";').period_s == period_s


def test_its_identity_is_made_before_variables():
    first = answer('set "a" "1"; vacation :subject "${a}" "x";')
    second = answer('set "a" "2"; vacation :subject "${a}" "x";')
    assert first.handle == second.handle
    assert first.handle != answer('vacation "x";').handle
    assert answer('vacation :subject "a" "b";').handle != answer('vacation :subject "b" "a";').handle
    assert answer('vacation :subject "a" "b";').handle != answer('vacation :from "a@b.example" "b";').handle
    assert answer('vacation "a";').handle != answer('vacation :mime "a";').handle
    assert answer('vacation :days 3 "a";').handle == answer('vacation "a";').handle
    assert answer('vacation :handle "h" "x";').handle == answer('vacation :handle "h" "y";').handle


def with_field(field):
    return field + b"\r\n" + MESSAGE_A


@pytest.mark.parametrize(
    ("message", "sender", "why"),
    [
        (MESSAGE_A, "", "it has no sender"),
        (MESSAGE_A, None, "it has no sender"),
        (MESSAGE_A, "nobody", "its sender is no address"),
        (MESSAGE_A, "roadrunner@ACME.example.com", "it is the owner's own"),
        (MESSAGE_A, "MAILER-DAEMON@x.example", "its sender is a machine"),
        (MESSAGE_A, "owner-list@x.example", "its sender is a machine"),
        (MESSAGE_A, "list-request@x.example", "its sender is a machine"),
        (MESSAGE_A, "bounces+77-me=x.example@y.example", "its sender is a machine"),
        (
            with_field(b"Auto-Submitted: auto-replied; x=y"),
            "a@b.example",
            "it was made by a machine (Auto-Submitted)",
        ),
        (with_field(b"List-Id: <x.y>"), "a@b.example", "it came over a list (list-id)"),
        (
            with_field(b"List-Unsubscribe: <mailto:x>"),
            "a@b.example",
            "it came over a list (list-unsubscribe)",
        ),
        (with_field(b"Precedence: Bulk"), "a@b.example", "it is bulk (Precedence: bulk)"),
        (
            with_field(b"X-Auto-Response-Suppress: DR, OOF"),
            "a@b.example",
            "its sender wants no automatic answers",
        ),
        (
            MESSAGE_A.replace(b"\r\nTo: roadrunner@", b"\r\nTo: else@"),
            "a@b.example",
            "it is not addressed to the owner",
        ),
    ],
)
def test_what_is_not_answered(message, sender, why):
    from postier.sieve.script import compile_script

    script = compile_script('require "vacation"; vacation "x";')
    result = script.run(message, Envelope(sender, "roadrunner@acme.example.com"), with_trace=True)
    assert taken(result) == ["implicit keep"]
    assert result.trace[-1].detail == f"no answer: {why}"


def test_what_is_answered():
    assert answer(message=with_field(b"Auto-Submitted: no"))
    assert answer(message=with_field(b"Precedence: first-class"))
    assert answer(verdict=Verdict(99))
    assert not answer(verdict=Verdict(100))
    elsewhere = MESSAGE_A.replace(b"To: roadrunner@acme.example.com", b"Resent-Cc: rr@other.example")
    assert not answer(message=elsewhere)
    assert answer('vacation :addresses ["RR@other.example"] "x";', elsewhere)
    found = answer(
        message=elsewhere.replace(b"Resent-Cc", b"Cc"), own_addresses=("me@x.example", "rr@other.example")
    )
    assert found.sender == "rr@other.example"


def test_its_author_is_whom_the_letter_was_written_to():  # RFC 5230 eid2035
    other = MESSAGE_A.replace(b"To: roadrunner@acme.example.com", b"To: x@y.example, RR@other.example")
    assert answer('vacation :addresses "rr@other.example" "x";', other).sender == "RR@other.example"
    assert answer(message=MESSAGE_A.replace(b"\r\nTo: ", b"\r\nBcc: ")).sender is None


def test_encoded_words_in_its_subject_are_what_they_say():
    assert answer('vacation :subject "=?utf-8?b?w4Q=?= x" "y";').subject == "\u00c4 x"


def test_its_thread():
    message = with_field(b"Message-ID: <3@x.example>\r\nReferences: <1@x.example> <2@x.example>")
    found = answer(message=message)
    assert (found.in_reply_to, found.references) == (
        "3@x.example",
        ("1@x.example", "2@x.example", "3@x.example"),
    )
    found = answer(message=with_field(b"Message-ID: <3@x.example>\r\nIn-Reply-To: <2@x.example>"))
    assert found.references == ("2@x.example", "3@x.example")
    assert answer(message=MESSAGE_A.replace(b"Subject", b"X-Subject")).subject == "Automated reply"


def test_one_vacation_and_no_reject_beside_it():
    required = 'require ["vacation", "reject"];'
    assert run(required + 'vacation "a"; vacation "b";').error == "vacation runs a second time"
    unanswered = run(required + 'vacation "a"; vacation "b";', envelope=Envelope("", "a@b.example"))
    assert unanswered.error == "vacation runs a second time"
    wide = 'require ["vacation", "variables"]; set "x" "\u00fc"; vacation :mime "X: ${x}\r\n\r\n";'
    assert run(wide).error == "the header of a :mime reason must be ASCII"
    assert "exclude each other" in run(required + 'reject "a"; vacation "b";').error
    assert "reject stands beside" in run(required + 'vacation "a"; reject "b";').error
    assert "is no address" in mistakes('require "vacation"; vacation :from "nobody" "x";')[0]
    assert "must be ASCII" in mistakes('require "vacation"; vacation :mime "X: \u00fc\r\n\r\n";')[0]
    assert "exclude each other" in mistakes('require "vacation-seconds"; vacation :days 1 :seconds 2 "x";')[0]
    assert 'needs require "vacation-seconds"' in mistakes('require "vacation"; vacation :seconds 2 "x";')[0]


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ('reject "go away";', ["reject go away"]),
        ('ereject "go away";', ["ereject go away"]),
        ('discard; reject "no";', ["discard", "reject no"]),
    ],
)
def test_reject(script, actions):
    assert taken(run(f'require ["reject", "ereject"]; {script}')) == actions


@pytest.mark.parametrize(
    "script",
    [
        'reject "a"; reject "b";',
        'reject "a"; ereject "b";',
        'keep; reject "a";',
        'reject "a"; keep;',
        'fileinto "a"; reject "a";',
        'redirect "a@b.example"; ereject "a";',
        'ereject "a"; redirect "a@b.example";',
    ],
)
def test_what_reject_cannot_stand_beside(script):
    result = run(f'require ["reject", "ereject", "fileinto"]; {script}')
    assert "reject stands beside" in result.error
    assert result.keep.is_implicit


def test_notify():
    script = """require ["enotify", "fcc", "variables"];
    notify :importance "1" :message "new: ${0}" :from "me@x.example" :options ["a=b"] :fcc "Sent" "mailto:x@y.example";"""
    (found,) = run(script).actions
    assert (found.method, found.importance, found.message) == ("mailto:x@y.example", 1, "new: ")
    assert (found.sender, found.options, found.fcc) == ("me@x.example", ("a=b",), Copy("Sent"))
    assert taken(run(script))[-1] == "implicit keep"
    assert not run(script, with_field(b"Auto-Submitted: auto-generated")).actions


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ('notify "xmpp:x@y.example";', 'there is no method "xmpp:"'),
        ('notify "nonsense${x}";', "it is no URI"),
        ('notify "mailto:${x}";', "it is no mailto: URI with addresses"),
        ('notify "mailto:a b${x}@x.example";', "it is no URI"),
        ('notify "mailto:nobody${x}";', "it is no mailto: URI with addresses"),
        ('notify :from "nobody${x}" "mailto:a@b.example";', ":from is no address"),
        ('notify :importance "${x}" "mailto:a@b.example";', ':importance is "1", "2" or "3"'),
    ],
)
def test_notify_errors(command, message):
    assert message in run(f'require ["enotify", "variables"]; {command}').error


def test_notify_mistakes_and_limits():
    assert mistakes('require "enotify"; notify :importance "4" "mailto:a@b.example";')
    assert "is no option" in mistakes('require "enotify"; notify :options "x" "mailto:a@b.example";')[0]
    assert (
        ":flags needs :fcc"
        in mistakes('require ["enotify", "imap4flags"]; notify :flags "a" "mailto:a@b.example";')[0]
    )
    for method in ("nonsense", "mailto:", "mailto:a@b.example?x:=y", "mailto:a%23b.example"):
        assert "cannot be used" in mistakes(f'require "enotify"; notify "{method}";')[0]
    assert "is no address" in mistakes('require "enotify"; notify :from "" "mailto:a@b.example";')[0]
    assert not mistakes('require "enotify"; notify :from "+1" "tel:+1";')
    script = 'require "enotify";' + "".join(f'notify "mailto:a{number}@b.example";' for number in range(3))
    assert run(script, limits=ScriptLimits(notifications=3)).error is None
    assert run(script, limits=ScriptLimits(notifications=2)).error == "the script notifies more than 2 times"


@pytest.mark.parametrize(
    ("methods", "sent"),
    [
        (["mailto:a@b.example", "mailto:A@b.example"], ["mailto:a@b.example"]),
        (
            ["mailto:a@b.example", "mailto:c@d.example,a@b.example?subject=x&to=e@f.example"],
            ["mailto:a@b.example", "mailto:c@d.example,e@f.example?subject=x"],
        ),
        (
            [
                "mailto:a@b.example?cc=c@d.example",
                "mailto:a@b.example?cc=e%26f@g.example,c@d.example&body=%26",
            ],
            ["mailto:a@b.example?cc=c@d.example", "mailto:?cc=e%26f@g.example&body=%26"],
        ),
        (
            ["mailto:a@b.example", "mailto:a@b.example,c@d.example"],
            ["mailto:a@b.example", "mailto:c@d.example"],
        ),
        (["tel:+1", "tel:+1"], ["tel:+1", "tel:+1"]),
    ],
)
def test_nobody_is_notified_twice_by_mail(methods, sent):  # RFC 5436 §2.7
    script = 'require "enotify";' + "".join([f'notify "{method}";' for method in methods])
    result = run(script, notify_schemes=frozenset({"mailto", "tel"}))
    assert [each.method for each in result.actions] == sent


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('valid_notify_method ["mailto:a@b.example", "MAILTO:c@d.example?subject=x"]', True),
        ('valid_notify_method ["mailto:a@b.example", "http://x.example/"]', False),
        ('notify_method_capability "mailto:a@b.example" "Online" "maybe"', True),
        ('notify_method_capability "mailto:a@b.example" "online" "yes"', False),
        ('notify_method_capability "xmpp:a@b.example" "online" ["yes", "no", "maybe"]', False),
        ('notify_method_capability "mailto:" "fcc" "yes"', True),
        ('notify_method_capability :contains "mailto:a@b.example" "none" ""', False),
    ],
)
def test_notify_tests(test, result):
    assert (taken(run(f'require ["enotify", "fcc"]; if {test} {{ discard; }}')) == ["discard"]) is result


def test_redirect_options():
    required = 'require ["redirect-dsn", "redirect-deliverby", "variables"];'
    action = run(
        required + 'redirect :notify "delay,failure" :ret "hdrs" :bytimerelative 600 :bytrace "a@b.example";'
    ).actions[0]
    assert (action.notify, action.ret) == ("DELAY,FAILURE", "HDRS")
    assert action.deliver_by == DeliverBy(600, None, "return", is_traced=True)
    script = required + 'redirect :bytimeabsolute "2026-11-24T22:00:00+0100" :bymode "notify" "a@b.example";'
    assert run(script).actions[0].deliver_by == DeliverBy(None, 1_795_554_000, "notify")


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (':bymode "return"', ":bymode needs :bytimerelative or :bytimeabsolute"),
        (":bytrace", ":bytrace needs :bytimerelative or :bytimeabsolute"),
        (':notify "NEVER,DELAY"', '"NEVER,DELAY" is no value of :notify'),
        (':ret "x"', '"x" is no value of :ret'),
        (':bytimeabsolute "soon"', '"soon" is no time'),
        (':bytimerelative 1 :bytimeabsolute "2026-11-24T22:00:00Z"', "exclude each other"),
    ],
)
def test_redirect_option_mistakes(tags, message):
    required = 'require ["redirect-dsn", "redirect-deliverby"];'
    assert any(message in each for each in mistakes(f'{required} redirect {tags} "a@b.example";'))


def test_redirect_options_from_variables():
    required = 'require ["redirect-dsn", "redirect-deliverby", "variables"]; set "x" "nonsense";'
    assert (
        run(required + 'redirect :notify "${x}" "a@b.example";').error == '"nonsense" is no value of :notify'
    )
    assert "is no time" in run(required + 'redirect :bytimeabsolute "${x}" "a@b.example";').error
    assert MemberLists().find("x", "y") is None
