"""Sends the reports that are due, each once: through the queue, or by HTTPS for TLS reports that ask for it.

Not here: who holds the duty (`app.reporter`), the queue's retries. Sources: RFC 9990 §3.5, §4; RFC 8460 §3, §5; SECURITY 47.
Invariants: a report is queued in the transaction that marks it as sent and removes what it tells, and is marked once whoever tries; at most `per_day` leave in
24 hours; what no key of ours signs is not sent (RFC 8460 §3); a look-up that fails now, or an HTTPS server that does not take
it, is tried again with growing pauses, MAX_TRIES times.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from postier.accounts.directory import Directory
from postier.dns.ask import Answering, ask
from postier.mailauth import dkim, tlsrpt
from postier.mailauth.dkim.keys import MIN_RSA_BITS
from postier.mailauth.dkim.sign import header_names
from postier.mailauth.dkim.verify import SignedHeader
from postier.mailauth.dmarc.record import parse_record
from postier.mailauth.letter import Letter
from postier.mailauth.questions import TxtQuestion
from postier.mailauth.reports import Report
from postier.mailauth.reports.destinations import allowed, mail_address
from postier.mailauth.reports.packed import gzipped
from postier.mailauth.reports.tls import write_tls
from postier.mime.address import Address
from postier.mta.acceptance import Acceptance, prepare, store_letter
from postier.mta.letter_id import under_new_id
from postier.mta.reports.outgoing import (
    Reporting,
    aggregate_letter,
    aggregate_report,
    message_id,
    tls_letter,
    tls_report,
)
from postier.mta.reports.received_rows import ReportKind, Source, store_report
from postier.mta.reports.sighting_rows import (
    DAY_US,
    Due,
    dmarc_sightings,
    due_reports,
    forget_sightings,
    mark_done,
    mark_later,
    sent_since,
    tls_sightings,
)
from postier.smtp.parameters import NO_MAIL_PARAMETERS
from postier.store.transaction import ConflictError, Store, StoreError, WriteTx

AT_ONCE = 100  # reports looked up together
MAX_TRIES = 6
FIRST_PAUSE_US = 30 * 60 * 1_000_000  # doubled each time: six tries within 16 hours (RFC 8460 §5.5: up to 24)
MEDIA_TYPE = "application/tlsrpt+gzip"
_TLS_FIELDS = ("TLS-Report-Domain", "TLS-Report-Submitter")

SENT = "sent"


class Poster(Protocol):
    """Whoever sends a report by HTTPS."""

    async def post(self, url: str, media_type: str, content: bytes) -> bool:
        """Whether the server took it; never raises for a fact of the network."""
        ...


class Sender(msgspec.Struct, frozen=True):
    """What sending needs. `domain` is the one of ours that signs, "" to choose one; `delay_us`: how long after midnight."""

    store: Store
    directory: Directory
    resolver: Answering
    poster: Poster
    hostname: str
    per_day: int
    now_us: Callable[[], int]
    random_bits: Callable[[int], int]
    domain: str = ""
    delay_us: int = 0

    async def send_due(
        self, stopping: asyncio.Event, holds: Callable[[], Awaitable[bool]] | None = None
    ) -> int:
        """Send what is due, the oldest first; how many reports left. `holds` says before each whether the duty is still
        the caller's. Raises StoreError.
        """
        today = (self.now_us() - self.delay_us) // DAY_US
        reporting = await self._reporting()
        count = 0
        while not stopping.is_set():
            room = self.per_day - await self.store.read(sent_since, self.now_us() - DAY_US)
            if room <= 0:
                break
            due = await self.store.read_bulk(due_reports, today, self.now_us(), min(room, AT_ONCE))
            if not due:
                break
            if reporting is None:
                structlog.get_logger().warning(
                    "reports-not-sent", problem="no domain of ours has an active DKIM key"
                )
                break
            for each in due:
                if stopping.is_set():
                    break
                if holds is not None and not await holds():
                    return count
                outcome = await self._try(each, reporting)
                count += outcome == SENT
                structlog.get_logger().info(
                    "report-settled", kind=each.kind.value, domain=each.policy_domain, outcome=outcome
                )
        await self.store.write(forget_sightings, today)
        return count

    async def _try(self, due: Due, reporting: Reporting) -> str:
        try:
            return await self._send(due, reporting)
        except (StoreError, ConflictError):
            raise
        except Exception:  # a fault of ours with one report must not stop the others
            structlog.get_logger().exception("report-failed", domain=due.policy_domain)
            if due.attempts + 1 < MAX_TRIES:
                return await self._later(due, "a fault of ours")
            return await self._done(due, "a fault of ours")

    async def _send(self, due: Due, reporting: Reporting) -> str:
        """What became of it: SENT, or why not."""
        match due.kind:
            case ReportKind.DMARC:
                return await self._send_dmarc(due, reporting)
            case _:
                return await self._send_tls(due, reporting)

    async def _send_dmarc(self, due: Due, reporting: Reporting) -> str:
        text, sightings = await self.store.read_bulk(dmarc_sightings, due.policy_domain, due.day)
        record = parse_record(text.encode())
        if record is None or not any(key.is_worth for key, _ in sightings):
            return await self._done(due, "nothing but spam came")  # SECURITY 47
        report = aggregate_report(reporting, due, record, sightings)
        if await self.directory.is_ours(due.policy_domain):
            return await self._keep(due, reporting, report)
        destinations = await ask(allowed(due.policy_domain, record.rua), self.resolver)
        if destinations.is_open and due.attempts + 1 < MAX_TRIES:
            return await self._later(due, "DNS does not say who may get it")
        if not destinations.addresses:
            return await self._done(due, "nobody who agrees to get it")
        now_s = self.now_us() // 1_000_000
        # 10,000 records as XML, packed: too long for the loop
        letter = await asyncio.to_thread(
            aggregate_letter, reporting, due, report, destinations.addresses, now_s
        )
        return await self._queue(due, reporting, letter, destinations.addresses)

    async def _send_tls(self, due: Due, reporting: Reporting) -> str:
        answer = await self.resolver.query(TxtQuestion(tlsrpt.record_name(due.policy_domain)))
        if answer.is_error and due.attempts + 1 < MAX_TRIES:
            return await self._later(due, "DNS does not say who wants it")
        policy = tlsrpt.parse_records(answer.records)
        if policy is None:
            return await self._done(due, "nobody wants it")
        sightings = await self.store.read_bulk(tls_sightings, due.policy_domain, due.day)
        report = tls_report(reporting, due, sightings)
        for uri in policy.rua:  # RFC 8460 §3 eid8070: one that takes it is enough
            address = mail_address(uri)
            if address is not None:
                letter = tls_letter(reporting, due, report, (address,), self.now_us() // 1_000_000)
                return await self._queue(due, reporting, letter, (address,))
            is_https = uri[:6].lower() == "https:"
            if is_https and await self.poster.post(uri, MEDIA_TYPE, gzipped(write_tls(report))):
                return await self._done(due, SENT)
        if due.attempts + 1 < MAX_TRIES:
            return await self._later(due, "the HTTPS server did not take it")
        return await self._done(due, "nobody took it")

    async def _queue(self, due: Due, reporting: Reporting, letter: bytes, to: Sequence[Address]) -> str:
        keys = await self.directory.signing_keys(reporting.domain)
        if not keys:  # retired since the domain was chosen
            return await self._later(due, "no key signs it")
        now_us = self.now_us()
        names = header_names(SignedHeader(Letter.parse(letter).fields))
        extra = _TLS_FIELDS if due.kind is ReportKind.TLS else ()  # RFC 8460 §5.3: SHOULD be signed
        signed = (
            dkim.sign(letter, keys, now_us // 1_000_000, headers=(*names, *extra), min_rsa_bits=MIN_RSA_BITS)
            + letter
        )

        async def keep(letter_id: int) -> None:
            prepared = prepare(
                Acceptance(
                    letter_id=letter_id,
                    peer="",
                    reverse_path="",  # nobody is to be told when it can't be delivered
                    parameters=NO_MAIL_PARAMETERS,
                    content=b"",
                    relayed_content=signed,
                    remote=tuple(to),
                    message_id=message_id(reporting, due),
                    received_at=now_us,
                )
            )

            def write(tx: WriteTx) -> None:
                if mark_done(tx, due, SENT):
                    store_letter(tx, prepared, "")

            await self.store.write_with_blobs(prepared.drafts, write)

        await under_new_id(keep, self.now_us, self.random_bits)
        return SENT

    async def _keep(self, due: Due, reporting: Reporting, report: Report) -> str:
        """A report on a domain of our own needs no letter."""
        source = Source(reporting.domain, self.now_us(), is_verified=True)

        def write(tx: WriteTx) -> None:
            if mark_done(tx, due, "kept here"):
                store_report(tx, report, source)

        await self.store.write_bulk(write)
        return "kept here"

    async def _done(self, due: Due, outcome: str) -> str:
        await self.store.write(mark_done, due, outcome)
        return outcome

    async def _later(self, due: Due, why: str) -> str:
        await self.store.write(mark_later, due, self.now_us() + (FIRST_PAUSE_US << due.attempts), why)
        return why

    async def _reporting(self) -> Reporting | None:
        domain = self.domain or await self.directory.postmaster_domain()
        return Reporting(domain, self.hostname) if domain else None
