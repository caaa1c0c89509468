"""spamtest, virustest, environment, mailbox, metadata, mailboxid, special-use, fileinto, copy, ihave, duplicate."""

import pytest

from postier.sieve.actions import Tracked
from postier.sieve.limits import ScriptLimits
from postier.sieve.world import Mailbox, MailboxList, SeenIds, Verdict
from tests.sieve.scripts import MESSAGE_A, holds, mistakes, run, taken

NUMERIC = "relational comparator-i;ascii-numeric"


@pytest.mark.parametrize(
    ("percent", "of_ten"),
    [(None, "0"), (0, "1"), (1, "2"), (20, "2"), (23, "3"), (50, "5"), (80, "8"), (99, "9"), (100, "10")],
)
def test_spamtest(percent, of_ten):
    around = {"verdict": Verdict(percent), "requires": f"spamtestplus {NUMERIC}"}
    assert holds(f'spamtest "{of_ten}"', **around)
    assert holds(f'spamtest :percent "{percent or 0}"', **around)
    done = "0" if percent is None else "1"
    assert holds(f'spamtest :count "eq" :comparator "i;ascii-numeric" "{done}"', **around)


def test_spamtest_with_detail_and_capabilities():
    verdict = Verdict(70, detail="links")
    assert holds(
        'spamtest :value "ge" :comparator "i;ascii-numeric" "7"',
        verdict=verdict,
        requires=f"spamtest {NUMERIC}",
    )
    assert holds('spamtest :contains "links"', verdict=verdict, requires="spamtest")
    assert 'needs require "spamtestplus"' in mistakes('require "spamtest"; if spamtest :percent "1" {}')[0]


@pytest.mark.parametrize("virus", [None, 1, 5])
def test_virustest(virus):
    around = {"verdict": Verdict(virus=virus), "requires": f"virustest {NUMERIC}"}
    assert holds(f'virustest :value "eq" :comparator "i;ascii-numeric" "{virus or 0}"', **around)
    assert holds(f'virustest :count "eq" :comparator "i;ascii-numeric" "{int(virus is not None)}"', **around)


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('environment "domain" "x.example"', True),
        ('environment :contains "DOMAIN" "x"', True),
        ('environment "name" "Postier"', True),
        ('environment "phase" "during"', True),
        ('environment :contains "item" ""', False),
        ('environment :contains "remote-ip" ""', True),
        ('environment :count "eq" :comparator "i;ascii-numeric" "remote-ip" "0"', True),
        ('environment :contains "imap.user" ""', False),
        ('environment :matches "version" "*.*"', True),
    ],
)
def test_environment(test, result):
    assert holds(test, requires=f"environment {NUMERIC}", environment={"domain": "x.example"}) is result


def test_imapsieve():
    items = {"imap.cause": "FLAG", "imap.changedflags": "\\Seen"}
    around = {"environment": items, "requires": "environment imapsieve", "is_imap_event": True}
    assert holds('environment "imap.cause" "FLAG"', **around)
    assert holds('environment "phase" "post"', **around)
    assert holds('environment "location" "MS"', **around)
    assert holds('environment "imap.user" ""', requires="environment imapsieve")
    assert '"vacation" cannot be used with "imapsieve"' in mistakes('require ["imapsieve", "vacation"];')[0]
    assert (
        run('require "reject"; keep;', is_imap_event=True).error
        == "the script requires what is for deliveries only"
    )


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ('require "envelope"; if envelope "from" "" {}', "there is no envelope here"),
        ('require "ihave"; if ihave "reject" { reject "x"; }', "nothing is delivered here"),
        ('require "ihave"; if ihave "vacation" { vacation "x"; }', "nothing is delivered here"),
        ('require "ihave"; if ihave "duplicate" { if duplicate {} }', "for deliveries only"),
    ],
)
def test_what_is_an_error_at_an_imap_event(script, error):  # RFC 6785 §3.11, §4.6
    assert error in run(script, is_imap_event=True).error
    assert run(script).error is None


def test_changes_are_not_kept_at_an_imap_event():  # RFC 6785 §3.1
    script = (
        'require ["editheader", "fileinto"]; addheader "X" "y"; {} fileinto "INBOX"; redirect "a@b.example";'
    )
    result = run(script.format("keep;"), is_imap_event=True)
    keep, filed, redirect = result.actions
    assert keep.content is None
    assert filed.content == redirect.content == b"X: y\r\n" + MESSAGE_A
    assert run(script.partition("{}")[0], is_imap_event=True).keep.content is None
    assert run(script.partition("{}")[0]).keep.content == filed.content


MAILBOXES = MailboxList(
    [
        Mailbox("Junk", "F1", ("\\Junk",)),
        Mailbox("Lists/IETF", "F2", annotations={"/private/Note": "on"}),
        Mailbox("Public", "F3", ("\\Archive",), is_writable=False),
    ],
    {"/shared/admin": "root@x.example"},
)


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('mailboxexists "Junk"', True),
        ('mailboxexists ["inbox", "Lists/IETF"]', True),
        ('mailboxexists ["Junk", "None"]', False),
        ('mailboxexists "Public"', False),
        ('mailboxidexists "F2"', True),
        ('mailboxidexists ["F2", "F3"]', False),
        ('specialuse_exists "\\\\junk"', True),
        ('specialuse_exists ["\\\\Junk", "\\\\Archive"]', False),
        ('specialuse_exists "Junk" "\\\\Junk"', True),
        ('specialuse_exists "INBOX" "\\\\Junk"', False),
        ('specialuse_exists "None" "\\\\Junk"', False),
        ('metadata "Lists/IETF" "/private/note" "ON"', True),
        ('metadata :contains "INBOX" "/private/note" ""', False),
        ('metadataexists "Lists/IETF" "/private/note"', True),
        ('metadataexists "Lists/IETF" ["/private/note", "/private/x"]', False),
        ('servermetadata :matches "/shared/admin" "*@x.example"', True),
        ('servermetadataexists "/shared/admin"', True),
        ('servermetadataexists "/shared/none"', False),
    ],
)
def test_mailboxes(test, result):
    requires = "mailbox mboxmetadata servermetadata mailboxid special-use"
    assert holds(test, requires=requires, mailboxes=MAILBOXES) is result


def test_fileinto_with_all_its_tags():
    script = r"""require ["fileinto", "copy", "mailbox", "mailboxid", "special-use", "imap4flags"];
    fileinto :create :copy :mailboxid "F1" :flags "a" "Name";
    fileinto :specialuse "\\Junk" "Spam";"""
    first, second = run(script).actions
    assert (first.creates, first.is_copy, first.mailbox_id, first.flags) == (True, True, "F1", ("a",))
    assert (second.special_use, second.creates, second.mailbox_id) == ("\\Junk", False, None)


def test_fileinto_mistakes():
    required = 'require ["fileinto", "mailboxid", "special-use", "variables"];'
    assert (
        ":mailboxid and :specialuse exclude"
        in mistakes(required + 'fileinto :mailboxid "a" :specialuse "\\\\Junk" "c";')[0]
    )
    assert "is no special use" in mistakes(required + 'fileinto :specialuse "Junk" "c";')[0]
    assert "is no special use" in run(required + 'fileinto :specialuse "Junk${x}" "c";').error
    copies = 'require ["vacation", "fcc", "special-use", "variables"];'
    assert "is no special use" in mistakes(copies + 'vacation :fcc "a" :specialuse "Junk" "x";')[0]
    assert "is no special use" in run(copies + 'vacation :fcc "a" :specialuse "${x}" "x";').error
    assert "cannot be the name of a mailbox" in mistakes(required + 'fileinto "";')[0]
    assert "cannot be the name of a mailbox" in run(required + 'fileinto "${none}";').error
    assert 'needs require "mailbox"' in mistakes(required + 'fileinto :create "a";')[0]
    assert "no special use" in mistakes(required + 'if specialuse_exists "Junk" {}')[0]


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ('fileinto :copy "a";', ["fileinto a", "implicit keep"]),
        ('redirect :copy "a@b.example";', ["redirect a@b.example", "implicit keep"]),
        ('redirect :copy "a@b.example"; redirect "a@b.example";', ["redirect a@b.example"]),
        ('fileinto :copy "a"; discard;', ["fileinto a", "discard"]),
    ],
)
def test_copy(script, actions):
    assert taken(run(f'require ["copy", "fileinto"]; {script}')) == actions


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ('if ihave "fileinto" { fileinto "a"; }', ["fileinto a"]),
        ('if ihave ["fileinto", "vnd.none"] { fileinto "a"; }', ["implicit keep"]),
        ('if ihave "vnd.none" { frobnicate :much "a"; } else { keep; }', ["keep"]),
        ('if ihave "fileinto" { } fileinto "a";', ["fileinto a"]),
        ('if ihave "copy" { redirect :copy "a@b.example"; }', ["redirect a@b.example", "implicit keep"]),
        ('if ihave "variables" { discard; }', ["implicit keep"]),
        (
            'if ihave "comparator-i;unicode-casemap" { if header :comparator "i;unicode-casemap" "a" "b" {} else { keep; } }',
            ["keep"],
        ),
        ('if ihave "relational" { if header :count "eq" "a" "1" { } else { keep; } }', ["keep"]),
        ('if not ihave "x" { discard; }', ["discard"]),
    ],
)
def test_ihave(script, actions):
    assert taken(run(f'require "ihave"; {script}')) == actions


def test_what_no_ihave_has_found():
    assert 'needs the extension "fileinto"' in run('require "ihave"; fileinto "a";').error
    assert run('require "ihave"; frobnicate;').error == '"frobnicate" is not available'
    assert 'needs the extension "copy"' in run('require "ihave"; redirect :copy "a@b.example";').error
    assert run('require "ihave"; if frob :x {}').error == '"frob" is not available'
    assert "without variables" in mistakes('require ["ihave", "variables"]; if ihave "${x}" {}')[0]
    assert 'needs require "variables"' in mistakes('require "ihave"; set "a" "b";')[0]


MESSAGE = b"Message-ID: <1@x.example>\r\nX-Id:  abc \r\n\r\n"
WEEK_S = 7 * 86_400


@pytest.mark.parametrize(
    ("test", "tracked"),
    [
        ("duplicate", Tracked("", "<1@x.example>", WEEK_S)),
        ('duplicate :header "X-ID"', Tracked("", "abc", WEEK_S)),
        ('duplicate :uniqueid "me" :handle "h" :seconds 60 :last', Tracked("h", "me", 60, is_last=True)),
        ("duplicate :seconds 999999999", Tracked("", "<1@x.example>", 90 * 86_400)),
        ("duplicate :seconds 0", None),
        ('duplicate :header "x-none"', None),
    ],
)
def test_duplicate_tracks(test, tracked):
    result = run(f'require "duplicate"; if {test} {{ discard; }} if {test} {{ discard; }}', MESSAGE)
    assert taken(result) == ["implicit keep"]
    assert list(result.tracked) == ([tracked] if tracked else [])


def test_duplicate_finds():
    seen = SeenIds([("", "<1@x.example>"), ("h", "abc")])
    assert holds("duplicate", MESSAGE, requires="duplicate", duplicates=seen)
    assert not holds('duplicate :handle "h"', MESSAGE, requires="duplicate", duplicates=seen)
    assert holds('duplicate :handle "h" :header "x-id"', MESSAGE, requires="duplicate", duplicates=seen)
    script = 'require "duplicate"; if duplicate {}'
    assert run(script, MESSAGE, duplicates=seen).tracked == ()
    assert run(script.replace("e {", "e :last {"), MESSAGE, duplicates=seen).tracked[0].is_last


def test_duplicate_limits_and_mistakes():
    limits = ScriptLimits(duplicate_tests=1)
    script = 'require "duplicate"; if duplicate :uniqueid "a" {} if duplicate :uniqueid "b" {}'
    assert run(script, limits=limits).error == "the script tracks more than 1 unique ids"
    assert run(script, limits=limits).tracked == ()
    assert (
        "exclude each other" in mistakes('require "duplicate"; if duplicate :header "a" :uniqueid "b" {}')[0]
    )
