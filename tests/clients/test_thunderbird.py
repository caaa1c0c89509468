"""Thunderbird: an account added, folders, letters read and flagged, drafts, letters sent; `make test-clients` runs it.

Not in `make test`: the program is some two hundred megabytes.
"""

import pytest

from tests.clients.letters import arrived, await_flag, fill, flags_of, letter, mailbox
from tests.clients.marionette import thunderbird

pytestmark = [pytest.mark.xdist_group("clients"), pytest.mark.desktop]

FOLDERS = {
    "INBOX": "Inbox",
    "Sent": "SentMail",
    "Drafts": "Drafts",
    "Trash": "Trash",
    "Junk": "Junk",
    "Archive": "Archive",
}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    with thunderbird(tmp_path_factory.mktemp("thunderbird")) as running:
        yield running


def add(program, account, *, implicit=True, password=None, kind="imap"):
    ports = account.ports
    return program.act(
        "add",
        user=account.address,
        password=password or account.password,
        hostname=account.hostname,
        certificate=account.certificate.read_text(),
        type=kind,
        incoming=getattr(ports, kind + "s" if implicit else kind),
        submission=ports.submissions if implicit else ports.submission,
        implicit=implicit,
    )


@pytest.fixture
def user(program, alice):
    """An account with two letters, added."""
    fill(alice, letter(alice, subject="One", body="Grüße, 日本\r\n"), letter(alice, subject="Two", number=2))
    assert add(program, alice) == {"added": True}
    return alice.address


@pytest.mark.parametrize("implicit", [True, False])
def test_an_account_is_added_and_its_folders_are_known_for_what_they_are(program, alice, implicit):
    assert add(program, alice, implicit=implicit) == {"added": True}
    assert program.act("folders", user=alice.address, count=len(FOLDERS)) == FOLDERS


def test_an_account_with_a_wrong_password_is_not_added(program, alice):
    assert not add(program, alice, password="wrong")["added"]


def test_a_letter_is_read(program, user, alice):
    saw = program.act("read", user=user, count=2, subject="One")
    assert "Grüße, 日本" in saw["text"]
    assert "someone@elsewhere.test" in saw["from"]
    await_flag(alice, 1, b"\\Seen")
    assert b"\\Seen" not in flags_of(alice, 2)


def test_a_letter_is_flagged_and_another_deleted(program, user, alice):
    program.act("command", user=user, count=2, subject="One", command="cmd_markAsFlagged")
    program.act("command", user=user, count=2, subject="Two", command="cmd_delete")
    program.act("watch", name="INBOX", count=1)
    (gone,) = arrived(alice, name="Trash")
    assert b"Subject: Two" in gone
    assert len(arrived(alice)) == 1
    await_flag(alice, 1, b"\\Flagged")


def test_a_letter_is_filed_in_a_folder_of_its_own(program, user, alice):
    program.act("file", user=user, count=2, subject="One", made="Grüße", name="Grüße & Küsse")
    (filed,) = arrived(alice, name="Grüße & Küsse")
    assert b"Subject: One" in filed
    with mailbox(alice) as client:
        assert [name for _, _, name in client.list_folders() if name.startswith("Gr")] == ["Grüße & Küsse"]


@pytest.mark.parametrize("implicit", [True, False])
def test_letters_are_fetched_by_pop3(program, alice, implicit):
    fill(alice, letter(alice, subject="One"), letter(alice, subject="Zwei Grüße", number=2))
    assert add(program, alice, kind="pop3", implicit=implicit) == {"added": True}
    assert program.act("fetch", user=alice.address, count=2) == ["One", "Zwei Grüße"]
    fill(alice, letter(alice, subject="Three", number=3))
    assert program.act("fetch", user=alice.address, count=3)[2] == "Three"
    assert len(arrived(alice, 3)) == 3


def test_a_new_letter_is_shown_when_it_comes(program, user, alice):
    program.act("show", user=user, name="INBOX", count=2)
    fill(alice, letter(alice, subject="Three", number=3))
    program.act("watch", name="INBOX", count=3)


def test_a_draft_is_saved(program, user, alice, bob):
    program.act("saveDraft", user=user, to=bob.address, subject="Entwürfe", body="Grüße\n")
    (draft,) = arrived(alice, name="Drafts")
    assert b"\r\nTo: " + bob.address.encode() in draft
    assert "Grüße" in draft.partition(b"\r\n\r\n")[2].decode()
    assert b"\\Draft" in flags_of(alice, 1, "Drafts")


def test_a_letter_is_sent_and_kept(program, user, alice, bob):
    program.act("send", user=user, to=bob.address, subject="Sent", body="Grüße\n")
    (received,) = arrived(bob)
    assert b"dkim=pass" in received
    assert "Grüße" in received.decode()
    (kept,) = arrived(alice, name="Sent")
    assert b"Subject: Sent" in kept
    assert b"\\Seen" in flags_of(alice, 1, "Sent")
