"""What messages are put in order and in threads by: keys made once, when a message is filed, in a narrow table.

Not here: putting in order (`order`), threads (`imap.threading`). Source: RFC 5256 §2, §3; RFC 5957 §3. Invariants: every
email has its row, or stands in `email_to_key`: emails of a store from before there were keys, which get theirs when the
account is first searched (`unkeyed`, `write_keys`). Their search texts are then brought to today's form too.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b

from postier.imap.thread_tree import HASH_OCTETS
from postier.mime.collation import search_fold, sort_key
from postier.mime.index import MessageIndex
from postier.mime.threads import is_reply
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, WriteTx

KEYED_AT_ONCE = 200

_QUOTING = re.compile(r'\\(.)|"')

INSERT_KEYS = (
    "INSERT INTO sort_key (account_id, email_id, sent_at, subject, from_mailbox, to_mailbox, cc_mailbox, from_name,"
    " to_name, is_reply, message_hashes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


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


def unkeyed(tx: ReadTx, account_id: int) -> list[tuple[int, BlobId]]:
    """Some emails that have no keys yet."""
    return [
        (email_id, BlobId(bytes(blob_id)))
        for email_id, blob_id in tx.rows(
            "SELECT u.email_id, m.blob_id FROM email_to_key u JOIN email m ON m.account_id = u.account_id"
            " AND m.email_id = u.email_id WHERE u.account_id = ? ORDER BY u.email_id LIMIT ?",
            account_id,
            KEYED_AT_ONCE,
        )
    ]


def write_keys(tx: WriteTx, account_id: int, indexes: Sequence[tuple[int, MessageIndex]]) -> None:
    """Give emails their keys; one that has some keeps them."""
    for email_id, index in indexes:
        if not tx.run("DELETE FROM email_to_key WHERE account_id = ? AND email_id = ?", account_id, email_id):
            continue  # another session was faster
        tx.run(INSERT_KEYS, account_id, email_id, *key_columns(index))
        tx.run(
            "UPDATE email SET search_subject = ?, search_from = ?, search_to = ?, search_cc = ?, search_bcc = ?"
            " WHERE account_id = ? AND email_id = ?",
            *search_texts(index),
            account_id,
            email_id,
        )


def _hash(message_id: str) -> bytes:
    if '"' in message_id:  # RFC 5256 §3: quoting makes no other id
        message_id = _QUOTING.sub(r"\1", message_id)
    return blake2b(message_id.encode("utf-8", "replace"), digest_size=HASH_OCTETS).digest()
