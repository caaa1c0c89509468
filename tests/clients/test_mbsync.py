"""mbsync (isync): a mailbox and its Maildir are kept alike, in both directions."""

import re

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import arrived, fill, letter, mailbox
from tests.clients.programs import done, run

pytestmark = pytest.mark.xdist_group("clients")

CONFIGURATION = """
IMAPAccount postier
Host {host}
Port {port}
User {user}
Pass "{password}"
SSLType {tls}
CertificateFile {certificate}
SystemCertificates no

IMAPStore far
Account postier

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
CopyArrivalDate yes
SyncState *
"""


class Synced:
    """The Maildirs of one account."""

    def __init__(self, account, folder, tls="IMAPS"):
        self.folder = folder
        self.mail = folder / "mail"
        self.mail.mkdir()
        ports = account.ports
        (folder / "mbsyncrc").write_text(
            CONFIGURATION.format(
                host=HOST,
                port=ports.imaps if tls == "IMAPS" else ports.imap,
                user=account.address,
                password=account.password,
                tls=tls,
                certificate=account.certificate,
                folder=folder,
            )
        )

    def sync(self, call=done):
        return call("mbsync", "-c", self.folder / "mbsyncrc", "all", folder=self.folder)

    def files(self, name="INBOX"):
        """The letters in a Maildir, in the order of their UIDs (mbsync writes them into the names)."""
        found = [file for sub in ("new", "cur") for file in (self.mail / name / sub).iterdir()]
        return sorted(found, key=lambda file: int(file.name.partition(",U=")[2].partition(":")[0] or 0))

    def flag(self, file, flags):
        """What a mail reader does with a letter it has shown."""
        return file.rename(file.parent.parent / "cur" / f"{file.name.partition(':')[0]}:2,{flags}")

    def add(self, octets, name="INBOX"):
        """What a mail reader does with a letter that it keeps."""
        (self.mail / name / "cur" / "1.local.test:2,S").write_bytes(octets.replace(b"\r\n", b"\n"))


@pytest.fixture
def synced(alice, tmp_path):
    return Synced(alice, tmp_path)


@pytest.mark.parametrize("tls", ["IMAPS", "STARTTLS"])
def test_a_mailbox_becomes_a_maildir(alice, tmp_path, tls):
    synced = Synced(alice, tmp_path, tls)
    letters = [letter(alice, subject=f"Letter {number}", number=number) for number in (1, 2, 3)]
    fill(alice, *letters)
    fill(alice, letter(alice, subject="Old"), name="Archive")
    synced.sync()
    got = [re.sub(rb"X-TUID: .*\n", b"", file.read_bytes()) for file in synced.files()]  # mbsync's own field
    assert got == [each.replace(b"\r\n", b"\n") for each in letters]
    assert len(synced.files("Archive")) == 1
    assert {"INBOX", "Sent", "Drafts", "Trash", "Junk", "Archive"} <= {
        path.name for path in synced.mail.iterdir()
    }


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


def test_a_letter_written_here_is_kept_there(alice, synced):
    synced.sync()
    written = letter(alice, subject="Kept", body="Grüße\r\n")
    synced.add(written, "Drafts")
    synced.sync()
    assert arrived(alice, name="Drafts")[0].endswith(written.partition(b"\r\n\r\n")[2])
    with mailbox(alice, "Drafts") as client:
        assert b"\\Seen" in client.get_flags([1])[1]


def test_what_is_deleted_on_one_side_goes_on_the_other(alice, synced):
    fill(alice, *(letter(alice, number=number) for number in (1, 2, 3)))
    synced.sync()
    synced.flag(synced.files()[1], "ST")
    with mailbox(alice) as client:
        client.delete_messages([3])
        client.expunge()
        synced.sync()
        client.noop()
        assert client.search() == [1]
    assert len(synced.files()) == 1


def test_a_mailbox_made_on_one_side_appears_on_the_other(alice, synced):
    synced.sync()
    for sub in ("cur", "new", "tmp"):
        (synced.mail / "Local" / sub).mkdir(parents=True)
    synced.add(letter(alice), "Local")
    with mailbox(alice) as client:
        client.create_folder("Far")
    synced.sync()
    assert (synced.mail / "Far" / "cur").is_dir()
    assert len(arrived(alice, name="Local")) == 1


def test_a_second_run_changes_nothing(alice, synced):
    fill(alice, letter(alice))
    synced.sync()
    before = synced.files()
    said = synced.sync()
    assert synced.files() == before
    assert b"error" not in (said.stdout + said.stderr).lower()


def test_a_wrong_password_is_told(alice, tmp_path):
    synced = Synced(alice, tmp_path)
    file = tmp_path / "mbsyncrc"
    file.write_text(file.read_text().replace(alice.password, "wrong"))
    said = synced.sync(call=run)
    assert said.returncode != 0
    assert b"AUTHENTICATIONFAILED" in said.stderr
