"""What became of claims on logos, as rows that all workers share.

Not here: judging (`mailauth.bimi`), when it is fetched (`fetching`). Invariants: a claim is fetched by one worker at a time; an
organisation has at most MAX_OF_ORGANISATION rows and all of them MAX_LOGOS, so that nobody fills the table or makes us fetch on and
on; a row ends with its time, sooner if its certificate does.
"""

import msgspec

from postier.mailauth.bimi import Assertion, Authority
from postier.store.transaction import ReadTx, WriteTx

MAX_LOGOS = 2_000  # at 32 KiB each in the worst case, mostly at some 4
MAX_OF_ORGANISATION = 20  # selectors and addresses of logos; what is beyond is not fetched
HOUR_US = 3_600_000_000
KEPT_US = 24 * HOUR_US
FAILED_KEPT_US = HOUR_US
FETCHING_US = 120_000_000  # two files take less, or fail

_encode = msgspec.msgpack.Encoder().encode


class JudgedLogo(msgspec.Struct, frozen=True):
    """What the files of a claim came to; times in microseconds since 1970: from `renew_at` on it is fetched again."""

    result: Assertion
    authority: Authority = Authority.NONE
    document: bytes = b""
    title: str = ""
    problem: str = ""
    renew_at: int = 0
    expires_at: int = 0


_decode = msgspec.msgpack.Decoder(JudgedLogo).decode


def find_logo(tx: ReadTx, organisation: str, fingerprint: bytes) -> JudgedLogo | None:
    """What became of a claim, whether its time has ended or not; None if it never was judged."""
    verdict = tx.value(
        "SELECT verdict FROM judged_logo WHERE organisation = ? AND fingerprint = ?",
        organisation,
        fingerprint,
    )
    return _decode(bytes(verdict)) if verdict else None


def begin_fetching(tx: WriteTx, organisation: str, fingerprint: bytes) -> bool:
    """Whether the caller is to fetch a claim's files now: nobody else does, they are not fresh, and there is room."""
    forget_logos(tx)
    now_us = tx.now_us
    row = tx.row(
        "SELECT verdict FROM judged_logo WHERE organisation = ? AND fingerprint = ?",
        organisation,
        fingerprint,
    )
    if row is not None:
        if row[0] and _decode(bytes(row[0])).renew_at > now_us:
            return False
        return bool(
            tx.run(
                "UPDATE judged_logo SET fetching_until = ? WHERE organisation = ? AND fingerprint = ?"
                # and it is the verdict that was read: PostgreSQL looks at the row as others have left it meanwhile
                " AND fetching_until <= ? AND verdict = ?",
                now_us + FETCHING_US,
                organisation,
                fingerprint,
                now_us,
                row[0],
            )
        )
    if (
        tx.value("SELECT count(*) FROM judged_logo WHERE organisation = ?", organisation)
        >= MAX_OF_ORGANISATION
    ):
        return False
    over = int(tx.value("SELECT count(*) FROM judged_logo")) + 1 - MAX_LOGOS
    if over > 0:
        tx.run(
            "DELETE FROM judged_logo WHERE (organisation, fingerprint) IN"
            " (SELECT organisation, fingerprint FROM judged_logo ORDER BY expires_at LIMIT ?)",
            over,
        )
    return bool(
        tx.run(
            "INSERT INTO judged_logo (organisation, fingerprint, verdict, expires_at, fetching_until)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (organisation, fingerprint) DO NOTHING",
            organisation,
            fingerprint,
            b"",
            now_us + FETCHING_US,
            now_us + FETCHING_US,
        )
    )


def keep_logo(tx: WriteTx, organisation: str, fingerprint: bytes, judged: JudgedLogo) -> None:
    """Write what became of a claim."""
    tx.run(
        "INSERT INTO judged_logo (organisation, fingerprint, verdict, expires_at, fetching_until)"
        " VALUES (?, ?, ?, ?, 0) ON CONFLICT (organisation, fingerprint) DO UPDATE SET"
        " verdict = excluded.verdict, expires_at = excluded.expires_at, fetching_until = 0",
        organisation,
        fingerprint,
        _encode(judged),
        judged.expires_at,
    )


def forget_logos(tx: WriteTx) -> None:
    """Remove what has ended."""
    tx.run("DELETE FROM judged_logo WHERE expires_at <= ? AND fetching_until <= ?", tx.now_us, tx.now_us)
