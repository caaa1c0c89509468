"""The life of a letter in rows: its verdict and the events after it, found by letter id or Message-ID."""

from typing import Any

import msgspec

from postier.defence.verdict import Verdict
from postier.store.transaction import ConflictError, ReadTx, WriteTx

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str, ...]).decode


class TraceEvent(msgspec.Struct, frozen=True):
    """Something that happened to a letter; `at` is in microseconds since 1970."""

    at: int
    event: str
    detail: str


def record_verdict(
    tx: WriteTx, letter_id: str, peer: str, reverse_path: str, message_id: str, verdict: Verdict
) -> None:
    """Keep what was judged and why: the beginning of its story. Raises ConflictError if another has the id."""
    begun = tx.run(
        "INSERT INTO verdict (trace_id, received_at, peer, reverse_path, message_id, disposition, points, reasons,"
        " evidence) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?"
        " WHERE NOT EXISTS (SELECT 1 FROM trace_event WHERE trace_id = ?)",
        letter_id,
        tx.now_us,
        peer,
        reverse_path,
        message_id,
        verdict.disposition.value,
        round(verdict.points * 1_000),
        _encode(verdict.reasons).decode(),
        "",
        letter_id,
    )
    if not begun:
        raise ConflictError(f"there is a letter {letter_id} already")


def record_beginning(tx: WriteTx, letter_id: str, event: str, detail: str) -> None:
    """Keep how a letter of our own came to be. Raises ConflictError if another has the id."""
    begun = tx.run(
        "INSERT INTO trace_event (trace_id, at, sequence, event, detail) SELECT ?, ?, 0, ?, ?"
        " WHERE NOT EXISTS (SELECT 1 FROM trace_event WHERE trace_id = ?)"
        " AND NOT EXISTS (SELECT 1 FROM verdict WHERE trace_id = ?)",
        letter_id,
        tx.now_us,
        event,
        detail,
        letter_id,
        letter_id,
    )
    if not begun:
        raise ConflictError(f"there is a letter {letter_id} already")


def record_event(tx: WriteTx, letter_id: str, event: str, detail: str) -> None:
    """Keep that something happened to a letter."""
    tx.run(
        "INSERT INTO trace_event (trace_id, at, sequence, event, detail) VALUES (?, ?,"
        " (SELECT count(*) FROM trace_event WHERE trace_id = ?), ?, ?)",
        letter_id,
        tx.now_us,
        letter_id,
        event,
        detail,
    )


def events_of(tx: ReadTx, letter_id: str) -> list[TraceEvent]:
    """What happened to a letter, oldest first."""
    rows: list[tuple[Any, ...]] = tx.rows(
        "SELECT at, event, detail FROM trace_event WHERE trace_id = ? ORDER BY at, sequence", letter_id
    )
    return [TraceEvent(*row) for row in rows]


def letters_named(tx: ReadTx, name: str) -> list[str]:
    """The ids of the letters that a name means: a letter id, or a Message-ID with or without its brackets."""
    bare = name.strip("<>")
    found = tx.rows(
        "SELECT trace_id FROM verdict WHERE trace_id = ? OR message_id = ? UNION"
        " SELECT trace_id FROM trace_event WHERE trace_id = ? OR (event = 'submitted' AND detail LIKE ? ESCAPE '\\')",
        name.lower(),
        f"<{bare}>",
        name.lower(),
        "%<" + bare.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + ">",
    )
    return sorted(row[0] for row in found)


def story_of(tx: ReadTx, letter_id: str) -> list[TraceEvent]:
    """Verdict and events of a letter as one story, oldest first."""
    verdicts = [
        TraceEvent(
            at, disposition, f"from {peer} <{path}>" + "".join(f"; {reason}" for reason in _decode(reasons))
        )
        for at, peer, path, disposition, reasons in tx.rows(
            "SELECT received_at, peer, reverse_path, disposition, reasons FROM verdict WHERE trace_id = ?",
            letter_id,
        )
    ]
    return verdicts + events_of(tx, letter_id)
