"""Leased duties: at most one worker on any node holds a duty (queue scan, sweep, report) until its lease ends."""

from postier.store.transaction import WriteTx


def take_lease(tx: WriteTx, name: str, owner: str, length_us: int) -> bool:
    """Take or prolong the lease `name` for `owner`; False while another owner's lease runs."""
    return (
        tx.run(
            "INSERT INTO lease (name, owner, lease_until) VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until"
            " WHERE lease.owner = excluded.owner OR lease.lease_until <= ?",
            name,
            owner,
            tx.now_us + length_us,
            tx.now_us,
        )
        == 1
    )


def prolong_lease(tx: WriteTx, name: str, owner: str, length_us: int) -> bool:
    """Prolong a lease that `owner` took; False if it was handed back, or ran out and another took it."""
    return (
        tx.run(
            "UPDATE lease SET lease_until = ? WHERE name = ? AND owner = ?",
            tx.now_us + length_us,
            name,
            owner,
        )
        == 1
    )


def hand_back_lease(tx: WriteTx, name: str, owner: str) -> None:
    """Let another worker have the duty at once."""
    tx.run("DELETE FROM lease WHERE name = ? AND owner = ?", name, owner)
