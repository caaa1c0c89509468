"""What messages are put in order and in threads by: keys in a narrow table, made when an account is first sorted.

Not here: putting in order (`order`), threads (`imap.threading`). Source: RFC 5256 §2, §3; RFC 5957 §3. Deliveries make none: most
accounts are never sorted by their server. Invariants: the emails of an account up to its `keyed_to` have their row, the
later ones none; so SORT and THREAD go through `if_keyed`, and who calls them makes the keys that are missing (`unkeyed`,
`write_keys`). With them the search texts of emails up to `refold_to` are brought to today's form.
"""

import re
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TypeVar

from postier.imap.thread_tree import HASH_OCTETS
from postier.mailbox import ledger
from postier.mime.collation import search_fold, sort_key
from postier.mime.index import MessageIndex
from postier.mime.threads import is_reply
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, WriteTx

T = TypeVar("T")

KEYED_AT_ONCE = 200

_QUOTING = re.compile(r'\\(.)|"')

_INSERT = (
    "INSERT INTO sort_key (account_id, email_id, sent_at, subject, from_mailbox, to_mailbox, cc_mailbox, from_name,"
    " to_name, is_reply, message_hashes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_EMAILS = "FROM email WHERE account_id = ? AND email_id > ? AND email_id < ?"


def key_columns(index: MessageIndex) -> tuple[object, ...]:
    """The columns after account and email. Without a sent date a message has that of its entry (RFC 5256 §2.2)."""
    return (
        None if index.sent_at is None else index.sent_at * 1_000_000,
        sort_key(index.base_subject),
        sort_key(index.from_mailbox),
        sort_key(index.to_mailbox),
        sort_key(index.cc_mailbox),
        sort_key(index.from_display),
        sort_key(index.to_display),
        int(is_reply(index.subject)),
        message_hashes(index),
    )


def message_hashes(index: MessageIndex) -> bytes:
    """Eight octets for the message's own id, zeroes without one, and eight for each ancestor, oldest first."""
    own = _hash(index.message_id) if index.message_id else bytes(HASH_OCTETS)
    ancestors = index.references or index.in_reply_to[:1]  # RFC 5256 §3, REFERENCES
    return own + b"".join(map(_hash, ancestors))


def search_texts(index: MessageIndex) -> tuple[str, ...]:
    """The texts that the columns search_subject, _from, _to, _cc and _bcc have."""
    texts = (index.subject, index.from_text, index.to_text, index.cc_text, index.bcc_text)
    return tuple(map(search_fold, texts))


def if_keyed(tx: ReadTx, account_id: int, go_by_keys: Callable[[ReadTx], T]) -> T | None:
    """What a storage function that goes by keys gives; None if some email of the account has none yet."""
    first, end = _open_range(tx, account_id)
    if tx.value(f"SELECT 1 {_EMAILS} LIMIT 1", account_id, first, end) is not None:
        return None
    return go_by_keys(tx)


def is_refolded(tx: ReadTx, account_id: int) -> bool:
    """Whether all search texts of the account have today's form."""
    return not tx.value("SELECT 1 FROM account WHERE account_id = ? AND keyed_to < refold_to", account_id)


def unkeyed(tx: ReadTx, account_id: int) -> list[tuple[int, BlobId]]:
    """Some emails that have no keys yet, the oldest first."""
    first, end = _open_range(tx, account_id)
    found = tx.rows(
        f"SELECT email_id, blob_id {_EMAILS} ORDER BY email_id LIMIT ?", account_id, first, end, KEYED_AT_ONCE
    )
    return [(email_id, BlobId(bytes(blob_id))) for email_id, blob_id in found]


def write_keys(tx: WriteTx, account_id: int, indexes: Sequence[tuple[int, MessageIndex]]) -> None:
    """Give `unkeyed` emails their keys; what another session did meanwhile, and what is gone, is passed over."""
    ledger.lock(tx, account_id)
    row = tx.row("SELECT keyed_to, refold_to FROM account WHERE account_id = ?", account_id)
    assert row is not None  # it is locked
    keyed_to, refold_to = row
    marks = ", ".join("?" * len(indexes))
    there = {
        email_id
        for (email_id,) in tx.rows(
            f"SELECT email_id FROM email WHERE account_id = ? AND email_id IN ({marks})",
            account_id,
            *[email_id for email_id, _ in indexes],
        )
    }
    new = [each for each in indexes if each[0] > keyed_to and each[0] in there]
    tx.run_many(_INSERT, [(account_id, email_id, *key_columns(index)) for email_id, index in new])
    tx.run_many(
        "UPDATE email SET search_subject = ?, search_from = ?, search_to = ?, search_cc = ?, search_bcc = ?"
        " WHERE account_id = ? AND email_id = ?",
        [(*search_texts(index), account_id, email_id) for email_id, index in new if email_id <= refold_to],
    )
    tx.run(
        "UPDATE account SET keyed_to = ? WHERE account_id = ? AND keyed_to < ?",
        indexes[-1][0],
        account_id,
        indexes[-1][0],
    )


def _open_range(tx: ReadTx, account_id: int) -> tuple[int, int]:
    """The ids of the emails without keys lie between these two."""
    least = account_id << ledger.EMAIL_IDS_BITS
    keyed_to = tx.value("SELECT keyed_to FROM account WHERE account_id = ?", account_id)
    return max(keyed_to or 0, least), least + (1 << ledger.EMAIL_IDS_BITS)


def _hash(message_id: str) -> bytes:
    if '"' in message_id:  # RFC 5256 §3: quoting makes no other id
        message_id = _QUOTING.sub(r"\1", message_id)
    return blake2b(message_id.encode("utf-8", "replace"), digest_size=HASH_OCTETS).digest()
