"""offlineimap3: mailboxes and Maildirs are kept alike in both directions; what is alike already is not transferred."""

import hashlib
import re
import ssl

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import arrived, fill, letter, mailbox
from tests.clients.programs import done, run

pytestmark = pytest.mark.xdist_group("clients")

CONFIGURATION = """
[general]
accounts = postier
metadata = {folder}/state
[Account postier]
localrepository = near
remoterepository = far
utf8foldernames = yes
[Repository near]
type = Maildir
localfolders = {folder}/mail
[Repository far]
type = IMAP
remotehost = {host}
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = {implicit}
starttls = {starttls}
cert_fingerprint = {fingerprint}
"""

# What it says to the server where something is read or changed, and in its own words where something is written here.
TRANSFER = re.compile(
    rb"^.* writer > .* (APPEND|STORE|COPY|MOVE|EXPUNGE|CREATE|DELETE) .*|.*BODY\.PEEK\[\].*", re.MULTILINE
)
TAKEN = re.compile(rb"^(Copy message|Adding flag|Deleting|Creating) .*", re.MULTILINE)


class Synced:
    """The Maildirs of one account."""

    def __init__(self, account, folder, *, implicit=True):
        self.folder = folder
        self.mail = folder / "mail"
        ports = account.ports
        certificate = ssl.PEM_cert_to_DER_cert(account.certificate.read_text())
        (folder / "offlineimaprc").write_text(
            CONFIGURATION.format(
                host=HOST,
                port=ports.imaps if implicit else ports.imap,
                user=account.address,
                password=account.password,
                implicit="yes" if implicit else "no",
                starttls="no" if implicit else "yes",
                fingerprint=hashlib.sha256(certificate).hexdigest(),
                folder=folder,
            )
        )

    def sync(self, call=done):
        """Run once; gives what it says to the server and to its user."""
        said = call(
            *("offlineimap", "-o", "-c", "offlineimaprc", "-u", "basic", "-d", "imap"), folder=self.folder
        )
        return said.stdout + said.stderr

    def sync_idly(self):
        """Run once more; nothing may be transferred in either direction."""
        said = self.sync()
        assert b" writer > " in said
        assert [found[0] for found in (*TRANSFER.finditer(said), *TAKEN.finditer(said))] == []

    def files(self, name="INBOX"):
        """The letters in a Maildir, in the order of their UIDs (offlineimap writes them into the names)."""
        found = [file for sub in ("new", "cur") for file in (self.mail / name / sub).iterdir()]
        return sorted(found, key=lambda file: int(file.name.partition(",U=")[2].partition(",")[0]))

    def flag(self, file, flags):
        """What a mail reader does with a letter it has shown."""
        return file.rename(file.parent.parent / "cur" / f"{file.name.partition(':')[0]}:2,{flags}")

    def add(self, octets, name="INBOX"):
        """What a mail reader does with a letter that it keeps."""
        (self.mail / name / "cur" / "1.local.test:2,S").write_bytes(octets.replace(b"\r\n", b"\n"))


@pytest.fixture
def synced(alice, tmp_path):
    return Synced(alice, tmp_path)


@pytest.mark.parametrize("implicit", [True, False])
def test_a_mailbox_becomes_a_maildir_and_a_second_run_transfers_nothing(alice, tmp_path, implicit):
    synced = Synced(alice, tmp_path, implicit=implicit)
    letters = [
        letter(alice, subject=f"Letter {number}", body="Grüße\r\n", number=number) for number in (1, 2, 3)
    ]
    fill(alice, *letters)
    fill(alice, letter(alice, subject="Old"), name="Archive")
    said = synced.sync()
    assert TAKEN.search(said)
    assert TRANSFER.search(said)
    assert [file.read_bytes() for file in synced.files()] == [
        each.replace(b"\r\n", b"\n") for each in letters
    ]
    assert len(synced.files("Archive")) == 1
    before = synced.files()
    synced.sync_idly()
    assert synced.files() == before


def test_a_flag_set_here_is_set_there_and_the_other_way(alice, synced):
    fill(alice, letter(alice, number=1), letter(alice, number=2))
    synced.sync()
    synced.flag(synced.files()[0], "FS")
    with mailbox(alice) as client:
        client.add_flags([2], [b"\\Answered"])
        synced.sync()
        assert {b"\\Seen", b"\\Flagged"} <= set(client.get_flags([1])[1])
        assert b"\\Seen" not in client.get_flags([2])[2]
    assert synced.files()[1].name.endswith(":2,R")
    synced.flag(synced.files()[0], "S")
    synced.sync()
    with mailbox(alice) as client:
        assert b"\\Flagged" not in client.get_flags([1])[1]
    synced.sync_idly()


def test_a_letter_written_here_is_kept_there(alice, synced):
    synced.sync()
    written = letter(alice, subject="Kept", body="Grüße\r\n")
    synced.add(written, "Drafts")
    synced.sync()
    assert arrived(alice, name="Drafts")[0].endswith(written.partition(b"\r\n\r\n")[2])
    with mailbox(alice, "Drafts") as client:
        assert b"\\Seen" in client.get_flags([1])[1]
    (file,) = synced.files("Drafts")
    assert ",U=1," in file.name  # by UIDPLUS: it did not have to look for its own letter
    synced.sync_idly()


def test_what_is_deleted_on_one_side_goes_on_the_other(alice, synced):
    fill(alice, *(letter(alice, number=number) for number in (1, 2, 3)))
    synced.sync()
    synced.files()[1].unlink()
    with mailbox(alice) as client:
        client.delete_messages([3])
        client.expunge()
        synced.sync()
        client.noop()
        assert client.search() == [1]
    assert len(synced.files()) == 1
    synced.sync_idly()


def test_what_is_moved_on_one_side_is_moved_on_the_other(alice, synced):
    fill(alice, *(letter(alice, subject=f"Letter {number}", number=number) for number in (1, 2, 3)))
    synced.sync()
    here = synced.files()[0]
    here.rename(synced.mail / "Archive" / "cur" / f"{here.name.partition(':')[0]}:2,S")
    with mailbox(alice) as client:
        client.move([3], "Archive")
        synced.sync()
        synced.sync()  # it looks at Archive first, and does not yet know there what it takes from INBOX
        client.noop()
        assert client.search() == [2]
        client.select_folder("Archive")
        kept = client.fetch(client.search(), ["BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "FLAGS"]).values()
    subjects = {each[b"BODY[HEADER.FIELDS (SUBJECT)]"].strip(): each[b"FLAGS"] for each in kept}
    assert subjects.keys() == {b"Subject: Letter 1", b"Subject: Letter 3"}
    assert b"\\Seen" in subjects[b"Subject: Letter 1"]
    assert [len(synced.files(name)) for name in ("INBOX", "Archive")] == [1, 2]
    synced.sync_idly()


def test_a_mailbox_made_on_one_side_appears_on_the_other(alice, synced):
    synced.sync()
    for sub in ("cur", "new", "tmp"):
        (synced.mail / "Grüße" / sub).mkdir(parents=True)
    synced.add(letter(alice), "Grüße")
    with mailbox(alice) as client:
        client.create_folder("Far/away")
    synced.sync()
    assert (synced.mail / "Far.away" / "cur").is_dir()
    assert len(arrived(alice, name="Grüße")) == 1
    synced.sync_idly()


def test_a_wrong_password_is_told(alice, tmp_path):
    synced = Synced(alice, tmp_path)
    file = tmp_path / "offlineimaprc"
    file.write_text(file.read_text().replace(alice.password, "wrong"))
    assert b"AUTHENTICATIONFAILED" in synced.sync(call=run)
