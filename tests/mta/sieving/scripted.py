"""What these tests share: a script becomes active, the queue and the trace are read."""

import email
import email.policy
from email.message import EmailMessage

from postier.accounts.scripts import activate_script, put_script
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, Store, WriteTx

ZONES = {
    ".": "",
    "honest.test": '@ IN TXT "v=spf1 ip4:127.0.0.0/8 -all"\n',
    "forged.test": '@ IN TXT "v=spf1 -all"\n',
    "shady.test": '@ IN TXT "v=spf1 ?all"\n_dmarc IN TXT "v=DMARC1; p=quarantine"\n',
}
LETTER = (
    b"From: Zoe <zoe@honest.test>\r\nTo: alice@alpha.test\r\nSubject: Hello\r\n"
    b"Message-ID: <1@honest.test>\r\n\r\nHi.\r\n"
)


def letter(
    subject: str = "Hello", message_id: str = "1", *, extra: str = "", to: str = "alice@alpha.test"
) -> bytes:
    return (
        f"{extra}From: Zoe <zoe@honest.test>\r\nTo: {to}\r\nSubject: {subject}\r\n"
        f"Message-ID: <{message_id}@honest.test>\r\n\r\nHi.\r\n"
    ).encode()


async def give(
    store: Store, script: str, *names: str, script_name: str = "main", active: bool = True
) -> None:
    """Let accounts of alpha.test (alice unless named) have this script."""

    def write(tx: WriteTx) -> None:
        for name in names or ("alice",):
            account_id = tx.value("SELECT account_id FROM account WHERE address = ?", f"{name}@alpha.test")
            assert put_script(tx, account_id, script_name, script.encode()) is None
            if active:
                assert activate_script(tx, account_id, script_name) is None

    await store.write(write)


def _queued(tx: ReadTx) -> list[tuple[str, str, bytes]]:
    return [
        (path, forward, bytes(blob))
        for path, forward, blob in tx.rows(
            "SELECT m.reverse_path, r.forward_path, m.blob_id FROM queue_message m"
            " JOIN queue_recipient r ON r.queue_id = m.queue_id ORDER BY m.queue_id, r.recipient_id"
        )
    ]


async def queued(store: Store) -> list[tuple[str, str, bytes]]:
    """Reverse-path, forward-path and content of what waits in the queue."""
    return [
        (path, forward, await store.read_blob(BlobId(blob)))
        for path, forward, blob in await store.read(_queued)
    ]


async def told(store: Store) -> list[str]:
    """What the trace says of scripts."""
    rows = await store.read(
        lambda tx: tx.rows(
            "SELECT detail FROM trace_event WHERE event IN ('filtered', 'refused') ORDER BY at, trace_id"
        )
    )
    return [detail for (detail,) in rows]


def read(octets: bytes) -> EmailMessage:
    """A letter as the standard library reads it."""
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


async def flags(store: Store, address: str, mailbox: str) -> list[int]:
    """The flags of the entries in a mailbox."""
    rows = await store.read(
        lambda tx: tx.rows(
            "SELECT e.flags FROM entry e JOIN account a ON a.account_id = e.account_id JOIN mailbox b"
            " ON b.account_id = e.account_id AND b.mailbox_id = e.mailbox_id WHERE a.address = ? AND b.name = ?"
            " ORDER BY e.uid",
            address,
            mailbox,
        )
    )
    return [value for (value,) in rows]
