"""Checking an account's mail: every invariant of this room against the rows, and mending what can be mended.

    counters = rows > entries name emails > emails name blobs > numbers rise > the change log replays to what is there

Not here: walking over all accounts and telling (`postier verify`). Source: DESIGN §3.3. Invariant: a repair that changes
what clients see is a change like any other: a modseq, a row of the log.
"""

import enum
from collections.abc import Callable

import msgspec

from postier.imap.flags import DELETED, FIRST_KEYWORD_BIT, SEEN
from postier.mailbox import ledger
from postier.mailbox.folders import ensure_mailbox, mailbox_id_of
from postier.mailbox.names import INBOX
from postier.store.blobs import BlobId, draft
from postier.store.changes import ChangeKind, record_change
from postier.store.transaction import ReadTx, StoreError, WriteTx
from postier.store.uid_ranges import UidRange, merged, parse_ranges, ranges_of, ranges_text, without

BLOBS_AT_ONCE = 500
MAX_FACTS = 1_000  # of one kind, in one account


class ProblemKind(enum.Enum):
    """What is wrong."""

    ACCOUNT_MISSING = "account missing"
    INBOX_MISSING = "INBOX missing"
    COUNTER = "counter"
    USED_BYTES = "used bytes"
    ENTRY_WITHOUT_MAILBOX = "entry without mailbox"
    ENTRY_WITHOUT_EMAIL = "entry without email"
    ENTRY_DIFFERS = "entry differs from email"
    EMAIL_WITHOUT_BLOB = "email without blob"
    EMAIL_WITHOUT_KEYS = "email without sort keys"
    NUMBER = "number"
    KEYWORD = "keyword"
    LOG = "change log"
    BLOB_DAMAGED = "blob damaged"
    BLOB_COUNT = "blob count"


class Problem(msgspec.Struct, frozen=True):
    """One thing found; `is_mendable` says whether `repair` mends it."""

    kind: ProblemKind
    account_id: int | None
    detail: str
    is_mendable: bool = True


_COUNTED = (
    f"SELECT m.mailbox_id, count(e.uid), count(e.uid) - coalesce(sum(e.flags & {SEEN}), 0),"
    f" coalesce(sum(e.flags & {DELETED}), 0) / {DELETED}, coalesce(sum(e.size_bytes), 0)"
    " FROM mailbox m LEFT JOIN entry e ON e.account_id = m.account_id AND e.mailbox_id = m.mailbox_id"
    " WHERE m.account_id = ? GROUP BY m.mailbox_id"
)

_UNKEYED = (
    "SELECT m.email_id FROM email m JOIN account a ON a.account_id = m.account_id WHERE m.account_id = ?"
    " AND m.email_id <= a.keyed_to AND NOT EXISTS"
    " (SELECT 1 FROM sort_key k WHERE k.account_id = m.account_id AND k.email_id = m.email_id)"
)


def check_account(tx: ReadTx, account_id: int) -> list[Problem]:
    """All problems of one account's mail; an empty list is a sound account. Run it with `read_bulk`."""
    account = tx.row(
        "SELECT modseq, used_bytes, next_mailbox_id, next_email_id, next_uidvalidity FROM account"
        " WHERE account_id = ?",
        account_id,
    )
    if account is None:
        return [Problem(ProblemKind.ACCOUNT_MISSING, account_id, "no such account", is_mendable=False)]
    problems: list[Problem] = []

    def report(kind: ProblemKind, detail: str, *, is_mendable: bool = True) -> None:
        problems.append(Problem(kind, account_id, detail, is_mendable))

    if mailbox_id_of(tx, account_id, INBOX) is None:
        report(ProblemKind.INBOX_MISSING, "there is no INBOX")
    _check_counters(tx, account_id, account[1], report)
    _check_references(tx, account_id, report)
    _check_numbers(tx, account_id, account, report)
    _check_log(tx, account_id, account[0], report)
    return problems


Report = Callable[..., None]


def _check_counters(tx: ReadTx, account_id: int, used_bytes: int, report: Report) -> None:
    counted = {row[0]: tuple(int(value) for value in row[1:]) for row in tx.rows(_COUNTED, account_id)}
    kept = {
        row[0]: row[1:]
        for row in tx.rows(
            "SELECT mailbox_id, message_count, unseen_count, deleted_count, size_bytes FROM mailbox"
            " WHERE account_id = ?",
            account_id,
        )
    }
    for mailbox_id, values in kept.items():
        if values != counted[mailbox_id]:
            report(ProblemKind.COUNTER, f"mailbox {mailbox_id} says {values}, has {counted[mailbox_id]}")
    total = sum(values[3] for values in counted.values())
    if used_bytes != total:
        report(ProblemKind.USED_BYTES, f"the account says {used_bytes}, has {total}")


def _check_references(tx: ReadTx, account_id: int, report: Report) -> None:
    for mailbox_id, uid in tx.rows(
        "SELECT e.mailbox_id, e.uid FROM entry e WHERE e.account_id = ? AND NOT EXISTS (SELECT 1 FROM mailbox m"
        " WHERE m.account_id = e.account_id AND m.mailbox_id = e.mailbox_id) LIMIT ?",
        account_id,
        MAX_FACTS,
    ):
        report(ProblemKind.ENTRY_WITHOUT_MAILBOX, f"mailbox {mailbox_id} uid {uid}")
    for mailbox_id, uid, received_at in tx.rows(
        "SELECT e.mailbox_id, e.uid, m.received_at FROM entry e LEFT JOIN email m ON m.account_id = e.account_id"
        " AND m.email_id = e.email_id WHERE e.account_id = ? AND (m.email_id IS NULL"
        " OR m.received_at <> e.received_at OR m.size_bytes <> e.size_bytes) LIMIT ?",
        account_id,
        MAX_FACTS,
    ):
        kind = ProblemKind.ENTRY_WITHOUT_EMAIL if received_at is None else ProblemKind.ENTRY_DIFFERS
        report(kind, f"mailbox {mailbox_id} uid {uid}")
    for email_id, blob_id in tx.rows(
        "SELECT m.email_id, m.blob_id FROM email m WHERE m.account_id = ? AND NOT EXISTS"
        " (SELECT 1 FROM blob b WHERE b.blob_id = m.blob_id) LIMIT ?",
        account_id,
        MAX_FACTS,
    ):
        detail = f"email {email_id} blob {bytes(blob_id).hex()}"
        report(ProblemKind.EMAIL_WITHOUT_BLOB, detail, is_mendable=False)
    for (email_id,) in tx.rows(f"{_UNKEYED} LIMIT ?", account_id, MAX_FACTS):
        report(ProblemKind.EMAIL_WITHOUT_KEYS, f"email {email_id}")


def _check_numbers(tx: ReadTx, account_id: int, account: tuple[int, ...], report: Report) -> None:
    modseq, _, next_mailbox_id, next_email_id, next_uidvalidity = account
    for mailbox_id, uidnext, highest_modseq, uidvalidity, last_uid, last_modseq in tx.rows(
        "SELECT m.mailbox_id, m.uidnext, m.highest_modseq, m.uidvalidity, max(e.uid), max(e.modseq) FROM mailbox m"
        " LEFT JOIN entry e ON e.account_id = m.account_id AND e.mailbox_id = m.mailbox_id"
        " WHERE m.account_id = ?"
        " GROUP BY m.mailbox_id, m.uidnext, m.highest_modseq, m.uidvalidity ORDER BY m.mailbox_id",
        account_id,
    ):
        if last_uid is not None and last_uid >= uidnext:
            report(ProblemKind.NUMBER, f"mailbox {mailbox_id}: uid {last_uid} is not below uidnext {uidnext}")
        if not (last_modseq or 0) <= highest_modseq <= modseq:
            report(
                ProblemKind.NUMBER, f"mailbox {mailbox_id}: highest modseq {highest_modseq} is out of order"
            )
        if mailbox_id >= next_mailbox_id or uidvalidity >= next_uidvalidity:
            report(ProblemKind.NUMBER, f"mailbox {mailbox_id}: its id or UIDVALIDITY would be given again")
    last_email = tx.value("SELECT max(email_id) FROM email WHERE account_id = ?", account_id)
    if last_email is not None and last_email >= (account_id << ledger.EMAIL_IDS_BITS) + next_email_id:
        report(ProblemKind.NUMBER, f"email {last_email} would be given again")
    bits = [
        row[0] for row in tx.rows("SELECT bit FROM keyword WHERE account_id = ? ORDER BY bit", account_id)
    ]
    if bits != [*range(FIRST_KEYWORD_BIT, FIRST_KEYWORD_BIT + len(bits))]:
        report(ProblemKind.KEYWORD, f"bits of keywords have gaps: {bits}", is_mendable=False)


def _check_log(tx: ReadTx, account_id: int, modseq: int, report: Report) -> None:
    for mailbox_id, missing, extra in log_differences(tx, account_id):
        detail = (
            f"mailbox {mailbox_id}: present but not in the log {ranges_text(missing)!r}, in the log but gone"
        )
        report(ProblemKind.LOG, f"{detail} {ranges_text(extra)!r}")
    last = tx.value("SELECT max(modseq) FROM change WHERE account_id = ?", account_id)
    if last is not None and last > modseq:
        report(ProblemKind.NUMBER, f"the change log is at {last}, the account at {modseq}")


def log_differences(tx: ReadTx, account_id: int) -> list[tuple[int, list[UidRange], list[UidRange]]]:
    """Mailboxes whose log does not replay to their rows: (mailbox id, UIDs that the log lacks, UIDs it has too much)."""
    came: dict[int, list[UidRange]] = {}
    gone: dict[int, list[UidRange]] = {}
    for kind, mailbox_id, text in tx.rows(
        "SELECT kind, mailbox_id, uids FROM change WHERE account_id = ? AND kind IN (?, ?) ORDER BY modseq",
        account_id,
        int(ChangeKind.APPENDED),
        int(ChangeKind.EXPUNGED),
    ):
        side = came if kind == ChangeKind.APPENDED else gone
        side.setdefault(mailbox_id, []).extend(parse_ranges(text))
    found = []
    for (mailbox_id,) in tx.rows(
        "SELECT mailbox_id FROM mailbox WHERE account_id = ? ORDER BY 1", account_id
    ):
        rows = tx.rows(
            "SELECT uid FROM entry WHERE account_id = ? AND mailbox_id = ? ORDER BY uid",
            account_id,
            mailbox_id,
        )
        present = ranges_of([uid for (uid,) in rows])
        told = without(merged(came.get(mailbox_id, [])), merged(gone.get(mailbox_id, [])))
        missing, extra = without(present, told), without(told, present)
        if missing or extra:
            found.append((mailbox_id, missing, extra))
    return found


def repair(tx: WriteTx, account_id: int) -> list[Problem]:
    """Mend what can be mended; returns what is left. Entries that name no email go; counters are counted again."""
    ledger.lock(tx, account_id)
    _raise_numbers(tx, account_id)
    _adopt_homeless(tx, account_id)
    if mailbox_id_of(tx, account_id, INBOX) is None:
        ensure_mailbox(tx, account_id, INBOX)
    _mend_entries(tx, account_id)
    for mailbox_id, *counters in tx.rows(_COUNTED, account_id):
        tx.run(
            "UPDATE mailbox SET message_count = ?, unseen_count = ?, deleted_count = ?, size_bytes = ?"
            " WHERE account_id = ? AND mailbox_id = ?",
            *(int(value) for value in counters),
            account_id,
            mailbox_id,
        )
    tx.run(
        "UPDATE account SET used_bytes = (SELECT coalesce(sum(size_bytes), 0) FROM mailbox WHERE account_id = ?)"
        " WHERE account_id = ?",
        account_id,
        account_id,
    )
    for mailbox_id, missing, extra in log_differences(tx, account_id):
        for kind, ranges in ((ChangeKind.APPENDED, missing), (ChangeKind.EXPUNGED, extra)):
            if ranges:
                _record(tx, account_id, kind, mailbox_id, ranges)
    return check_account(tx, account_id)


def _raise_numbers(tx: WriteTx, account_id: int) -> None:
    """Bring every number that is given out above all that were given."""

    def highest(sql: str) -> int:
        return int(tx.value(sql, account_id) or 0)

    modseq = max(
        highest("SELECT modseq FROM account WHERE account_id = ?"),
        highest("SELECT max(modseq) FROM change WHERE account_id = ?"),
        highest("SELECT max(highest_modseq) FROM mailbox WHERE account_id = ?"),
        highest("SELECT max(modseq) FROM entry WHERE account_id = ?"),
    )
    floors = {
        "modseq": modseq,
        "next_mailbox_id": 1
        + max(
            highest("SELECT max(mailbox_id) FROM mailbox WHERE account_id = ?"),
            highest("SELECT max(mailbox_id) FROM entry WHERE account_id = ?"),
            highest("SELECT max(mailbox_id) FROM change WHERE account_id = ?"),
        ),
        "next_email_id": 1
        + highest("SELECT max(email_id) FROM email WHERE account_id = ?") % (1 << ledger.EMAIL_IDS_BITS),
        "next_uidvalidity": 1 + highest("SELECT max(uidvalidity) FROM mailbox WHERE account_id = ?"),
    }
    for column, floor in floors.items():
        tx.run(
            f"UPDATE account SET {column} = ? WHERE account_id = ? AND {column} < ?", floor, account_id, floor
        )
    for table in ("entry", "expunged"):
        tx.run(
            f"UPDATE mailbox SET uidnext = 1 + (SELECT max(x.uid) FROM {table} x"
            " WHERE x.account_id = mailbox.account_id AND x.mailbox_id = mailbox.mailbox_id)"
            f" WHERE account_id = ? AND uidnext <= (SELECT max(x.uid) FROM {table} x"
            " WHERE x.account_id = mailbox.account_id AND x.mailbox_id = mailbox.mailbox_id)",
            account_id,
        )
    tx.run(
        "UPDATE mailbox SET highest_modseq = (SELECT max(e.modseq) FROM entry e"
        " WHERE e.account_id = mailbox.account_id AND e.mailbox_id = mailbox.mailbox_id)"
        " WHERE account_id = ? AND highest_modseq < (SELECT max(e.modseq) FROM entry e"
        " WHERE e.account_id = mailbox.account_id AND e.mailbox_id = mailbox.mailbox_id)",
        account_id,
    )


def _adopt_homeless(tx: WriteTx, account_id: int) -> None:
    """Give entries whose mailbox row is lost a mailbox again: no message is hidden by damage."""
    for mailbox_id, last_uid in tx.rows(
        "SELECT e.mailbox_id, max(e.uid) FROM entry e WHERE e.account_id = ? AND NOT EXISTS (SELECT 1 FROM mailbox m"
        " WHERE m.account_id = e.account_id AND m.mailbox_id = e.mailbox_id) GROUP BY e.mailbox_id",
        account_id,
    ):
        modseq, _, uidvalidity = ledger.admit_mailboxes(tx, account_id, 1)
        tx.run(
            "INSERT INTO mailbox (account_id, mailbox_id, name, uidvalidity, uidnext, highest_modseq, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            account_id,
            mailbox_id,
            f"Recovered {uidvalidity}",
            uidvalidity,
            last_uid + 1,
            modseq,
            tx.now_us,
        )
        record_change(tx, account_id, modseq, ChangeKind.MAILBOX_CREATED, mailbox_id, [])


def _mend_entries(tx: WriteTx, account_id: int) -> None:
    """Remove entries whose email is lost (the log says so afterwards), repeat in the others what their email says, and have
    lost sort keys made again.
    """
    tx.run(
        "DELETE FROM entry WHERE account_id = ? AND NOT EXISTS (SELECT 1 FROM email m"
        " WHERE m.account_id = entry.account_id AND m.email_id = entry.email_id)",
        account_id,
    )
    tx.run(
        "UPDATE account SET keyed_to = coalesce("
        f"(SELECT min(email_id) - 1 FROM ({_UNKEYED}) AS unkeyed), keyed_to) WHERE account_id = ?",
        account_id,
        account_id,
    )
    for column in ("received_at", "size_bytes"):
        same_email = "m.account_id = entry.account_id AND m.email_id = entry.email_id"
        tx.run(
            f"UPDATE entry SET {column} = (SELECT m.{column} FROM email m WHERE {same_email})"
            f" WHERE account_id = ? AND {column} <> (SELECT m.{column} FROM email m WHERE {same_email})",
            account_id,
        )


def _record(tx: WriteTx, account_id: int, kind: ChangeKind, mailbox_id: int, ranges: list[UidRange]) -> None:
    modseq = ledger.advance(tx, account_id)
    tx.run(
        "UPDATE mailbox SET highest_modseq = ? WHERE account_id = ? AND mailbox_id = ?",
        modseq,
        account_id,
        mailbox_id,
    )
    record_change(tx, account_id, modseq, kind, mailbox_id, ranges)


def check_blobs(
    tx: ReadTx, load: Callable[[BlobId], bytes], after: bytes = b""
) -> tuple[list[Problem], bytes | None]:
    """Check the next BLOBS_AT_ONCE blobs after `after`: content against hash and size, count of emails against rows.

    `load` reads a content (`BlobStore.load`); returns the problems and where to go on, None at the end.
    """
    problems: list[Problem] = []
    rows = tx.rows(
        "SELECT blob_id, size_bytes, email_count FROM blob WHERE blob_id > ? ORDER BY blob_id LIMIT ?",
        after,
        BLOBS_AT_ONCE,
    )
    last = rows[-1][0] if rows else after
    counts = dict.fromkeys((bytes(row[0]) for row in rows), 0)
    for (blob_id,) in tx.rows("SELECT blob_id FROM email WHERE blob_id > ? AND blob_id <= ?", after, last):
        if blob_id in counts:
            counts[blob_id] += 1
    for blob_id, size_bytes, email_count in rows:
        if email_count != counts[blob_id]:
            detail = f"blob {blob_id.hex()} says {email_count} emails, has {counts[blob_id]}"
            problems.append(Problem(ProblemKind.BLOB_COUNT, None, detail))
        damage = _damage(load, BlobId(blob_id), size_bytes)
        if damage:
            detail = f"blob {blob_id.hex()}: {damage}"
            problems.append(Problem(ProblemKind.BLOB_DAMAGED, None, detail, is_mendable=False))
    return problems, bytes(last) if len(rows) == BLOBS_AT_ONCE else None


def repair_blob_counts(tx: WriteTx) -> int:
    """Count the emails of every blob again; returns how many counts were wrong."""
    right: dict[bytes, int] = {
        row[0]: row[1] for row in tx.rows("SELECT blob_id, count(*) FROM email GROUP BY 1")
    }
    wrong = [
        (right.get(blob_id, 0), blob_id)
        for blob_id, email_count in tx.rows("SELECT blob_id, email_count FROM blob")
        if right.get(blob_id, 0) != email_count
    ]
    tx.run_many("UPDATE blob SET email_count = ? WHERE blob_id = ?", wrong)
    return len(wrong)


def _damage(load: Callable[[BlobId], bytes], blob_id: BlobId, size_bytes: int) -> str | None:
    try:
        content = load(blob_id)
    except (StoreError, KeyError) as error:
        return str(error)
    if len(content) != size_bytes:
        return f"{len(content)} octets instead of {size_bytes}"
    return None if draft(content).blob_id == blob_id else "the content does not have this hash"
