"""What a script's actions come to, as values, and the part of a transaction that makes them so.

Not here: how they were decided (`decide`). Sources: RFC 5228 §2.10.6, §4; SECURITY 15. Invariants: all of a letter's effects are in the
transaction that makes the letter ours, so a crash leaves all or none; what may be done once is decided here (`memory`); a place that
can't be had is the default one; an id that another worker tracked meanwhile ends the transaction, and the script runs again.
"""

import contextlib
from collections.abc import Sequence

import msgspec

from postier.accounts.scripts import deactivate_script
from postier.mailbox.filing import Delivery, deliver
from postier.mailbox.places import Place, flag_bits, settled
from postier.mailbox.refusals import MailboxRefusedError
from postier.mime.index import MessageIndex
from postier.mta.queue_rows import Job, QueueMessage, QueueRecipient, enqueue
from postier.mta.sieving.memory import (
    MIN_CHARGED_US,
    SECOND_US,
    Kind,
    charge_cpu,
    digest_of,
    forget_usage,
    may_do_once,
    remember_id,
)
from postier.mta.sieving.shelf import Version
from postier.mta.trace_rows import record_event
from postier.sieve.actions import Tracked
from postier.store.blobs import BlobDraft
from postier.store.transaction import WriteTx

MAX_TOLD_CHARACTERS = 2_000  # of what the trace tells of one script


class Content(msgspec.Struct, frozen=True):
    """A message that is to be filed."""

    index: MessageIndex
    draft: BlobDraft


class Filing(msgspec.Struct, frozen=True):
    """A message in a place; `content` None: the letter as it came."""

    place: Place
    content: Content | None = None


class Once(msgspec.Struct, frozen=True):
    """What is remembered, so that it is not done again within the period."""

    kind: Kind
    digest: bytes
    period_us: int


class Sending(msgspec.Struct, frozen=True):
    """A letter that is sent: its rows in the queue, its content, when it may go, the copy that is kept (RFC 8580)."""

    message: QueueMessage
    recipients: tuple[QueueRecipient, ...]
    draft: BlobDraft
    what: str
    once: Once | None = None
    copy: Filing | None = None


class Notice(msgspec.Struct, frozen=True):
    """A letter to the owner, once a day for each script and failure."""

    content: Content
    once: Once


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """All that a script wants done with one letter for one account. `default` is where the letter lies without a script."""

    version: Version
    recipient: str
    default: str
    filings: tuple[Filing, ...] = ()
    sendings: tuple[Sending, ...] = ()
    tracked: tuple[Tracked, ...] = ()
    seen: dict[tuple[str, str], bool] = {}
    notices: tuple[Notice, ...] = ()
    cpu_us: int = 0
    is_disabled: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def keeps_original(self) -> bool:
        """Whether the letter is filed as it came."""
        return any(filing.content is None for filing in self.filings)

    @property
    def drafts(self) -> list[BlobDraft]:
        """What must be durable with the transaction, beside the letter."""
        filings = [*self.filings, *[each.copy for each in self.sendings if each.copy is not None]]
        return [
            *[each.content.draft for each in filings if each.content is not None],
            *[each.draft for each in self.sendings],
            *[each.content.draft for each in self.notices],
        ]


class SeenMeanwhileError(Exception):
    """A unique id that was new when the script ran is tracked now: the script must run again (RFC 7352 §3)."""


class _Put(msgspec.Struct, frozen=True):
    """A delivery with the content that it is of; None: the letter."""

    delivery: Delivery
    content: Content | None


def write_effects(
    tx: WriteTx,
    effects: Effects,
    trace_id: str,
    received_at: int,
    lease_owner: str,
    *,
    is_last_try: bool = False,
) -> tuple[list[Delivery], list[Job]]:
    """Do all but the filing of the letter as it came; the deliveries of that, and the jobs of what was queued.

    Without a `trace_id` there is no letter under way. Raises SeenMeanwhileError unless `is_last_try`.
    """
    account_id = effects.version.account_id
    _track(tx, effects, is_last_try=is_last_try)
    puts = _puts(tx, effects)
    done = [f"filed into {put.delivery.mailbox}" for put in puts]
    _file(tx, [put for put in puts if put.content is not None], received_at)
    jobs: list[Job] = []
    for sending in effects.sendings:
        once = sending.once
        if once is not None and not may_do_once(tx, account_id, once.kind, once.digest, once.period_us):
            continue
        jobs += enqueue(tx, sending.message, sending.recipients, lease_owner)
        done.append(sending.what)
        if sending.copy is not None:
            _file_copy(tx, account_id, sending.copy, received_at)
    for notice in effects.notices:
        once = notice.once
        if may_do_once(tx, account_id, once.kind, once.digest, once.period_us):
            _file(tx, [_Put(Delivery(account_id), notice.content)], received_at)
    if effects.cpu_us >= MIN_CHARGED_US:
        charge_cpu(tx, account_id, effects.cpu_us)
    if effects.is_disabled:
        deactivate_script(tx, account_id, effects.version.name, effects.version.changed_at)
        forget_usage(tx, account_id)
    if trace_id:
        told = "; ".join((*effects.remarks, *done)) or "discarded"
        record_event(tx, trace_id, "filtered", f"{effects.recipient}: {_storable(told)}")
    return [put.delivery for put in puts if put.content is None], jobs


def _storable(text: str) -> str:
    """Words of scripts as a row can hold them."""
    return text[:MAX_TOLD_CHARACTERS].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _track(tx: WriteTx, effects: Effects, *, is_last_try: bool) -> None:
    account_id = effects.version.account_id
    for each in effects.tracked:
        digest = digest_of(each.handle, each.unique_id)
        was_seen = effects.seen.get((each.handle, each.unique_id), False)
        period_us = each.period_s * SECOND_US
        if was_seen:  # :last: its time begins anew
            remember_id(tx, account_id, digest, period_us)
        elif not may_do_once(tx, account_id, Kind.SEEN, digest, period_us):
            if not is_last_try:
                raise SeenMeanwhileError
            remember_id(tx, account_id, digest, period_us)


def _puts(tx: WriteTx, effects: Effects) -> list[_Put]:
    """The filings by mailbox: one for each, the last flags win (RFC 5228 §2.10.3, RFC 5232 §3)."""
    account_id = effects.version.account_id
    puts: dict[str, _Put] = {}
    for filing in effects.filings:
        name = settled(tx, account_id, filing.place, effects.default)
        flags = flag_bits(tx, account_id, filing.place.flags)
        puts[name] = _Put(Delivery(account_id, name, flags), filing.content)
    return list(puts.values())


def _file(tx: WriteTx, puts: Sequence[_Put], received_at: int, *, enforce_quota: bool = False) -> None:
    for put in puts:
        assert put.content is not None
        draft = put.content.draft
        deliver(
            tx,
            [put.delivery],
            put.content.index,
            draft.blob_id,
            len(draft.content),
            received_at,
            enforce_quota=enforce_quota,
        )


def _file_copy(tx: WriteTx, account_id: int, copy: Filing, received_at: int) -> None:
    name = settled(tx, account_id, copy.place, "INBOX")
    flags = flag_bits(tx, account_id, copy.place.flags)
    with contextlib.suppress(MailboxRefusedError):  # no room: the letter was sent all the same
        _file(
            tx,
            [_Put(Delivery(account_id, name, flags), copy.content)],
            received_at,
            enforce_quota=True,
        )
