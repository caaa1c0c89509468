"""What scripts have to remember from one letter to the next: answers given, ids seen, notices sent, time used.

Not here: what is remembered when (`effects`). Sources: RFC 5230 §4.2, RFC 7352 §3, RFC 5436 §5, SECURITY 15. Invariants: whether
something may be done once is decided in the transaction that does it, so it holds for all workers and nodes; each kind is bounded
for an account, and everything expires.
"""

import enum
import hashlib

from postier.store.transaction import ReadTx, WriteTx

MAX_ANSWERED = 10_000  # people whom an account's vacation remembers; whoever is new then gets no answer
MAX_SEEN = 10_000  # unique ids of an account; those that expire soonest go
MAX_NOTIFICATIONS = 30  # of an account in an hour (RFC 5436 §5)
SEEN_SLACK = 500  # ids beyond MAX_SEEN before they are removed together
FORGOTTEN_AT_ONCE = 5_000

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US
CPU_BUDGET_US = 30 * SECOND_US  # of processor time for an account's scripts in an hour
MIN_CHARGED_US = 2_000  # cheaper runs are not written down


class Kind(enum.Enum):
    """What a memory is about; the value is stored."""

    ANSWERED = "answered"
    NOTIFIED = "notified"
    SEEN = "seen"
    TOLD = "told"  # the owner, about a failure


_MOST = {Kind.ANSWERED: MAX_ANSWERED, Kind.NOTIFIED: MAX_NOTIFICATIONS}


def digest_of(*texts: str) -> bytes:
    """A digest of texts, so that what strangers choose has one length in the store."""
    digest = hashlib.sha256()
    for text in texts:
        octets = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(octets) + octets)
    return digest.digest()


def is_remembered(tx: ReadTx, account_id: int, kind: Kind, digest: bytes, now_us: int) -> bool:
    """Whether it was remembered and has not expired."""
    return (
        tx.value(
            "SELECT 1 FROM sieve_memory WHERE account_id = ? AND kind = ? AND digest = ? AND expires_at > ?",
            account_id,
            kind.value,
            digest,
            now_us,
        )
        is not None
    )


def may_do_once(tx: WriteTx, account_id: int, kind: Kind, digest: bytes, period_us: int) -> bool:
    """Remember it for a period; False if it is remembered already, or if the account has too much of the kind."""
    most = _MOST.get(kind)
    if most is not None and _count(tx, account_id, kind) >= most:
        return False
    is_new = (
        tx.run(
            "INSERT INTO sieve_memory (account_id, kind, digest, expires_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (account_id, kind, digest) DO UPDATE SET expires_at = excluded.expires_at"
            " WHERE sieve_memory.expires_at <= ?",
            account_id,
            kind.value,
            digest,
            tx.now_us + period_us,
            tx.now_us,
        )
        == 1
    )
    if is_new and kind is Kind.SEEN:
        _bound_seen(tx, account_id)
    return is_new


def remember_id(tx: WriteTx, account_id: int, digest: bytes, period_us: int) -> None:
    """Track a unique id for a period from now, whatever was known of it (RFC 7352 §3)."""
    tx.run(
        "INSERT INTO sieve_memory (account_id, kind, digest, expires_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account_id, kind, digest) DO UPDATE SET expires_at = excluded.expires_at",
        account_id,
        Kind.SEEN.value,
        digest,
        tx.now_us + period_us,
    )
    _bound_seen(tx, account_id)


def _bound_seen(tx: WriteTx, account_id: int) -> None:
    if _count(tx, account_id, Kind.SEEN) > MAX_SEEN + SEEN_SLACK:
        tx.run(
            "DELETE FROM sieve_memory WHERE account_id = ? AND kind = ? AND expires_at <= (SELECT m.expires_at"
            " FROM sieve_memory m WHERE m.account_id = ? AND m.kind = ? ORDER BY m.expires_at DESC LIMIT 1 OFFSET ?)",
            account_id,
            Kind.SEEN.value,
            account_id,
            Kind.SEEN.value,
            MAX_SEEN,
        )


def _count(tx: ReadTx, account_id: int, kind: Kind) -> int:
    return int(
        tx.value(
            "SELECT count(*) FROM sieve_memory WHERE account_id = ? AND kind = ?", account_id, kind.value
        )
    )


def forget_expired(tx: WriteTx, now_us: int) -> bool:
    """Remove a portion of what has expired; whether more may be left."""
    return (
        tx.run(
            "DELETE FROM sieve_memory WHERE (account_id, kind, digest) IN"
            " (SELECT m.account_id, m.kind, m.digest FROM sieve_memory m WHERE m.expires_at <= ? LIMIT ?)",
            now_us,
            FORGOTTEN_AT_ONCE,
        )
        == FORGOTTEN_AT_ONCE
    )


def cpu_used(tx: ReadTx, account_id: int, now_us: int) -> int:
    """Microseconds of processor time that the account's scripts took in the hour that runs for it."""
    row = tx.row("SELECT since, cpu_us FROM sieve_usage WHERE account_id = ?", account_id)
    return 0 if row is None or row[0] + HOUR_US <= now_us else int(row[1])


def charge_cpu(tx: WriteTx, account_id: int, cpu_us: int) -> int:
    """Add processor time; what was used in the hour."""
    return int(
        tx.value(
            "INSERT INTO sieve_usage (account_id, since, cpu_us) VALUES (?, ?, ?)"
            " ON CONFLICT (account_id) DO UPDATE SET"
            " since = CASE WHEN sieve_usage.since <= ? THEN excluded.since ELSE sieve_usage.since END,"
            " cpu_us = CASE WHEN sieve_usage.since <= ? THEN 0 ELSE sieve_usage.cpu_us END + excluded.cpu_us"
            " RETURNING cpu_us",
            account_id,
            tx.now_us,
            cpu_us,
            tx.now_us - HOUR_US,
            tx.now_us - HOUR_US,
        )
    )


def forget_usage(tx: WriteTx, account_id: int) -> None:
    """Begin anew, for the script was disabled or another one is there."""
    tx.run("DELETE FROM sieve_usage WHERE account_id = ?", account_id)
