"""The duty that reads noted letters and keeps the reports in them.

Not here: who holds the duty (`app.reporter`). Invariants: a letter is read in a thread, so that even the largest report does
not stop the loop; its attempt is counted before, so that a letter that kills the process is given up; what is wrong with a
letter is told in its trace, and the letter stays where it was filed.
"""

import asyncio

import structlog

from postier.mailauth.reports import Report, ReportError, TlsReport, report_in
from postier.mta.letter_id import letter_id_text
from postier.mta.reports.arrivals import ReportLetter, forget_letter, has_letters, take_letter
from postier.mta.reports.received_rows import Kept, Source, store_report
from postier.mta.trace_rows import record_event
from postier.store.transaction import Store, WriteTx


async def read_letters(store: Store, stopping: asyncio.Event, hostname: str = "") -> int:
    """Read all noted letters, oldest first; how many. `hostname` is our host's name. Raises StoreError."""
    count = 0
    while not stopping.is_set() and await store.read(has_letters):
        letter = await store.write(take_letter)
        if letter is None:
            break
        try:
            content = await store.read_blob(letter.blob_id)
        except KeyError:  # removed before it was read
            await store.write(forget_letter, letter.letter_id)
            continue
        found = await asyncio.to_thread(_read, content, letter)
        told = await store.write_bulk(_settle, letter, found, hostname)  # up to 50,000 rows
        structlog.get_logger().info(
            "report-read",
            letter=letter_id_text(letter.letter_id),
            submitter=letter.submitter.domain,
            outcome=told,
        )
        count += 1
    return count


def _read(content: bytes, letter: ReportLetter) -> Report | str:
    try:
        report = report_in(content)
    except ReportError as error:
        return str(error)
    except Exception:  # a fault of ours must not end the worker
        structlog.get_logger().exception("report-not-read", letter=letter_id_text(letter.letter_id))
        return "a fault of ours"
    if isinstance(report, TlsReport) and not letter.submitter.is_signed:  # RFC 8460 §3: it MUST be ignored
        return "a TLS report without a valid DKIM signature"
    return report


def _settle(tx: WriteTx, letter: ReportLetter, found: Report | str, hostname: str) -> str:
    if isinstance(found, str):
        told = found
    else:
        source = Source(
            letter.submitter.domain,
            letter.received_at,
            is_verified=True,
            letter_name=letter_id_text(letter.letter_id),
            hostname=hostname,
        )
        told = store_report(tx, found, source).value
        if told == Kept.STORED.value:
            record_event(tx, letter_id_text(letter.letter_id), "report", "its report is kept")
    forget_letter(tx, letter.letter_id)
    return told
