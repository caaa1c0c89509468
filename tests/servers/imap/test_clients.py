"""Clients that others wrote: the standard library's imaplib, and imapclient."""

import asyncio
import imaplib

import imapclient

from tests.servers.imap.served import PASSWORD, letter


def with_imaplib(port):
    with imaplib.IMAP4("127.0.0.1", port) as client:
        client.login("alice@alpha.test", PASSWORD)
        assert client.create("Work")[0] == "OK"
        assert client.append("Work", "(\\Seen)", imaplib.Time2Internaldate(800_000_000), letter())[0] == "OK"
        assert client.select("Work") == ("OK", [b"1"])
        status, found = client.search(None, "SUBJECT", '"lunch"')
        assert (status, found) == ("OK", [b"1"])
        status, data = client.fetch("1", "(RFC822 INTERNALDATE FLAGS)")
        assert data[0][1] == letter()
        assert client.store("1", "+FLAGS", "(\\Deleted)")[0] == "OK"
        assert client.expunge() == ("OK", [b"1"])
        client.append("Work", None, None, letter(2))
        assert client.copy("1", "Archive")[0] == "OK"
        client.close()
        assert client.rename("Work", "Done")[0] == "OK"
        assert client.delete("Done")[0] == "OK"
        assert client.status("Archive", "(MESSAGES)")[1] == [b"Archive (MESSAGES 1)"]


def with_imapclient(port):
    with imapclient.IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login("carole@beta.test", PASSWORD)
        assert client.find_special_folder(imapclient.imapclient.TRASH) == "Trash"
        client.create_folder("Fächer & Co")
        assert "Fächer & Co" in [name for _, _, name in client.list_folders()]
        client.append("INBOX", letter(), flags=[imapclient.FLAGGED, "$Work"])
        client.append("INBOX", letter(2, subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?="))
        assert client.select_folder("INBOX")[b"EXISTS"] == 2
        assert client.search(["SUBJECT", "grüße"], charset="UTF-8") == [2]
        data = client.fetch([1, 2], ["ENVELOPE", "FLAGS", "BODYSTRUCTURE", "BODY.PEEK[HEADER]"])
        assert data[1][b"ENVELOPE"].subject == b"Lunch"
        assert b"$Work" in data[1][b"FLAGS"]
        client.add_flags([2], [imapclient.SEEN])
        client.move([1], "Fächer & Co")
        assert client.folder_status("Fächer & Co", ["MESSAGES"]) == {b"MESSAGES": 1}
        client.idle()
        other = imapclient.IMAPClient("127.0.0.1", port, ssl=False)
        other.login("carole@beta.test", PASSWORD)
        other.append("INBOX", letter(3))
        assert (2, b"EXISTS") in client.idle_check(timeout=5)
        client.idle_done()
        other.logout()
        assert client.search("ALL") == [2, 3]


async def test_imaplib(served):
    await asyncio.to_thread(with_imaplib, served.port)


async def test_imapclient(served):
    await asyncio.to_thread(with_imapclient, served.port)
