"""Keys that sign URLs: one for each mailbox and each reader of it.

Not here: signing (`imap.authorized_urls`). Source: RFC 4467 §2.2, §7. Invariants: a key is random, made when it is first wanted,
and leaves the store for signing only; it goes with the mailbox and with the reader; whose key was reset is told by the change
log of the mailbox's owner.
"""

import secrets

from postier.imap.authorized_urls import KEY_BYTES
from postier.mailbox import ledger
from postier.mailbox.rights import Place
from postier.store.changes import ChangeKind, record_change
from postier.store.transaction import ReadTx, WriteTx


def url_key(tx: ReadTx, place: Place, reader_id: int) -> bytes | None:
    """The reader's key for a mailbox, if there is one."""
    found = tx.value(
        "SELECT secret FROM url_key WHERE account_id = ? AND mailbox_id = ? AND reader_id = ?",
        place.account_id,
        place.mailbox_id,
        reader_id,
    )
    return None if found is None else bytes(found)


def make_url_key(tx: WriteTx, place: Place, reader_id: int) -> bytes:
    """The reader's key for a mailbox, made if it is missing."""
    secret = tx.value(
        "INSERT INTO url_key (account_id, mailbox_id, reader_id, secret) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account_id, mailbox_id, reader_id) DO UPDATE SET secret = url_key.secret RETURNING secret",
        place.account_id,
        place.mailbox_id,
        reader_id,
        secrets.token_bytes(KEY_BYTES),
    )
    return bytes(secret)


def reset_url_key(tx: WriteTx, place: Place, reader_id: int) -> None:
    """A new key: what the old one signed is good no longer."""
    last = ledger.advance(tx, place.account_id)
    tx.run(
        "INSERT INTO url_key (account_id, mailbox_id, reader_id, secret) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account_id, mailbox_id, reader_id) DO UPDATE SET secret = excluded.secret",
        place.account_id,
        place.mailbox_id,
        reader_id,
        secrets.token_bytes(KEY_BYTES),
    )
    _tell(tx, place.account_id, last, [place.mailbox_id], reader_id)


def remove_url_keys(tx: WriteTx, reader_id: int) -> None:
    """No key is left to the reader: nothing that was signed is good any longer."""
    held: dict[int, list[int]] = {}
    for account_id, mailbox_id in tx.rows(  # accounts in the order of their ids, as all who change several
        "SELECT account_id, mailbox_id FROM url_key WHERE reader_id = ? ORDER BY account_id, mailbox_id",
        reader_id,
    ):
        held.setdefault(account_id, []).append(mailbox_id)
    for account_id, mailbox_ids in held.items():
        last = ledger.advance(tx, account_id, changes=len(mailbox_ids))
        _tell(tx, account_id, last, mailbox_ids, reader_id)
    tx.run("DELETE FROM url_key WHERE reader_id = ?", reader_id)


def _tell(tx: WriteTx, account_id: int, last: int, mailbox_ids: list[int], reader_id: int) -> None:
    for modseq, mailbox_id in enumerate(mailbox_ids, last - len(mailbox_ids) + 1):
        record_change(tx, account_id, modseq, ChangeKind.URL_KEY, mailbox_id, [(reader_id, reader_id)])
