"""How full the queue is and how old: for metrics and for the doctor. Not here: its rows (`queue_rows`)."""

import msgspec

from postier.store.transaction import ReadTx

STATES = ("waiting", "held")


class QueueFigures(msgspec.Struct, frozen=True):
    """Recipients not done yet by state; when the oldest letter came (microseconds since 1970, 0 for an empty queue)."""

    recipients: dict[str, int]
    oldest_at: int


def queue_figures(tx: ReadTx) -> QueueFigures:
    """Count the queue; in a store with a very long one this takes a while: call through `read_bulk`."""
    counted = dict.fromkeys(STATES, 0)
    rows = tx.rows(
        "SELECT state, count(*) FROM queue_recipient WHERE state IN ('waiting', 'held') GROUP BY state"
    )
    counted.update({str(state): int(count) for state, count in rows})
    # ids sort by time, so the first is the oldest
    oldest_at = tx.value("SELECT created_at FROM queue_message ORDER BY queue_id LIMIT 1")
    return QueueFigures(counted, int(oldest_at or 0))
