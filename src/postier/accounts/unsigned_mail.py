"""The alarm of a domain of ours whose mail leaves without a DKIM signature: how much, since when.

Not here: signing (`mta.signing`), who is told (`app.doctor`, the log, the metrics). Invariants: a domain has one row; the alarm
ends when a key of the domain is activated, for what leaves then is signed.
"""

import msgspec

from postier.store.transaction import ReadTx, WriteTx


class UnsignedMail(msgspec.Struct, frozen=True):
    """What has left a domain unsigned; times in microseconds since 1970."""

    domain: str
    letters: int
    first_at: int
    last_at: int


def record_unsigned(tx: WriteTx, domain: str) -> None:
    """Count a letter of the domain that leaves unsigned."""
    tx.run(
        "INSERT INTO unsigned_mail (domain, letters, first_at, last_at) VALUES (?, 1, ?, ?)"
        " ON CONFLICT (domain) DO UPDATE SET letters = unsigned_mail.letters + 1, last_at = excluded.last_at",
        domain,
        tx.now_us,
        tx.now_us,
    )


def unsigned_mail(tx: ReadTx) -> list[UnsignedMail]:
    """The domains whose mail left unsigned, the latest first."""
    rows = tx.rows(
        "SELECT domain, letters, first_at, last_at FROM unsigned_mail ORDER BY last_at DESC, domain"
    )
    return [UnsignedMail(*row) for row in rows]
