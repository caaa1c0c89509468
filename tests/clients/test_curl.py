"""curl: smtp(s)://, imap(s):// and pop3(s)://, the server's certificate checked by name."""

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import arrived, fill, letter
from tests.clients.programs import done, run

pytestmark = pytest.mark.xdist_group("clients")

# curl(1), EXIT CODES
LOGIN_DENIED, SEND_REFUSED, NO_TLS = 67, 55, 64


def curl(account, scheme, *arguments, path="", feed=b"", folder, password=None, call=done):
    """Run curl on one service of the account; its name leads to loopback, so its certificate is checked in full."""
    ports = account.ports
    port = {
        "smtp": ports.submission,
        "smtps": ports.submissions,
        "imap": ports.imap,
        "imaps": ports.imaps,
        "pop3": ports.pop3,
        "pop3s": ports.pop3s,
    }[scheme]
    return call(
        *("curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", account.certificate),
        *("--resolve", f"{account.hostname}:{port}:{HOST}"),
        *("--user", f"{account.address}:{password or account.password}"),
        *(*arguments, f"{scheme}://{account.hostname}:{port}/{path}"),
        folder=folder,
        feed=feed,
    )


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_file_is_sent(alice, bob, tmp_path, scheme):
    sent = letter(bob, alice)
    (tmp_path / "letter").write_bytes(sent)
    curl(
        *(alice, scheme, "--mail-from", alice.address, "--mail-rcpt", bob.address),
        *("--upload-file", "letter"),
        folder=tmp_path,
        path="client.test",
    )
    assert arrived(bob)[0].endswith(sent.partition(b"\r\n\r\n")[2])


def test_insecurely_by_address_as_in_a_first_try(alice, tmp_path):
    done(
        *("curl", "--silent", "--show-error", "--ssl-reqd", "--insecure"),
        *("--user", f"{alice.address}:{alice.password}", "--mail-from", alice.address),
        *("--mail-rcpt", alice.address, "--upload-file", "-", f"smtp://{HOST}:{alice.ports.submission}"),
        folder=tmp_path,
        feed=letter(alice, alice),
    )
    assert len(arrived(alice)) == 1


@pytest.mark.parametrize("scheme", ["smtp", "imap", "imaps", "pop3", "pop3s"])
def test_a_wrong_password_is_denied(alice, tmp_path, scheme):
    said = curl(alice, scheme, folder=tmp_path, password="wrong", call=run)
    assert said.returncode == LOGIN_DENIED, said.stderr


def test_an_unknown_recipient_is_told(alice, tmp_path):
    said = curl(
        *(alice, "smtp", "--mail-from", alice.address, "--mail-rcpt", "nobody@alpha.test"),
        *("--upload-file", "-"),
        folder=tmp_path,
        feed=letter("nobody@alpha.test", alice),
        call=run,
    )
    assert said.returncode == SEND_REFUSED
    assert b"550" in said.stderr


@pytest.mark.parametrize("scheme", ["imap", "imaps"])
def test_mailboxes_are_listed(alice, tmp_path, scheme):
    listed = curl(alice, scheme, folder=tmp_path).stdout
    assert b"INBOX\r\n" in listed
    assert b"\\Sent" in listed


@pytest.mark.parametrize("scheme", ["imap", "imaps"])
def test_a_letter_is_fetched_octet_by_octet(alice, tmp_path, scheme):
    sent = [letter(alice, subject="One"), letter(alice, subject="Two", body="Grüße\r\n" * 20_000)]
    fill(alice, *sent)
    assert curl(alice, scheme, path="INBOX;UID=2", folder=tmp_path).stdout == sent[1]
    assert curl(alice, scheme, path="INBOX;MAILINDEX=1", folder=tmp_path).stdout == sent[0]
    part = curl(alice, scheme, path="INBOX;UID=1;SECTION=HEADER.FIELDS%20(SUBJECT)", folder=tmp_path).stdout
    assert part == b"Subject: One\r\n\r\n"


def test_search_and_own_commands(alice, tmp_path):
    fill(alice, letter(alice, subject="One"), letter(alice, subject="Two"))
    assert curl(alice, "imap", path="INBOX?SUBJECT%20Two", folder=tmp_path).stdout == b"* SEARCH 2\r\n"
    counts = curl(alice, "imap", "--request", "STATUS INBOX (MESSAGES)", folder=tmp_path).stdout
    assert b"MESSAGES 2" in counts
    flags = curl(alice, "imap", "--request", r"STORE 1 +FLAGS \Seen", path="INBOX", folder=tmp_path).stdout
    assert b"\\Seen" in flags


def test_a_file_is_appended(alice, tmp_path):
    sent = letter(alice, subject="A draft")
    (tmp_path / "draft").write_bytes(sent)
    curl(alice, "imaps", "--upload-file", "draft", path="Drafts", folder=tmp_path)
    assert arrived(alice, name="Drafts") == [sent]


@pytest.mark.parametrize("scheme", ["pop3", "pop3s"])
def test_a_maildrop_is_listed_read_and_emptied(alice, tmp_path, scheme):
    sent = [letter(alice, subject="One"), letter(alice, subject="Two", body=".\r\n..Grüße\r\n" * 20_000)]
    fill(alice, *sent)
    listed = curl(alice, scheme, folder=tmp_path).stdout
    assert listed == b"".join(b"%d %d\r\n" % (number, len(one)) for number, one in enumerate(sent, 1))
    assert curl(alice, scheme, path="2", folder=tmp_path).stdout == sent[1]
    assert curl(alice, scheme, "--request", "UIDL", folder=tmp_path).stdout.count(b"\r\n") == 2
    top = curl(alice, scheme, "--request", "TOP 1 0", folder=tmp_path).stdout
    assert top == sent[0].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    curl(alice, scheme, "--request", "DELE", "--list-only", path="1", folder=tmp_path)
    assert curl(alice, scheme, path="1", folder=tmp_path).stdout == sent[1]


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
def test_without_tls_the_starttls_port_gives_no_login(alice, tmp_path, scheme):
    said = run(
        *("curl", "--silent", "--show-error", "--user", f"{alice.address}:{alice.password}"),
        f"{scheme}://{HOST}:{getattr(alice.ports, scheme)}/",
        folder=tmp_path,
    )
    assert said.returncode == LOGIN_DENIED
