"""imapclient: push by IDLE over all workers, MOVE, ENABLE, names and words in any script, a thousand letters."""

import contextlib
import smtplib

import pytest
from imapclient import SEEN
from imapclient.exceptions import IMAPClientError

from postier.app.demo.node import HOST
from tests.clients.letters import LIMIT_S, fill, letter, mailbox

pytestmark = pytest.mark.xdist_group("clients")


def test_each_idle_session_is_told_of_a_letter_whichever_worker_it_has(alice, carole):
    with contextlib.ExitStack() as open_sessions:
        sessions = [open_sessions.enter_context(mailbox(carole)) for _ in range(6)]
        for session in sessions:
            session.idle()
        with smtplib.SMTP_SSL(HOST, alice.ports.submissions, context=alice.tls, timeout=LIMIT_S) as client:
            client.login(alice.address, alice.password)
            client.sendmail(alice.address, carole.address, letter(carole, alice))
        for session in sessions:
            assert (1, b"EXISTS") in session.idle_check(timeout=LIMIT_S)
            session.idle_done()


def test_idle_tells_of_flags_and_of_what_went(alice):
    fill(alice, letter(alice), letter(alice, number=2))
    with mailbox(alice) as watching, mailbox(alice) as working:
        watching.idle()
        working.add_flags([1], [SEEN])
        said = watching.idle_check(timeout=LIMIT_S)
        assert any(
            each[:2] == (1, b"FETCH") and SEEN in each[2][each[2].index(b"FLAGS") + 1] for each in said
        )
        working.delete_messages([2])
        working.expunge()
        while (2, b"EXPUNGE") not in said:
            heard = watching.idle_check(timeout=LIMIT_S)
            assert heard, said
            said += heard
        watching.idle_done()
        assert watching.search() == [1]


def test_move_keeps_content_and_flags(alice):
    fill(alice, *(letter(alice, subject=f"Letter {number}", number=number) for number in range(1, 6)))
    with mailbox(alice) as client:
        client.add_flags([2, 3], [b"\\Flagged", b"Work"])
        client.move([2, 3], "Archive")
        assert client.search() == [1, 4, 5]
        client.select_folder("Archive")
        found = client.fetch(client.search(), ["FLAGS", "ENVELOPE"])
        assert [each[b"ENVELOPE"].subject for each in found.values()] == [b"Letter 2", b"Letter 3"]
        assert all({b"\\Flagged", b"Work"} <= set(each[b"FLAGS"]) for each in found.values())


def test_enable_id_namespace_and_special_uses(alice):
    with mailbox(alice) as client:
        client.unselect_folder()
        assert client.enable("UTF8=ACCEPT") == [b"UTF8=ACCEPT"]
        assert client.id_({"name": "imapclient"})
        assert client.namespace().personal
        assert client.find_special_folder(b"\\Sent") == "Sent"
        assert client.find_special_folder(b"\\Trash") == "Trash"


def test_names_in_any_script(alice):
    with mailbox(alice) as client:
        client.create_folder("Grüße/日本語 & more")
        assert "Grüße/日本語 & more" in [name for _, _, name in client.list_folders("Grüße/*")]
        client.append("Grüße/日本語 & more", letter(alice))
        assert client.folder_status("Grüße/日本語 & more")[b"MESSAGES"] == 1
        client.rename_folder("Grüße", "Вітання")
        assert client.folder_exists("Вітання/日本語 & more")
        client.delete_folder("Вітання/日本語 & more")


def test_search_finds_words_dates_and_flags(alice):
    fill(alice, letter(alice, subject="Grüße", body="Kaffee um zwölf\r\n"), letter(alice, subject="Invoice"))
    with mailbox(alice) as client:
        assert client.search(["SUBJECT", "grüße"], charset="UTF-8") == [1]
        assert client.search(["BODY", "zwölf"], charset="UTF-8") == [1]
        assert client.search(["NOT", "SUBJECT", "Invoice", "UNSEEN"]) == [1]
        assert client.search(["SENTON", "24-Nov-2026"]) == [1, 2]


def test_structure_and_a_part_of_a_letter_with_an_attachment(alice):
    mixed = (
        b"From: <a@elsewhere.test>\r\nSubject: Two parts\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="=-="\r\n\r\n--=-=\r\nContent-Type: text/plain\r\n\r\nSee it.\r\n'
        b"--=-=\r\nContent-Type: application/octet-stream; name=data.bin\r\nContent-Transfer-Encoding: base64\r\n"
        b"\r\nAAECAwQ=\r\n--=-=--\r\n"
    )
    fill(alice, mixed)
    with mailbox(alice) as client:
        (found,) = client.fetch([1], ["BODYSTRUCTURE", "BODY.PEEK[2]", "BODY.PEEK[1]<0.3>"]).values()
        assert found[b"BODYSTRUCTURE"].is_multipart
        assert found[b"BODYSTRUCTURE"][0][1][:2] == (b"application", b"octet-stream")
        assert found[b"BODY[2]"] == b"AAECAwQ="
        assert found[b"BODY[1]<0>"] == b"See"


def test_a_thousand_letters_are_listed_marked_and_emptied(alice):
    with mailbox(alice) as client:
        client.multiappend("INBOX", [letter(alice, number=number) for number in range(1000)])
        assert len(client.fetch(client.search(), ["ENVELOPE", "FLAGS"])) == 1000
        client.add_flags(client.search(), [SEEN], silent=True)
        assert client.folder_status("INBOX", ["UNSEEN"])[b"UNSEEN"] == 0
        client.delete_messages(client.search())
        client.expunge()
        assert client.search() == []


def test_what_cannot_be_done_is_an_error_and_the_session_goes_on(alice):
    with mailbox(alice) as client:
        with pytest.raises(IMAPClientError, match="NONEXISTENT"):
            client.select_folder("Nowhere")
        with pytest.raises(IMAPClientError, match="ALREADYEXISTS"):
            client.create_folder("Sent")
        assert client.noop()


def test_sort_and_thread(alice):
    fill(
        alice,
        letter(alice, subject="b", number=1),
        letter(alice, subject="Re: a", number=2),
        letter(alice, subject="a", number=3),
    )
    with mailbox(alice) as client:
        assert client.sort(["SUBJECT", "REVERSE ARRIVAL"]) in ([3, 2, 1], [2, 3, 1])
        assert client.sort("REVERSE SUBJECT") == [1, 2, 3]
        assert {number for thread in client.thread("ORDEREDSUBJECT") for number in thread} == {1, 2, 3}
        assert len(client.thread("REFERENCES")) == 2
