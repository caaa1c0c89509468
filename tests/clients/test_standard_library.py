"""smtplib, imaplib and poplib, the clients that come with Python."""

import email
import email.policy
import imaplib
import poplib
import smtplib

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import LIMIT_S, arrived, letter

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture
def imap(alice):
    with imaplib.IMAP4(HOST, alice.ports.imap, timeout=LIMIT_S) as client:
        client.starttls(alice.tls)
        client.login(alice.address, alice.password)
        yield client


def submit(sender, *recipients, text):
    with smtplib.SMTP(HOST, sender.ports.submission, timeout=LIMIT_S) as client:
        client.starttls(context=sender.tls)
        client.login(sender.address, sender.password)
        return client.sendmail(sender.address, recipients, text)


def taken(answer):
    """The data of an answer that must be OK."""
    kind, data = answer
    assert kind == "OK", data
    return data


def append(imap, account, *subjects, mailbox="INBOX", flags=""):
    for subject in subjects:
        taken(imap.append(mailbox, flags, None, letter(account, subject=subject)))


def test_a_letter_goes_to_a_colleague_and_is_read(alice, carole):
    assert submit(alice, carole.address, text=letter(carole, alice, subject="Hello")) == {}
    (received,) = arrived(carole)
    read = email.message_from_bytes(received, policy=email.policy.default)
    assert read["Subject"] == "Hello"
    assert read["Return-Path"] == f"<{alice.address}>"
    assert read.get_content().strip() == "At noon?"


def test_a_letter_goes_to_the_other_server_by_mx_signed_and_proved(alice, bob):
    submit(alice, bob.address, text=letter(bob, alice))
    (received,) = arrived(bob)
    read = email.message_from_bytes(received, policy=email.policy.default)
    assert {"spf=pass", "dkim=pass", "dmarc=pass"} <= set(read["Authentication-Results"].split())
    assert "ESMTPS" in read["Received"]


def test_the_next_mx_is_tried_when_the_first_is_dead(account, alice):
    dora = account("dora", "gamma.test")
    submit(alice, dora.address, text=letter(dora, alice))
    assert b"\r\nSubject: Lunch\r\n" in arrived(dora)[0]


def test_one_letter_to_both_servers_and_copies_to_two(alice, carole, bob):
    submit(alice, carole.address, bob.address, alice.address, text=letter(carole, alice))
    for each in (carole, bob, alice):
        assert len(arrived(each)) == 1


def test_a_letter_of_eight_megabytes_keeps_each_octet(alice, bob):
    body = "".join(f"{number:075} \r\n" for number in range(100_000)) + ".\r\n..two\r\n"
    submit(alice, bob.address, text=letter(bob, alice, body=body))
    assert arrived(bob)[0].partition(b"\r\n\r\n")[2] == body.encode()


def test_a_wrong_password_is_refused(alice):
    with smtplib.SMTP_SSL(HOST, alice.ports.submissions, context=alice.tls, timeout=LIMIT_S) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login(alice.address, "wrong")
        assert refused.value.smtp_code == 535
    with imaplib.IMAP4_SSL(HOST, alice.ports.imaps, ssl_context=alice.tls, timeout=LIMIT_S) as client:
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.login(alice.address, "wrong")
        client.login(alice.address, alice.password)


def test_no_password_crosses_the_line_in_clear(alice):
    with imaplib.IMAP4(HOST, alice.ports.imap, timeout=LIMIT_S) as client:
        assert "LOGINDISABLED" in client.capabilities
        with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
            client.login(alice.address, alice.password)
    with smtplib.SMTP(HOST, alice.ports.submission, timeout=LIMIT_S) as client:
        client.ehlo()
        assert not client.has_extn("auth")


def test_all_recipients_refused_is_told_for_each(alice):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        submit(alice, "nobody@alpha.test", "no-one@alpha.test", text=letter("nobody@alpha.test", alice))
    assert {code for code, _ in refused.value.recipients.values()} == {550}


def test_authenticate_plain_with_initial_response(alice):
    with imaplib.IMAP4_SSL(HOST, alice.ports.imaps, ssl_context=alice.tls, timeout=LIMIT_S) as client:
        taken(client.authenticate("PLAIN", lambda _: f"\0{alice.address}\0{alice.password}".encode()))
        assert client.state == "AUTH"


def test_append_select_fetch_store(imap, alice):
    append(imap, alice, "One", "Two", "Three")
    assert taken(imap.select()) == [b"3"]
    answers = taken(imap.fetch("2", "(UID FLAGS RFC822.SIZE ENVELOPE BODY[HEADER.FIELDS (SUBJECT)])"))
    assert answers[0][1] == b"Subject: Two\r\n\r\n"
    assert b"UID 2" in answers[0][0] + answers[1]
    taken(imap.store("1:2", "+FLAGS.SILENT", r"(\Flagged Important)"))
    flags = [set(imaplib.ParseFlags(line)) for line in taken(imap.fetch("1:3", "FLAGS"))]
    assert flags[0] == {rb"\Flagged", b"Important", rb"\Recent"}  # imaplib speaks IMAP4rev1
    assert not flags[2] & {rb"\Flagged", b"Important"}


def test_copy_search_expunge_status(imap, alice):
    append(imap, alice, "One", "Two", "Three")
    taken(imap.select())
    taken(imap.create("Kept"))
    taken(imap.copy("1:2", "Kept"))
    (counts,) = taken(imap.status("Kept", "(MESSAGES UIDNEXT UNSEEN)"))
    assert b"MESSAGES 2" in counts
    assert b"UIDNEXT 3" in counts
    assert b"UNSEEN 2" in counts
    assert taken(imap.search(None, "SUBJECT", '"two"')) == [b"2"]
    taken(imap.store("2", "+FLAGS", r"(\Deleted)"))
    assert taken(imap.search(None, "DELETED")) == [b"2"]
    assert taken(imap.expunge()) == [b"2"]
    assert taken(imap.uid("SEARCH", "ALL")) == [b"1 3"]


def test_list_subscribe_rename_delete(imap):
    taken(imap.create("Work/2026"))
    taken(imap.subscribe("Work/2026"))
    assert any(b"Work/2026" in line for line in taken(imap.lsub()))
    taken(imap.rename("Work", "Jobs"))
    names = [line.rpartition(b" ")[2].strip(b'"') for line in taken(imap.list())]
    assert {b"INBOX", b"Sent", b"Trash", b"Jobs", b"Jobs/2026"} <= set(names)
    taken(imap.delete("Jobs/2026"))
    assert not any(b"2026" in line for line in taken(imap.list()))


def test_what_is_not_there_is_told(imap):
    assert imap.select("Nowhere")[0] == "NO"
    assert imap.append("Nowhere", "", None, letter("a@b.test"))[0] == "NO"


def test_an_examined_mailbox_is_read_only(imap, alice):
    append(imap, alice, "One")
    taken(imap.select(readonly=True))
    taken(imap.fetch("1", "(BODY[])"))
    assert taken(imap.search(None, "UNSEEN")) == [b"1"]
    assert imap.store("1", "+FLAGS", r"(\Seen)")[0] == "NO"


def test_poplib_takes_letters_and_deletes_one(alice, imap):
    append(imap, alice, "One", "Two")
    box = poplib.POP3(HOST, alice.ports.pop3, timeout=LIMIT_S)
    box.stls(alice.tls)
    box.user(alice.address)
    box.pass_(alice.password)
    assert box.stat()[0] == 2
    read = email.message_from_bytes(b"\r\n".join(box.retr(2)[1]), policy=email.policy.default)
    assert read["Subject"] == "Two"
    box.dele(1)
    box.quit()
    (left,) = arrived(alice)
    assert b"Subject: Two" in left
