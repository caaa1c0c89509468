"""Accounts and letters for these tests."""

from postier.mailbox.filing import Delivery, Filed, Letter, deliver, file_messages
from postier.mailbox.folders import default_mailboxes
from postier.mime.index import index_message
from postier.store.blobs import draft
from postier.store.transaction import Store, WriteTx

NOON_US = 1_790_000_000_000_000


def raw_letter(
    number: int = 1,
    *,
    subject: str = "Plan",
    sender: str = "Alice <alice@alpha.test>",
    body: str = "Hello Carole",
    extra: str = "",
) -> bytes:
    return (
        f"From: {sender}\r\nTo: Carole <carole@beta.test>\r\nSubject: {subject}\r\n"
        f"Date: Mon, 21 Sep 2026 13:33:20 +0000\r\nMessage-ID: <{number}@alpha.test>\r\n{extra}\r\n{body}\r\n"
    ).encode()


def add_account(tx: WriteTx, account_id: int = 1, quota_bytes: int | None = None) -> dict[str, int]:
    tx.run(
        "INSERT INTO account (account_id, address, quota_bytes, next_uidvalidity, created_at) VALUES (?, ?, ?, ?, ?)",
        account_id,
        f"user{account_id}@beta.test",
        quota_bytes,
        1_700_000_000,
        tx.now_us,
    )
    return default_mailboxes(tx, account_id)


async def append(
    store: Store,
    account_id: int,
    mailbox_id: int,
    *raws: bytes,
    flags: int = 0,
    received_at_us: int = NOON_US,
) -> list[Filed]:
    drafts = [draft(raw) for raw in raws]
    letters = [
        Letter(index_message(raw), one.blob_id, len(raw), received_at_us, flags)
        for raw, one in zip(raws, drafts, strict=True)
    ]
    return await store.write_with_blobs(drafts, file_messages, account_id, mailbox_id, letters)


async def send(store: Store, raw: bytes, *deliveries: Delivery) -> list[Filed]:
    one = draft(raw)
    return await store.write_with_blobs(
        [one], deliver, deliveries, index_message(raw), one.blob_id, len(raw), NOON_US
    )
