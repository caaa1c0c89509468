"""Filing: a message becomes an email and its entries.

Called inside `store.write_with_blobs([draft(content)], ...)`, so that content and rows are durable together. Not here: who
receives (accounts), what a Sieve script decides. Invariants: mail is filed whole or not at all; the index columns of the
email are written once and never change.
"""

import contextlib
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import msgspec

from postier.imap.flags import DELETED, SEEN
from postier.mailbox import ledger
from postier.mailbox.folders import ensure_mailbox
from postier.mailbox.keywords import keyword_bits
from postier.mailbox.names import INBOX, canonical
from postier.mailbox.refusals import LimitError, MailboxRefusedError, no_such_mailbox
from postier.mailbox.sort_keys import search_texts
from postier.mailbox.threads import thread_keys, thread_of, threads_of
from postier.mime.index import MessageIndex
from postier.store.blobs import BlobId
from postier.store.changes import ChangeKind, record_change
from postier.store.transaction import WriteTx

MAX_UID = 2**32 - 1
MAX_FILED_AT_ONCE = 1_000

_INSERT_EMAIL = (
    "INSERT INTO email (account_id, email_id, thread_id, blob_id, size_bytes, header_bytes, received_at, sent_at,"
    " sent_zone_minutes, message_id, search_subject, search_from, search_to, search_cc, search_bcc, preview,"
    " has_attachment, envelope, bodystructure, parts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_ENTRY = (
    "INSERT INTO entry (account_id, mailbox_id, uid, email_id, flags, modseq, saved_at, received_at, size_bytes)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_TO_MAILBOX = (
    "UPDATE mailbox SET uidnext = uidnext + ?, message_count = message_count + ?, unseen_count = unseen_count + ?,"
    " deleted_count = deleted_count + ?, size_bytes = size_bytes + ?, highest_modseq = ? WHERE account_id = ?"
)
_ADD_BY_ID = f"{_ADD_TO_MAILBOX} AND mailbox_id = ? RETURNING mailbox_id, uidnext, uidvalidity"
_ADD_BY_NAME = f"{_ADD_TO_MAILBOX} AND name = ? RETURNING mailbox_id, uidnext, uidvalidity"


class Filed(msgspec.Struct, frozen=True):
    """Where a message lies now."""

    account_id: int
    mailbox_id: int
    uidvalidity: int
    uid: int
    modseq: int
    email_id: int
    thread_id: int


class Letter(msgspec.Struct, frozen=True):
    """A message to file: its index, the blob drafted with it, the bits of its flags, its internal date."""

    index: MessageIndex
    blob_id: BlobId
    size_bytes: int
    received_at_us: int
    flags: int = 0


class Delivery(msgspec.Struct, frozen=True):
    """One place where a letter is delivered to.

    A mailbox that is missing is made (`create`), or is INBOX instead: also if it can't be made.
    """

    account_id: int
    mailbox: str = INBOX
    flags: int = 0
    keywords: tuple[str, ...] = ()
    create: bool = False


def file_message(
    tx: WriteTx,
    account_id: int,
    mailbox_id: int,
    index: MessageIndex,
    blob_id: BlobId,
    size_bytes: int,
    flags: int,
    received_at_us: int,
) -> Filed:
    """File one message. Raises QuotaExceededError, MailboxRefusedError if the mailbox is gone."""
    (filed,) = file_messages(
        tx, account_id, mailbox_id, [Letter(index, blob_id, size_bytes, received_at_us, flags)]
    )
    return filed


def file_messages(
    tx: WriteTx, account_id: int, mailbox_id: int, letters: Sequence[Letter], *, enforce_quota: bool = True
) -> list[Filed]:
    """File messages in order under one modseq (MULTIAPPEND, imports), at most MAX_FILED_AT_ONCE.

    Raises QuotaExceededError, LimitError, MailboxRefusedError if the mailbox is gone.
    """
    if not letters:
        return []
    if len(letters) > MAX_FILED_AT_ONCE:
        raise LimitError(f"at most {MAX_FILED_AT_ONCE} messages are filed at once")
    size_bytes = sum(letter.size_bytes for letter in letters)
    modseq, email_id = ledger.admit(
        tx, account_id, size_bytes, emails=len(letters), enforce_quota=enforce_quota
    )
    uid, uidvalidity = _take_uids(tx, account_id, mailbox_id, modseq, [x.flags for x in letters], size_bytes)
    threads = threads_of(tx, account_id, [thread_keys(letter.index) for letter in letters], email_id)
    filed = []
    emails: list[tuple[object, ...]] = []
    entries: list[tuple[object, ...]] = []
    for letter, thread_id in zip(letters, threads, strict=True):
        emails.append((account_id, email_id, thread_id, *_columns(letter)))
        dates = (tx.now_us, letter.received_at_us, letter.size_bytes)
        entries.append((account_id, mailbox_id, uid, email_id, letter.flags, modseq, *dates))
        filed.append(Filed(account_id, mailbox_id, uidvalidity, uid, modseq, email_id, thread_id))
        uid += 1
        email_id += 1
    tx.run_many(_INSERT_EMAIL, emails)
    tx.run_many(_INSERT_ENTRY, entries)
    for blob_id, count in Counter(letter.blob_id for letter in letters).items():
        _count_emails(tx, blob_id, count)
    record_change(tx, account_id, modseq, ChangeKind.APPENDED, mailbox_id, [(filed[0].uid, uid - 1)])
    return filed


def deliver(
    tx: WriteTx,
    deliveries: Sequence[Delivery],
    index: MessageIndex,
    blob_id: BlobId,
    size_bytes: int,
    received_at_us: int,
    *,
    enforce_quota: bool = True,
) -> list[Filed]:
    """File one letter for many local recipients; the result is in the order of `deliveries`.

    Several deliveries of one account are entries of one email. Raises QuotaExceededError (its `account_id` says whose),
    LookupError if an account is gone.
    """
    letter = Letter(index, blob_id, size_bytes, received_at_us)
    columns, keys = _columns(letter), thread_keys(index)
    filed: dict[int, Filed] = {}
    emails = 0
    in_order = sorted(range(len(deliveries)), key=lambda place: deliveries[place].account_id)
    for account_id, places in groupby(in_order, key=lambda place: deliveries[place].account_id):
        mine = [*places]
        for place in mine:
            if deliveries[place].create:  # before the modseqs of the messages are taken: the log is in order
                with contextlib.suppress(MailboxRefusedError):  # a name that can't be: INBOX, never a loss
                    ensure_mailbox(tx, account_id, deliveries[place].mailbox)
        last_modseq, email_id = ledger.admit(
            tx,
            account_id,
            size_bytes * len(mine),
            changes=len(mine),
            emails=1,
            enforce_quota=enforce_quota,
        )
        thread_id = thread_of(tx, account_id, keys, email_id)
        tx.run(_INSERT_EMAIL, account_id, email_id, thread_id, *columns)
        emails += 1
        for modseq, place in enumerate(mine, last_modseq - len(mine) + 1):
            delivery = deliveries[place]
            flags = delivery.flags | keyword_bits(tx, account_id, delivery.keywords)
            mailbox_id, uid, uidvalidity = _take_uid_by_name(
                tx, account_id, delivery.mailbox, modseq, flags, size_bytes
            )
            dates = (tx.now_us, received_at_us, size_bytes)
            tx.run(_INSERT_ENTRY, account_id, mailbox_id, uid, email_id, flags, modseq, *dates)
            record_change(tx, account_id, modseq, ChangeKind.APPENDED, mailbox_id, [(uid, uid)])
            filed[place] = Filed(account_id, mailbox_id, uidvalidity, uid, modseq, email_id, thread_id)
    if emails:
        _count_emails(tx, blob_id, emails)
    return [filed[place] for place in range(len(deliveries))]


def _take_uids(
    tx: WriteTx, account_id: int, mailbox_id: int, modseq: int, flags: list[int], size_bytes: int
) -> tuple[int, int]:
    """(first UID, UIDVALIDITY) for as many entries as there are `flags`; counts them."""
    unseen = sum(not one & SEEN for one in flags)
    deleted = sum(one & DELETED != 0 for one in flags)
    count = len(flags)
    row = tx.row(_ADD_BY_ID, count, count, unseen, deleted, size_bytes, modseq, account_id, mailbox_id)
    if row is None:
        raise no_such_mailbox()
    _, uidnext, uidvalidity = row
    _check_uid(uidnext)
    return uidnext - count, uidvalidity


def _take_uid_by_name(
    tx: WriteTx, account_id: int, name: str, modseq: int, flags: int, size_bytes: int
) -> tuple[int, int, int]:
    """(mailbox id, UID, UIDVALIDITY) of one entry to be; INBOX if there is no mailbox of that name."""
    counts = (1, 1, int(not flags & SEEN), int(flags & DELETED != 0), size_bytes, modseq, account_id)
    row = tx.row(_ADD_BY_NAME, *counts, canonical(name)) or tx.row(_ADD_BY_NAME, *counts, INBOX)
    if row is None:
        raise no_such_mailbox()
    mailbox_id, uidnext, uidvalidity = row
    _check_uid(uidnext)
    return mailbox_id, uidnext - 1, uidvalidity


def _check_uid(uidnext: int) -> None:
    if uidnext > MAX_UID:
        raise LimitError(f"UIDs of a mailbox end at {MAX_UID}")


def _count_emails(tx: WriteTx, blob_id: BlobId, count: int) -> None:
    if not tx.run("UPDATE blob SET email_count = email_count + ? WHERE blob_id = ?", count, blob_id):
        raise LookupError(f"blob {blob_id.hex()} is not in this transaction nor stored before")


def _columns(letter: Letter) -> tuple[object, ...]:
    """The email's columns after account, email and thread."""
    index = letter.index
    return (
        letter.blob_id,
        letter.size_bytes,
        index.header_size,
        letter.received_at_us,
        None if index.sent_at is None else index.sent_at * 1_000_000,
        index.sent_zone_minutes,
        index.message_id or "",
        *search_texts(index),
        index.preview,
        int(index.has_attachment),
        index.envelope,
        index.bodystructure,
        index.parts,
    )
