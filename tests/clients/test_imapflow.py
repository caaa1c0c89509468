"""imapflow, the IMAP library of Node: read, changed, watched in IDLE, and come back to by QRESYNC (acts.mjs)."""

import base64
import json
from pathlib import Path

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import arrived, fill, letter, mailbox
from tests.clients.programs import done

pytestmark = pytest.mark.xdist_group("clients")

ACTS = Path(__file__).parent / "imapflow" / "acts.mjs"
WITH_FILE = """\
From: =?utf-8?Q?Zo=C3=AB?= <zoe@elsewhere.test>
To: <alice@alpha.test>
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= Two
Message-ID: <2@client.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=cut

--cut
Content-Type: text/plain; charset=utf-8

Here it is.
--cut
Content-Type: text/plain; charset=iso-8859-1
Content-Disposition: attachment; filename="list.txt"
Content-Transfer-Encoding: base64

R3L832U=
--cut--
""".replace("\n", "\r\n").encode()


@pytest.fixture(autouse=True)
def _installed():
    if not (ACTS.parent / "node_modules" / "imapflow").is_dir():
        pytest.fail("imapflow is not installed: run make parts")


def act(name, account, folder, *, implicit=True, password=None, **more):
    """What imapflow saw."""
    settings = {
        "host": HOST,
        "port": account.ports.imaps if implicit else account.ports.imap,
        "secure": implicit,
        "servername": account.hostname,
        "certificate": str(account.certificate),
        "user": account.address,
        "password": password or account.password,
        **more,
    }
    return json.loads(done("node", ACTS, name, folder=folder, feed=json.dumps(settings).encode()).stdout)


@pytest.mark.parametrize("implicit", [True, False])
def test_a_mailbox_is_listed_and_read(alice, tmp_path, implicit):
    sent = [letter(alice, subject="One", body="Grüße\r\n"), WITH_FILE]
    fill(alice, *sent)
    saw = act("read", alice, tmp_path, implicit=implicit)
    special = {path: use for path, use in saw["mailboxes"].items() if use}
    assert special == {
        "INBOX": "\\Inbox",
        "Sent": "\\Sent",
        "Drafts": "\\Drafts",
        "Trash": "\\Trash",
        "Junk": "\\Junk",
        "Archive": "\\Archive",
    }
    assert {"messages": 2, "unseen": 2}.items() <= saw["counts"].items()
    assert saw["subjects"] == ["One", "Grüße Two"]
    assert saw["from"] == ["someone@elsewhere.test", "zoe@elsewhere.test"]
    assert saw["types"] == ["text/plain", "multipart/mixed"]
    assert saw["sizes"] == [len(each) for each in sent]
    assert base64.b64decode(saw["source"]) == sent[0]
    assert saw["headers"].strip() == "Subject: One"
    assert saw["body"] == "Grüße\r\n"
    assert (saw["filename"], saw["attached"]) == ("list.txt", "R3L832U=")
    assert saw["found"] == [2]
    assert (saw["exists"], saw["readOnly"], saw["secured"]) == (2, False, True)
    assert saw["modseq"] == "bigint"
    assert "CONDSTORE" in saw["enabled"]


def test_letters_and_mailboxes_are_changed(alice, tmp_path):
    fill(alice, *(letter(alice, subject=f"Letter {number}", number=number) for number in (1, 2, 3, 4)))
    draft = letter(alice, subject="A draft", body="Grüße\r\n")
    saw = act("change", alice, tmp_path, letter=draft.decode())
    assert saw["made"] == "Grüße/2026"
    assert (saw["kept"], saw["drafts"]["messages"], saw["drafts"]["uidNext"]) == (1, 1, 2)
    assert (saw["copied"], saw["moved"], saw["deleted"]) == ([[1, 1]], [[3, 1]], True)
    assert saw["left"] == [[1, ["\\Seen"]], [2, ["\\Answered"]]]
    assert set(saw["paths"]) - set(saw["remaining"]) == {"Grüße/2027"}
    assert arrived(alice, name="Drafts") == [draft]
    assert b"Subject: Letter 3" in arrived(alice, name="Archive")[0]
    with mailbox(alice, "Drafts") as client:
        assert {b"\\Draft", b"\\Seen"} <= set(client.get_flags([1])[1])


def test_idle_tells_of_letters_flags_and_what_went(alice, tmp_path):
    fill(alice, letter(alice, number=1), letter(alice, number=2))
    saw = act("watch", alice, tmp_path, letter=letter(alice, number=3).decode())
    assert saw == {"exists": [2, 3], "flags": [1, ["\\Flagged"]], "expunge": 2}


def test_who_comes_back_is_told_only_what_changed(alice, tmp_path):
    fill(alice, *(letter(alice, number=number) for number in range(1, 6)))
    saw = act("comeBack", alice, tmp_path, letter=letter(alice, number=6).decode())
    assert (saw["before"], saw["after"], saw["resynced"]) == (5, 5, True)
    assert saw["gone"] == [[1, True, True]]
    assert [2, ["\\Flagged"]] in saw["flags"]
    assert saw["changed"] == [2, 6]
    assert "QRESYNC" in saw["enabled"]


def test_a_wrong_password_is_told(alice, tmp_path):
    assert act("deny", alice, tmp_path, password="wrong") == {
        "failed": True,
        "code": "AUTHENTICATIONFAILED",
    }
