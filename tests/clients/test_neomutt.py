"""neomutt on a terminal of its own: reads, flags, deletes and saves by IMAP; sends by SMTP and keeps a copy."""

import email
import email.policy

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import arrived, fill, letter, mailbox
from tests.clients.programs import done, program

pytestmark = pytest.mark.xdist_group("clients")

CONFIGURATION = """
set from = "{user}"
set use_from = yes
set imap_user = "{user}"
set imap_pass = "{password}"
set folder = "imaps://{host}:{imaps}/"
set spool_file = "+INBOX"
set record = "+Sent"
set certificate_file = "{certificate}"
set ssl_use_system_certs = no
set ssl_verify_host = no
set smtp_url = "smtps://{user_in_url}@{host}:{submissions}/"
set smtp_pass = "{password}"
set smtp_authenticators = "plain"
set header_cache = "{folder}/cache"
set message_cachedir = "{folder}/cache"
set net_inc = 0
set sleep_time = 0
set wait_key = no
set confirm_append = no
set delete = yes
set move = no
set mark_old = no
set imap_check_subscribed = yes
set imap_idle = no
set send_charset = "utf-8"
set edit_headers = no
set editor = "cp {folder}/text"
set abort_unmodified = no
set signature = ""
set sendmail_wait = 0
"""


@pytest.fixture
def mutt(alice, tmp_path):
    """`mutt(commands)`: open the INBOX, type those commands, end."""
    ports = alice.ports
    configuration = tmp_path / "neomuttrc"
    configuration.write_text(
        CONFIGURATION.format(
            user=alice.address,
            user_in_url=alice.address.replace("@", "%40"),
            password=alice.password,
            host=HOST,
            imaps=ports.imaps,
            submissions=ports.submissions,
            certificate=alice.certificate,
            folder=tmp_path,
        )
    )
    (tmp_path / "cache").mkdir()
    neomutt = program("neomutt")

    def run(typed, *, mailbox_name="INBOX"):
        (tmp_path / "typed").write_text(f"push '{typed}'\n")
        command = (
            f"exec {neomutt} -n -F {configuration} -f imaps://{HOST}:{ports.imaps}/{mailbox_name}"
            f" -e 'source {tmp_path}/typed'"
        )
        return done("script", "-q", "-e", "-c", command, "/dev/null", folder=tmp_path, TERM="xterm")

    return run


def test_a_letter_is_opened_and_piped_and_is_seen_then(alice, mutt, tmp_path):
    fill(alice, letter(alice, subject="One"), letter(alice, subject="Grüße", body="Kaffee um zwölf?\r\n"))
    mutt(f"<last-entry><display-message><exit><pipe-message>cat > {tmp_path}/piped<enter><quit>")
    piped = (tmp_path / "piped").read_bytes()
    assert b"Kaffee um zw\xc3\xb6lf?" in piped
    with mailbox(alice) as client:
        assert b"\\Seen" in client.get_flags([2])[2]
        assert b"\\Seen" not in client.get_flags([1])[1]


def test_a_letter_is_saved_elsewhere_and_another_deleted(alice, mutt):
    fill(alice, *(letter(alice, subject=f"Letter {number}", number=number) for number in (1, 2, 3)))
    mutt("<first-entry><save-message>=Archive<enter><last-entry><delete-message><sync-mailbox><quit>")
    assert b"Subject: Letter 1\r\n" in arrived(alice, name="Archive")[0]
    assert [b"Letter 2" in each for each in arrived(alice)] == [True]


def test_letters_are_found_flagged_and_copied(alice, mutt):
    fill(alice, letter(alice, subject="Apples"), letter(alice, subject="Pears", number=2))
    mutt(
        "<limit>~s Pears<enter><flag-message><copy-message>=Drafts<enter><limit>all<enter><sync-mailbox><quit>"
    )
    with mailbox(alice) as client:
        assert b"\\Flagged" in client.get_flags([2])[2]
        assert b"\\Flagged" not in client.get_flags([1])[1]
    assert b"Pears" in arrived(alice, name="Drafts")[0]


def test_a_letter_is_written_sent_and_kept(alice, bob, mutt, tmp_path):
    (tmp_path / "report.bin").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "text").write_text("Schöne Grüße\n.\n..\n")
    mutt(
        f"<mail>{bob.address}<enter>Grüße von Alice<enter><attach-file>{tmp_path}/report.bin<enter><send-message><quit>"
    )
    read = email.message_from_bytes(arrived(bob)[0], policy=email.policy.default)
    assert read["Subject"] == "Grüße von Alice"
    text, report = read.iter_parts()
    assert text.get_content().splitlines() == ["Schöne Grüße", ".", ".."]
    assert report.get_content() == bytes(range(256)) * 40
    (kept,) = arrived(alice, name="Sent")
    assert read["Message-ID"].encode() in kept
