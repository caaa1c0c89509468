"""Letters for the clients, and the mailbox seen by one connection of its own: filled, and awaited by IDLE."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.header import Header

from imapclient import IMAPClient

from postier.app.demo.node import HOST
from tests.clients.two_servers import Account

LIMIT_S = 20


def letter(
    to: Account | str,
    sender: Account | str = "someone@elsewhere.test",
    *,
    subject: str = "Lunch",
    body: str = "At noon?\r\n",
    number: int = 1,
) -> bytes:
    """A letter whose body is UTF-8, eight bits; its header is ASCII, which every program may store (RFC 9755 §4)."""
    sender, to = (each if isinstance(each, str) else each.address for each in (sender, to))
    return (
        f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {Header(subject).encode()}\r\nDate: Tue, 24 Nov 2026 01:02:03 +0000\r\n"
        f"Message-ID: <{number}@client.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: 8bit\r\n\r\n{body}"
    ).encode()


@contextmanager
def mailbox(account: Account, name: str = "INBOX") -> Iterator[IMAPClient]:
    """Logged in by imaps, with the mailbox open."""
    with IMAPClient(HOST, account.ports.imaps, ssl=True, ssl_context=account.tls, timeout=LIMIT_S) as client:
        client.login(account.address, account.password)
        client.select_folder(name)
        yield client


def fill(account: Account, *letters: bytes, name: str = "INBOX") -> None:
    """Put letters into a mailbox by APPEND."""
    with mailbox(account, name) as client:
        for each in letters:
            client.append(name, each)


def arrived(account: Account, count: int = 1, name: str = "INBOX") -> list[bytes]:
    """Wait, told by IDLE, until the mailbox has so many letters; gives them all."""
    with mailbox(account, name) as client:
        deadline = time.monotonic() + LIMIT_S
        client.idle()
        try:
            # Looked at when IDLE is on: imapclient overlooks what comes together with the continuation.
            there = count_of(account, name)
            while there < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{there} of {count} letters came"
                if client.idle_check(timeout=left):
                    there = count_of(account, name)
        finally:
            client.idle_done()
        return [found[b"BODY[]"] for found in client.fetch(client.search(), ["BODY.PEEK[]"]).values()]


def count_of(account: Account, name: str = "INBOX") -> int:
    """How many letters the mailbox has now."""
    with mailbox(account, name) as client:
        return len(client.search())


def await_flag(account: Account, uid: int, flag: bytes, name: str = "INBOX") -> None:
    """Wait, told by IDLE, until a letter has a flag."""
    with mailbox(account, name) as client:
        deadline = time.monotonic() + LIMIT_S
        client.idle()
        try:
            flags = flags_of(account, uid, name)
            while flag not in flags:
                left = deadline - time.monotonic()
                assert left > 0, f"{flag!r} did not come to {flags}"
                if client.idle_check(timeout=left):
                    flags = flags_of(account, uid, name)
        finally:
            client.idle_done()


def flags_of(account: Account, uid: int, name: str = "INBOX") -> set[bytes]:
    """The flags of a letter now."""
    with mailbox(account, name) as client:
        return set(client.get_flags([uid])[uid])
