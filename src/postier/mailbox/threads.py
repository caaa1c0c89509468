"""Which thread a message belongs to.

Two messages are of one thread if any message id occurs in both, in Message-ID, In-Reply-To or References, and their base
subjects are equal (RFC 8621 §3; base subject: RFC 5256 §2.1). Both conditions are one look-up: the key is a hash of id
and base subject together. A thread's number is the email id of its first message. Not here: joining threads that a
late message connects: threadId is immutable, so that would delete and remake emails; the oldest of them takes it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain

from postier.mime.index import MessageIndex
from postier.store.transaction import WriteTx

MAX_IDS = 32  # Message-ID, the first reference and the newest ones
LOOKED_UP_AT_ONCE = 256  # keys in one statement


def thread_keys(index: MessageIndex) -> list[int]:
    """The keys of a message, its own Message-ID first; empty if it names no id at all."""
    ids = dict.fromkeys((*((index.message_id,) if index.message_id else ()), *index.in_reply_to))
    references = index.references
    ids.update(dict.fromkeys((*references[:1], *references[-MAX_IDS:])))
    subject = "".join(index.base_subject.casefold().split())
    salt = blake2b(subject.encode("utf-8", "replace"), digest_size=8)
    keys = []
    for one in [*ids][:MAX_IDS]:
        hashed = salt.copy()
        hashed.update(b"\0" + one.encode("utf-8", "replace"))
        keys.append(int.from_bytes(hashed.digest(), "big", signed=True))
    return keys


def thread_of(tx: WriteTx, account_id: int, keys: list[int], email_id: int) -> int:
    """The thread of a new email; a new one is named after the email itself. Remembers the keys."""
    if not keys:
        return email_id
    if len(keys) == 1:  # starts a thread mostly: one statement
        found = tx.value(
            "INSERT INTO thread_link (account_id, message_hash, thread_id) VALUES (?, ?, ?)"
            " ON CONFLICT (account_id, message_hash) DO UPDATE SET thread_id = thread_link.thread_id"
            " RETURNING thread_id",
            account_id,
            keys[0],
            email_id,
        )
        return int(found)
    known = tx.rows(
        "SELECT message_hash, thread_id FROM thread_link WHERE account_id = ?"
        f" AND message_hash IN ({','.join('?' * len(keys))})",
        account_id,
        *keys,
    )
    thread_id = min((row[1] for row in known), default=email_id)
    seen = {row[0] for row in known}
    new = [key for key in keys if key not in seen]
    if new:
        tx.run(
            "INSERT INTO thread_link (account_id, message_hash, thread_id) VALUES "
            + ",".join(["(?, ?, ?)"] * len(new))
            + " ON CONFLICT (account_id, message_hash) DO NOTHING",
            *(value for key in new for value in (account_id, key, thread_id)),
        )
    return int(thread_id)


def threads_of(tx: WriteTx, account_id: int, keyed: Sequence[list[int]], first_email_id: int) -> list[int]:
    """The threads of new emails, whose numbers go on from `first_email_id`: what `thread_of` would say to one after
    the other, in two statements for many of them.
    """
    if len(keyed) == 1:
        return [thread_of(tx, account_id, keyed[0], first_email_id)]
    known = _known(tx, account_id, [*dict.fromkeys(chain.from_iterable(keyed))])
    new: dict[int, int] = {}
    threads = []
    for email_id, keys in enumerate(keyed, first_email_id):
        thread_id = min([known[key] for key in keys if key in known], default=email_id)
        threads.append(thread_id)
        for key in keys:
            if key not in known:
                known[key] = new[key] = thread_id
    if new:
        tx.run_many(
            "INSERT INTO thread_link (account_id, message_hash, thread_id) VALUES (?, ?, ?)"
            " ON CONFLICT (account_id, message_hash) DO NOTHING",
            [(account_id, key, thread_id) for key, thread_id in sorted(new.items())],
        )
    return threads


def _known(tx: WriteTx, account_id: int, keys: list[int]) -> dict[int, int]:
    """The threads of those keys that have one."""
    known: dict[int, int] = {}
    for start in range(0, len(keys), LOOKED_UP_AT_ONCE):
        named = keys[start : start + LOOKED_UP_AT_ONCE]
        size = 1 << (len(named) - 1).bit_length()  # of few sizes, so that the statements stay prepared
        named += named[:1] * (size - len(named))
        rows = tx.rows(
            "SELECT message_hash, thread_id FROM thread_link WHERE account_id = ?"
            f" AND message_hash IN ({','.join('?' * size)})",
            account_id,
            *named,
        )
        known.update((row[0], row[1]) for row in rows)
    return known
