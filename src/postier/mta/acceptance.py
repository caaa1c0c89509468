"""The one transaction that makes a letter ours: mailboxes, queue, verdict; then it may be acknowledged.

Source: DESIGN §3.1, §5. Invariant: all of it is stored or none, and `accept` returns after it is on disk.
"""

from collections.abc import Mapping, Sequence

import msgspec

from postier.accounts.resolution import LocalRecipient
from postier.accounts.unsigned_mail import record_unsigned
from postier.defence.verdict import Treatment, Verdict
from postier.mailbox.filing import Delivery, deliver
from postier.mailbox.names import INBOX
from postier.mime.address import Address
from postier.mime.index import MessageIndex, index_message
from postier.mta.letter_id import letter_id_text
from postier.mta.queue_rows import Job, QueueMessage, QueueRecipient, enqueue
from postier.mta.reports.arrivals import Submitter, note_letter
from postier.mta.requests import (
    Asked,
    by_columns,
    envid_column,
    recipient_columns,
    restrained_mail,
    ret_column,
    without_success,
)
from postier.mta.sieving.effects import Effects, write_effects
from postier.mta.trace_rows import record_beginning, record_event, record_verdict
from postier.smtp.parameters import NO_RECIPIENT_PARAMETERS, MailParameters, RecipientParameters
from postier.smtp.reason import Reason
from postier.store.blobs import BlobDraft, draft
from postier.store.transaction import Store, WriteTx

JUNK = "Junk"
MAX_TOLD = 20  # addresses named in one line of a story


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A letter that is about to be ours.

    `content` is what lies in mailboxes (with Return-Path), `relayed_content` what is sent on (b"" if nobody is remote).
    `verdict` is None for our own users' letters; `unsigned_domain` is the domain of ours that should have signed and could
    not; `received_at` is in microseconds since 1970.
    """

    letter_id: int
    peer: str
    account_id: int | None = None
    reverse_path: str
    parameters: MailParameters
    content: bytes
    relayed_content: bytes = b""
    local: tuple[LocalRecipient, ...] = ()
    remote: tuple[Address, ...] = ()
    withheld: tuple[Address, ...] = ()  # where aliases would have passed it on, were it not judged junk
    message_id: str = ""
    verdict: Verdict | None = None
    unsigned_domain: str = ""
    report_from: Submitter | None = None  # who sent it, if it may hold a report
    received_at: int
    asked: tuple[Asked, ...] = ()  # the forward-paths whose sender said what it wants to be told
    remote_parameters: Mapping[
        Address, RecipientParameters
    ] = {}  # what it wants to be told of those in `remote`
    is_restrained: bool = False  # the sender is not proved: of that only what makes no reports goes on

    @property
    def letter_id_text(self) -> str:
        """The id as it is shown."""
        return letter_id_text(self.letter_id)


class Prepared(msgspec.Struct, frozen=True):
    """A letter ready for a transaction: what must be durable before it, and what is written in it."""

    acceptance: Acceptance
    index: MessageIndex | None
    local: BlobDraft | None
    remote: BlobDraft | None
    effects: tuple[Effects, ...] = ()  # of the scripts of those recipients that have one
    is_last_try: bool = False
    receipt: "Prepared | None" = None  # the report that it is delivered, which is stored with it

    @property
    def drafts(self) -> list[BlobDraft]:
        """The blobs that go with the transaction."""
        drafts = [each for each in (self.local, self.remote) if each is not None]
        for each in self.effects:
            drafts += each.drafts
        if self.receipt is not None:
            drafts += self.receipt.drafts
        return drafts


def prepare(acceptance: Acceptance) -> Prepared:
    """Hash and index a letter; pure work before the transaction."""
    return Prepared(
        acceptance,
        index_message(acceptance.content) if acceptance.local else None,
        draft(acceptance.content) if acceptance.local else None,
        draft(acceptance.relayed_content) if acceptance.remote else None,
    )


async def accept(
    store: Store, acceptance: Acceptance, lease_owner: str, receipt: Acceptance | None = None
) -> list[Job]:
    """Store a letter, and the report on its delivery; returns the jobs of remote recipients, leased to `lease_owner`. Raises StoreError,
    and ConflictError if the letter's id is taken.
    """
    prepared = prepare(acceptance)
    if receipt is not None:
        prepared = msgspec.structs.replace(prepared, receipt=prepare(receipt))
    return await store.write_with_blobs(prepared.drafts, store_letter, prepared, lease_owner)


async def accept_filtered(
    store: Store,
    acceptance: Acceptance,
    effects: tuple[Effects, ...],
    index: MessageIndex,
    lease_owner: str,
    receipt: Acceptance | None = None,
    *,
    is_last_try: bool = False,
) -> list[Job]:
    """Store a letter for whose recipients scripts have decided; `effects` has theirs, others get it as it is. `index` is the content's.

    Raises StoreError, SeenMeanwhileError unless `is_last_try`.
    """
    is_filed = len(effects) < len(acceptance.local) or any(each.keeps_original for each in effects)
    prepared = Prepared(
        acceptance,
        index if is_filed else None,
        draft(acceptance.content) if is_filed else None,
        draft(acceptance.relayed_content) if acceptance.remote else None,
        effects,
        is_last_try,
        None if receipt is None else prepare(receipt),
    )
    return await store.write_with_blobs(prepared.drafts, store_letter, prepared, lease_owner)


def record_refusal(tx: WriteTx, acceptance: Acceptance, reason: Reason) -> None:
    """Keep the verdict on a letter that its recipients' scripts refused, and that they did."""
    _record(tx, acceptance)
    record_event(tx, acceptance.letter_id_text, "refused", f"{reason.name}: {' '.join(reason.text.split())}")


def store_letter(tx: WriteTx, prepared: Prepared, lease_owner: str) -> list[Job]:
    """Write a prepared letter; its drafts belong to the same transaction."""
    acceptance = prepared.acceptance
    _record(tx, acceptance)  # first: it tells whether the id is free
    deliveries = _deliveries(acceptance, prepared.effects)
    jobs: list[Job] = []
    for effects in prepared.effects:
        more, queued = write_effects(
            tx,
            effects,
            acceptance.letter_id_text,
            acceptance.received_at,
            lease_owner,
            is_last_try=prepared.is_last_try,
        )
        deliveries += more
        jobs += queued
    if prepared.local is not None and prepared.index is not None:
        # Quotas were checked at RCPT; a letter that was promised a place is not refused for a race (SECURITY 32).
        deliver(
            tx,
            deliveries,
            prepared.index,
            prepared.local.blob_id,
            len(prepared.local.content),
            acceptance.received_at,
            enforce_quota=False,
        )
        if acceptance.report_from is not None:
            note_letter(
                tx,
                acceptance.letter_id,
                prepared.local.blob_id,
                acceptance.report_from,
                acceptance.received_at,
            )
    if prepared.remote is not None:
        jobs += _enqueue(tx, acceptance, prepared.remote, lease_owner)
    if prepared.receipt is not None:
        jobs += store_letter(tx, prepared.receipt, lease_owner)
    return jobs


def _deliveries(acceptance: Acceptance, effects: Sequence[Effects]) -> list[Delivery]:
    """Where the letter goes for the recipients without a script."""
    decided = {each.version.account_id for each in effects}
    is_junk = acceptance.verdict is not None and acceptance.verdict.treatment is Treatment.JUNK
    mailbox = JUNK if is_junk else INBOX
    return [
        Delivery(recipient.account_id, mailbox, create=is_junk)
        for recipient in acceptance.local
        if recipient.account_id not in decided
    ]


def _enqueue(tx: WriteTx, acceptance: Acceptance, remote: BlobDraft, lease_owner: str) -> list[Job]:
    parameters = acceptance.parameters
    if acceptance.is_restrained:
        parameters = restrained_mail(parameters)
    deliver_by, by_mode = by_columns(parameters, acceptance.received_at)
    message = QueueMessage(
        queue_id=acceptance.letter_id,
        trace_id=acceptance.letter_id_text,
        account_id=acceptance.account_id,
        reverse_path=acceptance.reverse_path,
        blob_id=remote.blob_id,
        size_bytes=len(remote.content),
        # not what BODY said: clients declare 8BITMIME for everything, and a host without it would be no use then
        needs_8bit=not acceptance.relayed_content.isascii(),
        needs_utf8=parameters.smtputf8,
        requires_tls=parameters.requiretls,
        dsn_envid=envid_column(parameters),
        dsn_ret=ret_column(parameters),
        message_id=acceptance.message_id,
        deliver_by=deliver_by,
        by_mode=by_mode,
    )
    recipients = [_row(number, address, acceptance) for number, address in enumerate(acceptance.remote, 1)]
    return enqueue(tx, message, recipients, lease_owner)


def _row(number: int, address: Address, acceptance: Acceptance) -> QueueRecipient:
    parameters = acceptance.remote_parameters.get(address, NO_RECIPIENT_PARAMETERS)
    if acceptance.is_restrained:
        parameters = without_success(parameters)
    notify, orcpt = recipient_columns(parameters)
    return QueueRecipient(
        recipient_id=number,
        forward_path=str(address),
        destination=address.domain,
        dsn_notify=notify,
        dsn_orcpt=orcpt,
    )


def _record(tx: WriteTx, acceptance: Acceptance) -> None:
    if acceptance.verdict is not None:
        record_verdict(
            tx,
            acceptance.letter_id_text,
            acceptance.peer,
            acceptance.reverse_path,
            acceptance.message_id,
            acceptance.verdict,
        )
    else:
        record_beginning(
            tx,
            acceptance.letter_id_text,
            "submitted",
            f"{acceptance.reverse_path or '<>'} {acceptance.message_id}",
        )
    if acceptance.withheld:
        addresses = ", ".join(map(str, acceptance.withheld[:MAX_TOLD]))
        record_event(tx, acceptance.letter_id_text, "withheld", f"judged junk, not passed on to {addresses}")
    if acceptance.unsigned_domain:
        record_event(
            tx, acceptance.letter_id_text, "unsigned", f"{acceptance.unsigned_domain} has no active DKIM key"
        )
        record_unsigned(tx, acceptance.unsigned_domain)
