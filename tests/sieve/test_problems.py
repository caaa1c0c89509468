"""What is told to people and to the store is Unicode, whatever octets a script or a letter holds."""

import msgspec
import pytest

from postier.sieve.problems import ScriptError
from postier.sieve.script import compile_script
from postier.sieve.world import Envelope, World

REQUIRED = """require ["encoded-character", "variables", "fileinto", "reject", "vacation", "enotify", "duplicate", "mailboxid",
 "editheader", "fcc", "special-use", "ihave", "imap4flags"]; set "o" "${hex:ff}"; """
SUBJECT = b"From: a@b.example\r\nTo: me@x.example\r\nSubject: \xc3\x9cber \xff\r\n\r\nbody\r\n"


@pytest.mark.parametrize(
    "command",
    [
        'reject "no ${o}";',
        'vacation :subject "${o}" :handle "${o}" "gone ${o}";',
        'vacation :from "${o} <a@b.example>" "gone";',
        'vacation "gone";',
        'notify :message "${o}" :options "a=${o}" :from "${o} <a@b.example>" "mailto:a@b.example";',
        'if duplicate :uniqueid "${o}" :handle "${o}" { stop; }',
        'fileinto :mailboxid "${o}" "INBOX";',
        'if header :matches "subject" "?*" { fileinto :mailboxid "${1}${2}" "INBOX"; reject "${1}"; }',
        'error "${o}";',
        'redirect "${o}@b.example";',
        'redirect "\\"${o}\\"@b.example";',
        'fileinto "${o}";',
        'fileinto :specialuse "\\\\${o}" "a";',
        'addheader "X" "${o}";',
        'setflag "${o}"; keep;',
        'notify "mailto:${o}@b.example";',
    ],
)
def test_results_are_unicode(command):
    world = World(own_addresses=("me@x.example",))
    result = compile_script(REQUIRED + command).run(
        SUBJECT, Envelope("a@b.example", "me@x.example"), world, with_trace=True
    )
    assert msgspec.json.encode(result)


@pytest.mark.parametrize(
    "script",
    [b'require "\xff";', b"keep\xff;", b'if header :comparator "\xff" "a" "b" {}', b'redirect "\xff";'],
)
def test_mistakes_are_unicode(script):
    with pytest.raises(ScriptError) as caught:
        compile_script(script)
    assert str(caught.value).encode()


def test_different_ids_stay_different():
    script = 'require ["duplicate", "encoded-character"]; if duplicate :uniqueid "${hex:NN}" {}'
    found = [compile_script(script.replace("NN", octet)).run(SUBJECT).tracked for octet in ("fe", "ff")]
    assert found[0] != found[1]


class _Asked:
    """Mailboxes and lists that have everything, and remember what they were asked."""

    def __init__(self):
        self.names = []

    def may_deliver(self, mailbox):
        self.names.append(mailbox)
        return True

    def may_deliver_id(self, mailbox_id):
        self.names.append(mailbox_id)
        return True

    def special_uses(self, mailbox):
        self.names.append(mailbox or "")
        return ["\\Junk"]

    def annotation(self, mailbox, entry):
        self.names += [mailbox or "", entry]
        return "x"

    def is_known(self, uri):
        self.names.append(uri)
        return True

    def find(self, uri, value):
        self.names += [uri, value]
        return value


@pytest.mark.parametrize("wrong", ["${hex:ff}", "${hex:00}", "a${hex:fe}b"])
@pytest.mark.parametrize(
    "test",
    [
        'mailboxexists ["INBOX", "{}"]',
        'mailboxidexists "{}"',
        'specialuse_exists "{}" "\\\\Junk"',
        'metadataexists "{}" "/private/a"',
        'metadataexists "INBOX" "/private/{}"',
        'metadata :matches "INBOX" "/private/{}" "*"',
        'servermetadataexists "/private/{}"',
        'string :list "{}" "tag:x.example,2026:a"',
        'valid_ext_list "tag:x.example,2026:{}"',
    ],
)
def test_the_world_is_asked_in_unicode_only(test, wrong):
    required = """require ["encoded-character", "variables", "mailbox", "mailboxid", "special-use", "mboxmetadata",
     "servermetadata", "extlists"]; """
    asked = _Asked()
    world = World(mailboxes=asked, lists=asked)
    script = f"{required} if {test.replace('{}', wrong)} {{ discard; }}"
    assert compile_script(script).run(SUBJECT, world=world).keep
    assert all("\x00" not in name and name.encode() is not None for name in asked.names)
    right = f"{required} if {test.replace('{}', 'INBOX')} {{ discard; }}"
    assert not compile_script(right).run(SUBJECT, world=world).keep
