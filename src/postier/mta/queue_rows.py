"""The queue's rows: one per message, one per recipient; every state change is a storage function here.

States of a recipient: `waiting` (due at a time, perhaps leased), `held` (by the administrator), `delivered`, `failed`
(final; the row stays until the whole message is done). Crash rule: an attempt is recorded with its lease before the
dial; a lease that its owner never gave back runs out, or is released when the owner's successor starts, and the
recipient is tried again: a duplicate is possible, a loss never. Source: DESIGN §2, §6; DSN parameters RFC 3461 §4, as
`requests` writes them; the deliver-by-time RFC 2852 §4.
"""

from collections.abc import Sequence

import msgspec

from postier.mta.requests import Deadline, deadline_of, recipient_parameters
from postier.smtp.parameters import RecipientParameters
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, WriteTx

TOPIC = "queue"  # woken when something may have become due for any worker
LEASE_US = 30 * 60 * 1_000_000  # longer than it may wait unrenewed and be tried (`schedule`, `transport`)
MAX_LEASED_AT_ONCE = 200


class QueueMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A queued letter: its envelope and content. `reverse_path` is "" for the null reverse-path."""

    queue_id: int
    trace_id: str
    account_id: int | None
    reverse_path: str
    blob_id: BlobId
    size_bytes: int
    needs_8bit: bool
    needs_utf8: bool
    requires_tls: bool
    dsn_envid: str = ""
    dsn_ret: str = ""
    message_id: str = ""
    created_at: int = 0  # microseconds since 1970; set by `enqueue`
    deliver_by: int = 0  # microseconds since 1970, if there is a mode
    by_mode: str = ""  # "R" or "N", with "T" if it is traced

    @property
    def deadline(self) -> Deadline | None:
        """By when it is to be delivered; None if that was not said."""
        return deadline_of(self.deliver_by, self.by_mode)


class QueueRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient of a queued letter. `attempts` counts those begun; `last_reply` is the last remote word."""

    recipient_id: int
    forward_path: str
    destination: str
    state: str = "waiting"
    due_at: int = 0
    attempts: int = 0
    last_reply: str = ""
    delay_notified: bool = False
    dsn_notify: str = ""
    dsn_orcpt: str = ""

    @property
    def parameters(self) -> RecipientParameters:
        """What the sender asked to be told."""
        return recipient_parameters(self.dsn_notify, self.dsn_orcpt)


class Job(msgspec.Struct, frozen=True):
    """What one worker holds a lease on: the recipients of one message at one destination."""

    message: QueueMessage
    destination: str
    recipients: tuple[QueueRecipient, ...]


_MESSAGE_COLUMNS = (
    "queue_id, trace_id, account_id, reverse_path, blob_id, size_bytes, needs_8bit, needs_utf8, requires_tls,"
    " dsn_envid, dsn_ret, message_id, created_at, deliver_by, by_mode"
)
_RECIPIENT_COLUMNS = (
    "recipient_id, forward_path, destination, state, due_at, attempts, last_reply, delay_notified,"
    " dsn_notify, dsn_orcpt"
)


def enqueue(
    tx: WriteTx, message: QueueMessage, recipients: Sequence[QueueRecipient], lease_owner: str = ""
) -> list[Job]:
    """Store a letter for its recipients.

    With `lease_owner` they are leased to that worker at once, the first attempt recorded, and returned as jobs: its
    delivery then needs no other transaction before the dial. Without it any worker is woken to take them.
    """
    tx.run(
        f"INSERT INTO queue_message ({_MESSAGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        message.queue_id,
        message.trace_id,
        message.account_id,
        message.reverse_path,
        message.blob_id,
        message.size_bytes,
        int(message.needs_8bit),
        int(message.needs_utf8),
        int(message.requires_tls),
        message.dsn_envid,
        message.dsn_ret,
        message.message_id,
        tx.now_us,
        message.deliver_by,
        message.by_mode,
    )
    tx.run_many(
        f"INSERT INTO queue_recipient (queue_id, {_RECIPIENT_COLUMNS}, lease_until, lease_owner, last_attempt_at)"
        " VALUES (?, ?, ?, ?, 'waiting', ?, ?, '', 0, ?, ?, ?, ?, ?)",
        [
            (
                message.queue_id,
                each.recipient_id,
                each.forward_path,
                each.destination,
                tx.now_us,
                1 if lease_owner else 0,
                each.dsn_notify,
                each.dsn_orcpt,
                tx.now_us + LEASE_US if lease_owner else 0,
                lease_owner,
                tx.now_us if lease_owner else None,
            )
            for each in recipients
        ],
    )
    if not lease_owner:
        tx.wake(TOPIC)
        return []
    stored = msgspec.structs.replace(message, created_at=tx.now_us)
    begun = [msgspec.structs.replace(each, attempts=1, due_at=tx.now_us) for each in recipients]
    return _jobs([(stored, each) for each in begun])


def lease_due(tx: WriteTx, owner: str, limit: int, busy_destinations: Sequence[str] = ()) -> list[Job]:
    """Lease what is due to `owner` and record the attempt, oldest first, at most `limit` recipients; destinations in
    `busy_destinations` are left to others.
    """
    busy = ",".join("?" * len(busy_destinations))
    skip = f" AND destination NOT IN ({busy})" if busy_destinations else ""
    leased = tx.rows(
        "UPDATE queue_recipient SET lease_until = ?, lease_owner = ?, attempts = attempts + 1, last_attempt_at = ?"
        " WHERE state = 'waiting' AND lease_until <= ? AND (queue_id, recipient_id) IN ("
        " SELECT queue_id, recipient_id FROM queue_recipient WHERE state = 'waiting' AND due_at <= ?"
        f" AND lease_until <= ?{skip} ORDER BY due_at LIMIT ?)"
        f" RETURNING queue_id, {_RECIPIENT_COLUMNS}",
        tx.now_us + LEASE_US,
        owner,
        tx.now_us,
        tx.now_us,
        tx.now_us,
        tx.now_us,
        *busy_destinations,
        min(limit, MAX_LEASED_AT_ONCE),
    )
    messages = {
        queue_id: message
        for queue_id in {row[0] for row in leased}
        if (message := find_message(tx, queue_id))
    }
    return _jobs([(messages[row[0]], _recipient(row[1:])) for row in leased if row[0] in messages])


def renew(tx: WriteTx, job: Job, owner: str) -> bool:
    """Make the lease of a job that had to wait last anew; False, and nothing leased, if it is not `owner`'s as it was.

    Recipients may have been held, removed, or leased once more since; another attempt is another lease.
    """
    renewed = [
        each.recipient_id
        for each in job.recipients
        if tx.run(
            "UPDATE queue_recipient SET lease_until = ? WHERE queue_id = ? AND recipient_id = ? AND state = 'waiting'"
            " AND lease_owner = ? AND lease_until > ? AND attempts = ?",
            tx.now_us + LEASE_US,
            job.message.queue_id,
            each.recipient_id,
            owner,
            tx.now_us,
            each.attempts,
        )
    ]
    if len(renewed) == len(job.recipients):
        return True
    tx.run_many(
        "UPDATE queue_recipient SET lease_until = 0, lease_owner = '' WHERE queue_id = ? AND recipient_id = ?",
        [(job.message.queue_id, recipient_id) for recipient_id in renewed],
    )
    if renewed:
        tx.wake(TOPIC)
    return False


def next_due(tx: ReadTx) -> int | None:
    """When the next waiting recipient is due or its lease runs out, microseconds since 1970; None when all is done."""
    at = tx.value(
        "SELECT min(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END) FROM queue_recipient"
        " WHERE state = 'waiting'"
    )
    return None if at is None else int(at)


def mark_delivered(tx: WriteTx, queue_id: int, recipient_id: int, reply: str) -> None:
    """The next server (or the mailbox) has it."""
    _settle(tx, queue_id, recipient_id, "delivered", tx.now_us, reply)


def mark_failed(tx: WriteTx, queue_id: int, recipient_id: int, reply: str) -> None:
    """It will never be delivered; the bounce, if one is due, is queued in the same transaction."""
    _settle(tx, queue_id, recipient_id, "failed", tx.now_us, reply)


def mark_deferred(tx: WriteTx, queue_id: int, recipient_id: int, reply: str, due_at: int) -> None:
    """It is tried again at `due_at`."""
    _settle(tx, queue_id, recipient_id, "waiting", due_at, reply)


def mark_delay_notified(tx: WriteTx, queue_id: int, recipient_id: int) -> None:
    """The sender was told once that it takes long."""
    tx.run(
        "UPDATE queue_recipient SET delay_notified = 1 WHERE queue_id = ? AND recipient_id = ?",
        queue_id,
        recipient_id,
    )


def remove_if_done(tx: WriteTx, queue_id: int) -> bool:
    """Remove the message when no recipient waits or is held; returns whether it was removed."""
    unfinished = tx.value(
        "SELECT count(*) FROM queue_recipient WHERE queue_id = ? AND state IN ('waiting', 'held')", queue_id
    )
    if unfinished:
        return False
    remove_message(tx, queue_id)
    return True


def remove_message(tx: WriteTx, queue_id: int) -> bool:
    """Remove a message and its recipients without a bounce; False if there is none."""
    tx.run("DELETE FROM queue_recipient WHERE queue_id = ?", queue_id)
    return tx.run("DELETE FROM queue_message WHERE queue_id = ?", queue_id) == 1


def release_leases(tx: WriteTx, owner: str, but_not: str | None = None) -> int:
    """Give back the leases of an owner and of all below it (`node` has `node/start/worker` below), except `but_not`
    and what is below that.
    """
    owned = "(lease_owner = ? OR substr(lease_owner, 1, ?) = ?)"
    spared = "" if but_not is None else f" AND NOT {owned}"
    released = tx.run(
        f"UPDATE queue_recipient SET lease_until = 0, lease_owner = '' WHERE lease_owner <> '' AND {owned}{spared}",
        *_at_or_below(owner),
        *(() if but_not is None else _at_or_below(but_not)),
    )
    if released:
        tx.wake(TOPIC)
    return released


def retry_now(tx: WriteTx, queue_id: int) -> int:
    """Make a message's waiting recipients due at once; returns how many."""
    due = tx.run(
        "UPDATE queue_recipient SET due_at = ? WHERE queue_id = ? AND state = 'waiting'", tx.now_us, queue_id
    )
    tx.wake(TOPIC)
    return due


def hold(tx: WriteTx, queue_id: int) -> int:
    """Keep a message's waiting recipients from being tried; returns how many."""
    return tx.run(
        "UPDATE queue_recipient SET state = 'held' WHERE queue_id = ? AND state = 'waiting'", queue_id
    )


def release(tx: WriteTx, queue_id: int) -> int:
    """Let held recipients be tried, at once; returns how many."""
    released = tx.run(
        "UPDATE queue_recipient SET state = 'waiting', due_at = ? WHERE queue_id = ? AND state = 'held'",
        tx.now_us,
        queue_id,
    )
    tx.wake(TOPIC)
    return released


def find_message(tx: ReadTx, queue_id: int) -> QueueMessage | None:
    """One queued message."""
    row = tx.row(f"SELECT {_MESSAGE_COLUMNS} FROM queue_message WHERE queue_id = ?", queue_id)
    return None if row is None else _message(row)


def find_recipients(tx: ReadTx, queue_id: int) -> list[QueueRecipient]:
    """All recipients of a queued message, finished ones too."""
    return [
        _recipient(row)
        for row in tx.rows(
            f"SELECT {_RECIPIENT_COLUMNS} FROM queue_recipient WHERE queue_id = ? ORDER BY recipient_id",
            queue_id,
        )
    ]


def list_messages(tx: ReadTx) -> list[QueueMessage]:
    """Every queued message, oldest first."""
    return [
        _message(row) for row in tx.rows(f"SELECT {_MESSAGE_COLUMNS} FROM queue_message ORDER BY created_at")
    ]


def letters_without_content(tx: ReadTx) -> list[int]:
    """Queued messages whose blob no row names: what `postier verify` looks for."""
    return [
        row[0]
        for row in tx.rows(
            "SELECT queue_id FROM queue_message q WHERE NOT EXISTS"
            " (SELECT 1 FROM blob b WHERE b.blob_id = q.blob_id) ORDER BY queue_id"
        )
    ]


def _at_or_below(owner: str) -> tuple[str, int, str]:
    return owner, len(owner) + 1, f"{owner}/"


def _settle(tx: WriteTx, queue_id: int, recipient_id: int, state: str, due_at: int, reply: str) -> None:
    tx.run(
        "UPDATE queue_recipient SET state = CASE WHEN state = 'held' AND ? = 'waiting' THEN 'held' ELSE ? END,"
        " due_at = ?, last_reply = ?, lease_until = 0, lease_owner = '' WHERE queue_id = ? AND recipient_id = ?",
        state,
        state,
        due_at,
        reply,
        queue_id,
        recipient_id,
    )


def _message(row: Sequence[object]) -> QueueMessage:
    fields = dict(zip(QueueMessage.__struct_fields__, row, strict=True))
    for flag in ("needs_8bit", "needs_utf8", "requires_tls"):
        fields[flag] = bool(fields[flag])
    return QueueMessage(**fields)  # type: ignore[arg-type]  # rows are untyped; the schema fixes their types


def _recipient(row: Sequence[object]) -> QueueRecipient:
    fields = dict(zip(QueueRecipient.__struct_fields__, row, strict=True))
    fields["delay_notified"] = bool(fields["delay_notified"])
    return QueueRecipient(**fields)  # type: ignore[arg-type]  # see above


def _jobs(leased: Sequence[tuple[QueueMessage, QueueRecipient]]) -> list[Job]:
    groups: dict[tuple[int, str], tuple[QueueMessage, list[QueueRecipient]]] = {}
    for message, recipient in leased:
        groups.setdefault((message.queue_id, recipient.destination), (message, []))[1].append(recipient)
    return [Job(message, destination, tuple(each)) for (_, destination), (message, each) in groups.items()]
