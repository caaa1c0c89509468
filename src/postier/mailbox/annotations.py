r"""Annotations: what clients keep with a mailbox, or with the server.

Not here: the words of the protocol (`imap.commands.metadata`). Source: RFC 5464 §3, §4; RFC 6154 §4 (/private/specialuse is
the special use itself); RFC 6785 §2.3.1 (EVENT_SCRIPT names a script). Invariants: a private entry is its writer's alone; an
entry that was removed stays as a row without value, so that the change can be told; what an account keeps is bounded.
"""

from collections.abc import Sequence

import msgspec

from postier.accounts.scripts import SCRIPTS_TOPIC, script_content
from postier.mailbox.folders import set_special_use
from postier.mailbox.refusals import LimitError, MailboxRefusedError, Refusal
from postier.managesieve.names import script_name
from postier.store.changes import ChangeKind, next_modseq, record_change
from postier.store.transaction import ReadTx, WriteTx

MAX_VALUE_BYTES = 65_536
MAX_ANNOTATIONS = 100  # of one mailbox and scope
MAX_ACCOUNT_BYTES = 10 << 20
SERVER = 0  # stands for a mailbox
EVERYBODY = 0  # stands for a reader, and for the account of what all share

SPECIAL_USE = "/private/specialuse"
EVENT_SCRIPT = "/shared/imapsieve/script"

Values = Sequence[tuple[str, bytes | None]]


class TooManyAnnotationsError(LimitError):
    """The limit of their number or of all their octets is reached."""


class AnnotationTooLargeError(LimitError):
    """One value is larger than MAX_VALUE_BYTES."""


class AnnotationChange(msgspec.Struct, frozen=True):
    """Entries of one mailbox that changed; the name is empty for the server's."""

    mailbox_id: int
    mailbox: str
    entries: list[str]


def annotations_of(tx: ReadTx, account_id: int, mailbox_id: int, reader_id: int) -> dict[str, bytes]:
    """All entries of a mailbox that the reader sees, in the order of their names."""
    found = {
        entry: bytes(value)
        for entry, value in tx.rows(
            "SELECT entry, value FROM annotation WHERE account_id = ? AND mailbox_id = ?"
            " AND reader_id IN (?, ?) AND value IS NOT NULL ORDER BY entry",
            account_id,
            mailbox_id,
            EVERYBODY,
            reader_id,
        )
    }
    use = _special_use(tx, account_id, mailbox_id)
    if use is not None and reader_id == account_id:
        found[SPECIAL_USE] = use
    return found


def annotation_of(tx: ReadTx, account_id: int, mailbox_id: int, reader_id: int, entry: str) -> bytes | None:
    """One entry of a mailbox as the reader sees it."""
    if entry == SPECIAL_USE:
        use = _special_use(tx, account_id, mailbox_id)
        return use if reader_id == account_id else None
    value = tx.value(
        "SELECT value FROM annotation WHERE account_id = ? AND mailbox_id = ? AND reader_id = ? AND entry = ?",
        account_id,
        mailbox_id,
        _reader_of(entry, reader_id),
        entry,
    )
    return None if value is None else bytes(value)


def annotate(tx: WriteTx, account_id: int, mailbox_id: int, reader_id: int, values: Values) -> int:
    """Write entries of a mailbox; all or none. Returns the modseq.

    Raises AnnotationTooLargeError, TooManyAnnotationsError, MailboxRefusedError.
    """
    modseq = next_modseq(tx, account_id)
    for entry, value in values:
        if entry == SPECIAL_USE:
            _set_use(tx, account_id, mailbox_id, reader_id, value)
        else:
            if entry == EVENT_SCRIPT:
                _choose_script(tx, account_id, reader_id, value)
            _put(tx, account_id, mailbox_id, _reader_of(entry, reader_id), entry, value, modseq)
    _check_limits(tx, account_id, mailbox_id, reader_id)
    tx.run(
        "UPDATE mailbox SET highest_modseq = ? WHERE account_id = ? AND mailbox_id = ?",  # RFC 7162 §3.2
        modseq,
        account_id,
        mailbox_id,
    )
    record_change(tx, account_id, modseq, ChangeKind.METADATA, mailbox_id, [])
    return modseq


def server_annotations(tx: ReadTx, reader_id: int) -> dict[str, bytes]:
    """All entries of the server that the reader sees."""
    return {
        entry: bytes(value)
        for entry, value in tx.rows(
            "SELECT entry, value FROM annotation WHERE mailbox_id = ? AND value IS NOT NULL"
            " AND ((account_id = ? AND reader_id = ?) OR (account_id = ? AND reader_id = ?)) ORDER BY entry",
            SERVER,
            EVERYBODY,
            EVERYBODY,
            reader_id,
            reader_id,
        )
    }


def server_annotation(tx: ReadTx, reader_id: int, entry: str) -> bytes | None:
    """One entry of the server as the reader sees it."""
    account_id = _reader_of(entry, reader_id)
    return annotation_of(tx, account_id, SERVER, reader_id, entry)


def annotate_server(tx: WriteTx, reader_id: int, values: Values) -> int:
    """Write entries of the server; shared ones only as an administrator. Returns the account's modseq. Raises as `annotate`."""
    modseq = next_modseq(tx, reader_id)
    is_admin = tx.value("SELECT is_admin FROM account WHERE account_id = ?", reader_id)
    for entry, value in values:
        if _reader_of(entry, reader_id) != EVERYBODY:
            _put(tx, reader_id, SERVER, reader_id, entry, value, modseq)
        elif is_admin and entry != "/shared/admin":  # RFC 5464 §3.2.1.1: read-only
            if entry == EVENT_SCRIPT:
                _script_name(value)  # each account has its own script of that name, or none
                tx.wake(SCRIPTS_TOPIC)
            _put(tx, EVERYBODY, SERVER, EVERYBODY, entry, value, shared_modseq(tx) + 1)
        else:
            raise MailboxRefusedError(Refusal.NO_PERMISSION, f"{entry} can't be changed")
    for account_id in (reader_id, EVERYBODY):
        _check_limits(tx, account_id, SERVER, account_id)
    record_change(tx, reader_id, modseq, ChangeKind.METADATA, SERVER, [])
    return modseq


def event_scripts(tx: ReadTx, account_id: int) -> tuple[dict[int, bytes], bytes | None]:
    """The names of scripts that an account's mailboxes have for IMAP events, and the server's for all others (RFC 6785 §2.3.1)."""
    rows = tx.rows(
        "SELECT mailbox_id, value FROM annotation WHERE account_id = ? AND reader_id = ? AND entry = ?"
        " AND value IS NOT NULL",
        account_id,
        EVERYBODY,
        EVENT_SCRIPT,
    )
    server = server_annotation(tx, account_id, EVENT_SCRIPT)
    return {mailbox_id: bytes(value) for mailbox_id, value in rows}, server


def shared_modseq(tx: ReadTx) -> int:
    """Rises with each change of what all share of the server's entries."""
    return int(tx.value("SELECT max(modseq) FROM annotation WHERE account_id = ?", EVERYBODY) or 0)


def annotation_changes(tx: ReadTx, account_id: int, reader_id: int, modseq: int) -> list[AnnotationChange]:
    """What changed after the account's `modseq` among the entries that the reader sees."""
    changes: dict[int, AnnotationChange] = {}
    for mailbox_id, name, entry in tx.rows(
        "SELECT n.mailbox_id, COALESCE(m.name, ''), n.entry FROM annotation n LEFT JOIN mailbox m"
        " ON m.account_id = n.account_id AND m.mailbox_id = n.mailbox_id"
        " WHERE n.account_id = ? AND n.modseq > ? AND n.reader_id IN (?, ?)"
        " AND (m.mailbox_id IS NOT NULL OR n.mailbox_id = ?) ORDER BY n.mailbox_id, n.entry",
        account_id,
        modseq,
        EVERYBODY,
        reader_id,
        SERVER,
    ):
        changes.setdefault(mailbox_id, AnnotationChange(mailbox_id, name, [])).entries.append(entry)
    return [*changes.values()]


def _reader_of(entry: str, reader_id: int) -> int:
    return EVERYBODY if entry.startswith("/shared/") else reader_id


def _special_use(tx: ReadTx, account_id: int, mailbox_id: int) -> bytes | None:
    use = tx.value(
        "SELECT special_use FROM mailbox WHERE account_id = ? AND mailbox_id = ?", account_id, mailbox_id
    )
    return None if use is None else str(use).encode()


def _set_use(tx: WriteTx, account_id: int, mailbox_id: int, reader_id: int, value: bytes | None) -> None:
    if reader_id != account_id:
        raise MailboxRefusedError(Refusal.NO_PERMISSION, "only the owner gives a mailbox its special use")
    set_special_use(tx, account_id, mailbox_id, None if value is None else value.decode("utf-8", "replace"))


def _choose_script(tx: WriteTx, account_id: int, reader_id: int, value: bytes | None) -> None:
    """RFC 6785 §2.3.1. It runs in the owner's name and tells which scripts there are, so others don't choose it."""
    if reader_id != account_id:
        raise MailboxRefusedError(Refusal.NO_PERMISSION, "only the owner chooses the script of a mailbox")
    name = _script_name(value)
    if name and script_content(tx, account_id, name) is None:
        raise MailboxRefusedError(Refusal.CANNOT, f"there is no script {name}; store it by ManageSieve first")
    tx.wake(SCRIPTS_TOPIC)


def _script_name(value: bytes | None) -> str:
    """The name that it is; empty means no script. Raises MailboxRefusedError."""
    name = script_name(value) if value else ""
    if name is None:
        raise MailboxRefusedError(
            Refusal.CANNOT, f"the value of {EVENT_SCRIPT} can't be the name of a script"
        )
    return name


def _put(
    tx: WriteTx,
    account_id: int,
    mailbox_id: int,
    reader_id: int,
    entry: str,
    value: bytes | None,
    modseq: int,
) -> None:
    if value is not None and len(value) > MAX_VALUE_BYTES:
        raise AnnotationTooLargeError(f"a value has at most {MAX_VALUE_BYTES} octets")
    tx.run(
        "INSERT INTO annotation (account_id, mailbox_id, reader_id, entry, value, modseq) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account_id, mailbox_id, reader_id, entry)"
        " DO UPDATE SET value = excluded.value, modseq = excluded.modseq",
        account_id,
        mailbox_id,
        reader_id,
        entry,
        value,
        modseq,
    )


def _check_limits(tx: WriteTx, account_id: int, mailbox_id: int, reader_id: int) -> None:
    for reader in {EVERYBODY, reader_id}:
        where = "WHERE account_id = ? AND mailbox_id = ? AND reader_id = ?"
        place = (account_id, mailbox_id, reader)
        count, removed = tx.rows(
            f"SELECT count(value), count(*) - count(value) FROM annotation {where}", *place
        )[0]
        if count > MAX_ANNOTATIONS:
            raise TooManyAnnotationsError(f"a mailbox has at most {MAX_ANNOTATIONS} entries")
        if removed > MAX_ANNOTATIONS:  # the oldest removals have been told
            tx.run(f"DELETE FROM annotation {where} AND value IS NULL", *place)
    size_bytes = tx.value("SELECT sum(length(value)) FROM annotation WHERE account_id = ?", account_id)
    if int(size_bytes or 0) > MAX_ACCOUNT_BYTES:
        raise TooManyAnnotationsError(f"the entries of an account have at most {MAX_ACCOUNT_BYTES} octets")
