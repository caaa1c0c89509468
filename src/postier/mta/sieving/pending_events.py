"""Runs at IMAP events that are still to come: rows that the transaction of the change writes, and that of the run's effects removes.

Not here: the runs (`events`). Source: RFC 6785 §2.2. Invariants: a row is there exactly as long as its run is not done, so after a crash what
was not run is run, and nothing is run twice as far as rows tell: also what a script sends is a row of the queue in the same
transaction. Rows are leased as those of the queue are: to the worker that made them, until it is done, its lease runs out, or its
successor starts. Accounts without a script for events have no rows and cost a look into a dict. A run that fails MAX_TRIES times is given up.
"""

from collections.abc import Mapping, Sequence

import msgspec

from postier.mta.sieving.shelf import Choice
from postier.store.transaction import ReadTx, WriteTx

PORTION = 50  # messages read, run on and changed together: a row
LEASE_US = 60_000_000
MAX_TRIES = 5  # of a run that a crash or a fault broke off
PENDING_AT_ONCE = 20  # rows that a worker takes up together


class Watch(msgspec.Struct, frozen=True):
    """Which mailboxes of an account have a script for events, and who acts on them now, in which worker."""

    account_id: int
    choice: Choice
    actor_id: int
    actor: str
    lease_owner: str

    def covers(self, account_id: int, mailbox_id: int) -> bool:
        """Whether a script runs on what happens there."""
        return account_id == self.account_id and self.choice.event_in(mailbox_id) is not None


class Pending(msgspec.Struct, frozen=True):
    """A run to come on some messages; `befores` are their flags before the change, or nothing."""

    account_id: int
    modseq: int
    mailbox_id: int
    actor_id: int
    actor: str
    cause: str
    uids: tuple[int, ...]
    befores: tuple[int, ...]


def portions(uids: Sequence[int]) -> list[Sequence[int]]:
    """The messages of each row."""
    return [uids[start : start + PORTION] for start in range(0, len(uids), PORTION)]


def write_down(
    tx: WriteTx,
    watch: Watch | None,
    cause: str,
    place: tuple[int, int],
    modseq: int,
    uids: Sequence[int],
    before: Mapping[int, int] | None = None,
) -> None:
    """Note the runs on a change of messages of a place (account, mailbox) that this transaction makes; `uids` ascend."""
    if watch is None or not uids or not watch.covers(*place):
        return
    tx.run_many(
        "INSERT INTO sieve_event (account_id, modseq, uid, mailbox_id, actor_id, actor, cause, messages, tries,"
        " lease_until, lease_owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
        [
            (
                place[0],
                modseq,
                part[0],
                place[1],
                watch.actor_id,
                watch.actor,
                cause,
                msgspec.json.encode(
                    (list(part), [before[uid] for uid in part if uid in before] if before else [])
                ),
                tx.now_us + LEASE_US,
                watch.lease_owner,
            )
            for part in portions(uids)
        ],
    )


def take_down(tx: WriteTx, account_id: int, modseq: int, uid: int) -> bool:
    """Remove the row whose run this transaction does; False if another has done it."""
    return (
        tx.run(
            "DELETE FROM sieve_event WHERE account_id = ? AND modseq = ? AND uid = ?", account_id, modseq, uid
        )
        == 1
    )


def drop(tx: WriteTx, account_id: int, modseq: int, from_uid: int) -> None:
    """Remove what is left of an event: its mailbox or its script has gone, or rests."""
    tx.run(
        "DELETE FROM sieve_event WHERE account_id = ? AND modseq = ? AND uid >= ?",
        account_id,
        modseq,
        from_uid,
    )


def has_pending(tx: ReadTx, now_us: int) -> bool:
    """Whether a run waits that nobody has a lease on."""
    return tx.value("SELECT 1 FROM sieve_event WHERE lease_until <= ? LIMIT 1", now_us) is not None


def lease_pending(tx: WriteTx, owner: str) -> list[Pending]:
    """Take up runs that nobody has a lease on; those that failed too often are removed."""
    tx.run("DELETE FROM sieve_event WHERE lease_until <= ? AND tries >= ?", tx.now_us, MAX_TRIES)
    rows = tx.rows(
        "UPDATE sieve_event SET lease_until = ?, lease_owner = ?, tries = tries + 1 WHERE lease_until <= ?"
        " AND (account_id, modseq, uid) IN (SELECT s.account_id, s.modseq, s.uid FROM sieve_event s"
        " WHERE s.lease_until <= ? ORDER BY s.lease_until LIMIT ?)"
        " RETURNING account_id, modseq, mailbox_id, actor_id, actor, cause, messages",
        tx.now_us + LEASE_US,
        owner,
        tx.now_us,
        tx.now_us,
        PENDING_AT_ONCE,
    )
    found = []
    for *columns, messages in rows:
        uids, befores = msgspec.json.decode(bytes(messages), type=tuple[tuple[int, ...], tuple[int, ...]])
        account_id, modseq, mailbox_id, actor_id, actor, cause = columns
        found.append(Pending(account_id, modseq, mailbox_id, actor_id, actor, cause, uids, befores))
    return sorted(found, key=lambda each: (each.account_id, each.modseq, each.uids[0]))


def release_pending(tx: WriteTx, node: str, but_not: str) -> None:
    """Give back the leases of a node's workers of earlier starts (`node/start/worker`), at the start of a new one."""
    tx.run(
        "UPDATE sieve_event SET lease_until = 0 WHERE lease_until > 0 AND substr(lease_owner, 1, ?) = ?"
        " AND substr(lease_owner, 1, ?) <> ?",
        len(node) + 1,
        f"{node}/",
        len(but_not) + 1,
        f"{but_not}/",
    )
