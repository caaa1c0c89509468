"""Letters that may hold a report, noted in the transaction that files them.

Not here: reading them (`reading`). Sources: RFC 9990 §3.5.2 (report letters pass DMARC), RFC 8460 §3 (they are signed).
Invariants: only letters for a postmaster of ours, not judged bad, whose sender is proved, are noted; it costs one row.
"""

from collections.abc import Sequence

import msgspec

from postier.accounts.names import POSTMASTER, canonical_address, split_extension
from postier.defence.verdict import Treatment, Verdict
from postier.mailauth.names import is_within
from postier.mailauth.outcome import Outcome
from postier.mime.address import Address
from postier.mta.authenticate import Authentication
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, WriteTx

TOPIC = "reports"  # woken when a letter waits to be read
MAX_ATTEMPTS = 3  # a letter whose reading ended the process twice is given up


class Submitter(msgspec.Struct, frozen=True):
    """The domain that sent the letter, as SPF, DKIM or DMARC prove it."""

    domain: str
    is_signed: bool


class ReportLetter(msgspec.Struct, frozen=True):
    """A noted letter."""

    letter_id: int
    blob_id: BlobId
    submitter: Submitter
    received_at: int


def submitter_of(named: Sequence[Address], found: Authentication, verdict: Verdict) -> Submitter | None:
    """Who sent a report, if the letter for these recipients may hold one."""
    if verdict.treatment is not Treatment.DELIVER or not any(_is_postmaster(address) for address in named):
        return None
    author = found.dmarc.from_domain
    signed = [each.domain for each in found.dkim if each.is_right_for_tls_report and each.domain]
    if found.dmarc.result is Outcome.PASS:
        return Submitter(author, bool(signed))
    # A sender without a DMARC record: its signature must fit the author's domain, or stands for itself
    aligned = [each for each in signed if is_within(author, each) or is_within(each, author)]
    if signed:
        return Submitter((aligned or signed)[0], is_signed=True)
    if found.spf.result is Outcome.PASS and found.spf.is_mail_from:
        return Submitter(found.spf.domain, is_signed=False)
    return None


def _is_postmaster(address: Address) -> bool:
    return split_extension(canonical_address(address).local)[0] == POSTMASTER


def note_letter(tx: WriteTx, letter_id: int, blob_id: BlobId, submitter: Submitter, received_at: int) -> None:
    """Have the letter read later."""
    tx.run(
        "INSERT INTO report_letter (letter_id, blob_id, submitter, is_signed, received_at, attempts)"
        " VALUES (?, ?, ?, ?, ?, 0)",
        letter_id,
        blob_id,
        submitter.domain,
        int(submitter.is_signed),
        received_at,
    )
    tx.wake(TOPIC)


def has_letters(tx: ReadTx) -> bool:
    """Whether a letter waits to be read."""
    return tx.value("SELECT 1 FROM report_letter LIMIT 1") is not None


def take_letter(tx: WriteTx) -> ReportLetter | None:
    """The oldest letter to read, its attempt counted; those that were tried too often are given up."""
    tx.run("DELETE FROM report_letter WHERE attempts >= ?", MAX_ATTEMPTS)
    row = tx.row(
        "SELECT letter_id, blob_id, submitter, is_signed, received_at FROM report_letter"
        " ORDER BY attempts, letter_id LIMIT 1"
    )
    if row is None:
        return None
    letter_id, blob_id, domain, is_signed, received_at = row
    tx.run("UPDATE report_letter SET attempts = attempts + 1 WHERE letter_id = ?", letter_id)
    return ReportLetter(letter_id, BlobId(bytes(blob_id)), Submitter(domain, bool(is_signed)), received_at)


def forget_letter(tx: WriteTx, letter_id: int) -> None:
    """The letter is read."""
    tx.run("DELETE FROM report_letter WHERE letter_id = ?", letter_id)
