"""What is to be told to others, as rows: folded in, read out for a report, marked as told.

Not here: counting (`sightings`), letters (`outgoing`). Invariants: a day's sightings leave the store in the transaction that
marks their report as done, so no letter is reported twice; what is folded in after that is not told; a policy domain has at
most MAX_ROWS_A_DAY different sightings of a day, what is beyond is not told; a sighting that was not told for KEPT_DAYS goes.
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from postier.mailauth.reports.aggregate import Seen
from postier.mailauth.reports.tls import PolicyType
from postier.mta.reports.received_rows import ReportKind
from postier.store.transaction import ReadTx, WriteTx

MAX_ROWS_A_DAY = 10_000  # of one policy domain: a report of some 300 KiB, packed
KEPT_DAYS = 3
SENT_KEPT_DAYS = 30
DAY_US = 86_400_000_000


class DmarcKey(msgspec.Struct, frozen=True):
    """Letters that are alike; `is_worth`: one of them makes a report due."""

    policy_domain: str
    day: int
    is_worth: bool
    seen: Seen


class TlsKey(msgspec.Struct, frozen=True):
    """Sessions that are alike; `result` is "" when all went well, `base_domain` set for a DANE policy (RFC 8460 §1.1)."""

    policy_domain: str
    day: int
    policy_type: PolicyType
    policy_lines: tuple[str, ...] = ()
    mx_hosts: tuple[str, ...] = ()
    result: str = ""
    mx_host: str = ""
    receiving_ip: str = ""
    reason: str = ""
    base_domain: str = ""


class Batch(msgspec.Struct, frozen=True):
    """The counts of one worker since the last fold."""

    dmarc: Mapping[DmarcKey, int]
    records: Mapping[tuple[str, int], str]
    tls: Mapping[TlsKey, int]


class Due(msgspec.Struct, frozen=True):
    """A report that may be sent: about whom, of which day, how often it was tried."""

    kind: ReportKind
    policy_domain: str
    day: int
    attempts: int


_Row = tuple[str, int, bytes, bytes, int]
_encode = msgspec.msgpack.Encoder().encode
_decode_dmarc = msgspec.msgpack.Decoder(DmarcKey).decode
_decode_tls = msgspec.msgpack.Decoder(TlsKey).decode
_TABLES = {ReportKind.DMARC: ("dmarc_sighting", "letters"), ReportKind.TLS: ("tls_sighting", "sessions")}


def fold(tx: WriteTx, batch: Batch) -> None:
    """Add a worker's counts."""
    _add(tx, "dmarc_sighting", "letters", batch.dmarc)
    _add(tx, "tls_sighting", "sessions", batch.tls)
    # RFC 9990 §3.1: of several policies seen in one day the last is told
    tx.run_many(
        "INSERT INTO dmarc_policy (policy_domain, day, record) VALUES (?, ?, ?)"
        " ON CONFLICT (policy_domain, day) DO UPDATE SET record = excluded.record",
        [(domain, day, record) for (domain, day), record in sorted(batch.records.items())],
    )


def _add(tx: WriteTx, table: str, column: str, counts: Mapping[DmarcKey, int] | Mapping[TlsKey, int]) -> None:
    """Known sightings are always counted; new ones while there is room in their domain's day."""
    places: dict[tuple[str, int], list[_Row]] = {}
    for key, count in counts.items():
        sighting = _encode(key)
        row = (key.policy_domain, key.day, hashlib.sha256(sighting).digest()[:16], sighting, count)
        places.setdefault((key.policy_domain, key.day), []).append(row)
    for place in sorted(places):  # one order of locks
        rows = sorted(places[place])
        room = MAX_ROWS_A_DAY - int(
            tx.value(f"SELECT count(*) FROM {table} WHERE policy_domain = ? AND day = ?", *place)
        )
        if room < len(rows):
            rows = _those_with_room(tx, table, rows, room)
        tx.run_many(
            f"INSERT INTO {table} (policy_domain, day, fingerprint, sighting, {column}) VALUES (?, ?, ?, ?, ?)"
            f" ON CONFLICT (policy_domain, day, fingerprint) DO UPDATE SET {column} = {table}.{column}"
            f" + excluded.{column}",
            rows,
        )


def _those_with_room(tx: WriteTx, table: str, rows: Sequence[_Row], room: int) -> list[_Row]:
    known = {
        bytes(fingerprint)
        for (fingerprint,) in tx.rows(
            f"SELECT fingerprint FROM {table} WHERE policy_domain = ? AND day = ?", *rows[0][:2]
        )
    }
    new = [row for row in rows if row[2] not in known]
    left_out = {row[2] for row in new[max(room, 0) :]}
    return [row for row in rows if row[2] not in left_out]


def due_reports(tx: ReadTx, today: int, now_us: int, limit: int) -> list[Due]:
    """Reports on the days before today that were not sent yet and may be tried now, the oldest day first."""
    found: list[Due] = []
    for kind, (table, _) in _TABLES.items():
        rows = tx.rows(
            f"SELECT DISTINCT s.policy_domain, s.day, coalesce(d.attempts, 0) FROM {table} s"
            " LEFT JOIN report_done d ON d.policy_domain = s.policy_domain AND d.kind = ? AND d.day = s.day"
            " WHERE s.day < ? AND coalesce(d.due_at, 0) <= ? AND coalesce(d.done_at, 0) = 0 ORDER BY s.day, s.policy_domain LIMIT ?",
            kind.value,
            today,
            now_us,
            limit,
        )
        found += [Due(kind, *row) for row in rows]
    return sorted(found, key=lambda due: (due.day, due.policy_domain, due.kind))[:limit]


def sent_since(tx: ReadTx, since_us: int) -> int:
    """How many reports were sent since then."""
    return int(tx.value("SELECT count(*) FROM report_done WHERE outcome = 'sent' AND done_at >= ?", since_us))


def dmarc_sightings(tx: ReadTx, policy_domain: str, day: int) -> tuple[str, list[tuple[DmarcKey, int]]]:
    """The record of the day and what was seen."""
    record = tx.value(
        "SELECT record FROM dmarc_policy WHERE policy_domain = ? AND day = ?", policy_domain, day
    )
    rows = tx.rows(
        "SELECT sighting, letters FROM dmarc_sighting WHERE policy_domain = ? AND day = ? ORDER BY fingerprint",
        policy_domain,
        day,
    )
    return record or "", [(_decode_dmarc(bytes(sighting)), int(count)) for sighting, count in rows]


def tls_sightings(tx: ReadTx, policy_domain: str, day: int) -> list[tuple[TlsKey, int]]:
    """What was seen of the day."""
    rows = tx.rows(
        "SELECT sighting, sessions FROM tls_sighting WHERE policy_domain = ? AND day = ? ORDER BY fingerprint",
        policy_domain,
        day,
    )
    return [(_decode_tls(bytes(sighting)), int(count)) for sighting, count in rows]


def mark_done(tx: WriteTx, due: Due, outcome: str) -> bool:
    """The report was sent, or never will be; its sightings go. False, and nothing changes, if it is marked already."""
    if not _mark(tx, due, outcome, due_at=0, done_at=tx.now_us):
        return False
    tables: Sequence[str] = (
        ("dmarc_sighting", "dmarc_policy") if due.kind is ReportKind.DMARC else ("tls_sighting",)
    )
    for table in tables:
        tx.run(f"DELETE FROM {table} WHERE policy_domain = ? AND day = ?", due.policy_domain, due.day)
    return True


def mark_later(tx: WriteTx, due: Due, due_at: int, why: str) -> None:
    """The report is to be tried again at `due_at`."""
    _mark(tx, due, why, due_at=due_at, done_at=0)


def _mark(tx: WriteTx, due: Due, outcome: str, *, due_at: int, done_at: int) -> bool:
    """False if another has marked it as done."""
    marked = tx.run(
        "INSERT INTO report_done (policy_domain, kind, day, outcome, attempts, due_at, done_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (policy_domain, kind, day) DO UPDATE SET outcome = excluded.outcome,"
        " attempts = excluded.attempts, due_at = excluded.due_at, done_at = excluded.done_at"
        " WHERE report_done.done_at = 0",
        due.policy_domain,
        due.kind.value,
        due.day,
        outcome,
        due.attempts + 1,
        due_at,
        done_at,
    )
    return marked == 1


def forget_sightings(tx: WriteTx, today: int) -> None:
    """Remove what is too old to be told, and the marks of what was told long ago."""
    for table in ("dmarc_sighting", "dmarc_policy", "tls_sighting"):
        tx.run(f"DELETE FROM {table} WHERE day < ?", today - KEPT_DAYS)
    tx.run("DELETE FROM report_done WHERE day < ?", today - SENT_KEPT_DAYS)
