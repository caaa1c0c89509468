r"""Scripts at IMAP events: a message was appended, copied, or its flags have changed.

    the change is committed and the account has such a script > the messages are read > the script runs on each > one transaction

Not here: when something happens (`servers.imap`), which script it is (`shelf`). Source: RFC 6785. Invariants: the scripts are those of the
mailbox's owner, whoever did it; a message is never changed and never lost: what is not kept gets \Deleted; what a script does is no
event (RFC 6785 §6), so nothing goes in a circle; a fault here never spoils the command that was done; an account whose scripts took too
much time in the hour has no events until it is over. The transaction of the change writes down the runs, that of a run's effects
strikes them out (`pending_events`): after a crash what was not run is run, each once; what is sent is sent as often as the queue
does, which is once but for a crash in the middle of an attempt.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from postier.accounts.resolution import LocalRecipient
from postier.imap.flags import DELETED
from postier.mailbox import ledger
from postier.mailbox.filing import Delivery
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.folders import mailbox_id_of
from postier.mailbox.keywords import keywords_of
from postier.mailbox.names import INBOX
from postier.mailbox.places import flag_bits
from postier.mailbox.reading import Column, fetch_columns
from postier.mailbox.refusals import MailboxRefusedError
from postier.mailbox.transfer import copy_messages
from postier.mime.address import Address
from postier.mta.queue_rows import Job
from postier.mta.sieving.applying import flag_names
from postier.mta.sieving.decide import failure_notice, resting_notice
from postier.mta.sieving.effects import Effects, Filing, Notice, Sending, write_effects
from postier.mta.sieving.memory import CPU_BUDGET_US, cpu_used
from postier.mta.sieving.origin import Office, Origin, Received
from postier.mta.sieving.pending_events import Watch, drop, lease_pending, portions, take_down
from postier.mta.sieving.posting import Posting, WhyNot, content_of, not_yet_sent, place_of
from postier.mta.sieving.running import Case, Ran, run
from postier.mta.sieving.shelf import Shelf, Version
from postier.mta.sieving.world import Letter, Surroundings
from postier.mta.tally import NO_TALLY, Tally
from postier.sieve.actions import Discard, FileInto, Keep, Notify, Redirect
from postier.sieve.world import Envelope, Verdict
from postier.smtp.parameters import NO_MAIL_PARAMETERS
from postier.store.blobs import BlobId
from postier.store.transaction import ConflictError, ReadTx, Store, StoreError, WriteTx
from postier.store.uid_ranges import ranges_of

_LOG = structlog.get_logger()
TRIES = 2  # of a transaction whose queue ids are taken


class Cause(enum.Enum):
    """What happened (RFC 6785 §4.3); MOVE is a COPY in what it brings."""

    APPEND = "APPEND"
    COPY = "COPY"
    FLAG = "FLAG"


class Happened(msgspec.Struct, frozen=True):
    """An event: the messages, where they are now, and with FLAG the flags that they had before, by UID."""

    cause: Cause
    account_id: int  # the owner
    mailbox_id: int
    uids: Sequence[int]
    before: Mapping[int, int] = {}
    modseq: int = 0  # of the change; 0: the runs were not written down


class Dispatch(Protocol):
    """Whoever takes the leased jobs of what was queued."""

    def __call__(self, jobs: Sequence[Job]) -> None:
        """Take them."""
        ...


class _Message(msgspec.Struct, frozen=True):
    uid: int
    bits: int
    blob_id: BlobId
    message_id: str


class _Place(msgspec.Struct, frozen=True):
    owner: LocalRecipient
    mailbox_id: int
    mailbox: str
    keywords: tuple[str, ...]


class _Outcome(msgspec.Struct, frozen=True):
    """What the script wants done about one message; `flags` None: they stay."""

    uid: int
    effects: Effects
    flags: tuple[str, ...] | None = None
    is_kept: bool = True


class Events:
    """Runs the scripts; belongs to one event loop."""

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        office: Office,
        lease_owner: str,
        dispatch: Dispatch,
        tally: Tally = NO_TALLY,
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._office = office
        self._lease_owner = lease_owner
        self._dispatch = dispatch
        self._tally = tally

    async def watch(self, actor: LocalRecipient, account_id: int) -> Watch | None:
        """What is needed to write down runs on changes in the account's mailboxes; None if no script runs on any."""
        try:
            choice = self._shelf.known(account_id) or await self._shelf.choice(account_id)
        except StoreError:  # the change will fail too
            return None
        if choice.event is None and not any(choice.events.values()):
            return None
        return Watch(account_id, choice, actor.account_id, str(actor.address), self._lease_owner)

    async def resume(self) -> bool:
        """Run what was written down and not run, because of a crash or a fault; whether there may be more. Raises StoreError."""
        found = await self._store.write(lease_pending, self._lease_owner)
        for each in found:
            before = dict(zip(each.uids, each.befores, strict=False))
            event = Happened(
                Cause(each.cause), each.account_id, each.mailbox_id, each.uids, before, each.modseq
            )
            await self.happened(LocalRecipient(each.actor_id, Address.parse(each.actor), ""), event)
        return bool(found)

    async def happened(self, actor: LocalRecipient, event: Happened) -> None:
        """Run the script of the mailbox on each message of the event, which `actor` caused; what goes wrong is logged."""
        try:
            version = (await self._shelf.choice(event.account_id)).event_in(event.mailbox_id)
            for uids in portions(event.uids):
                part = msgspec.structs.replace(event, uids=uids)
                if version is None or not await self._portion(version, actor, part):
                    if event.modseq:
                        await self._store.write(drop, event.account_id, event.modseq, uids[0])
                    return
        except (StoreError, ConflictError, MailboxRefusedError, LookupError) as error:
            _LOG.warning(
                "event-script-failed", account_id=event.account_id, actor=str(actor.address), error=str(error)
            )
        except Exception:  # a bug of ours must not end the connection: its command was done
            _LOG.exception("event-script-failed", account_id=event.account_id, actor=str(actor.address))
            self._tally.failed("filter")

    async def _portion(self, version: Version, actor: LocalRecipient, event: Happened) -> bool:
        """Whether to go on: not when the mailbox has gone, or the scripts took too much time."""
        place, messages = await self._store.read_bulk(_read, event, self._office.now_us())
        if place is None:
            return False
        contents = await self._store.read_blobs([each.blob_id for each in messages])
        for tries_left in range(TRIES - 1, -1, -1):
            outcomes = [
                await self._outcome(version, actor, place, event, message, content)
                for message, content in zip(messages, contents, strict=True)
                if content is not None
            ]
            drafts = [draft for each in outcomes for draft in each.effects.drafts]
            try:
                jobs = await self._store.write_with_blobs(
                    drafts, _write, place, outcomes, self._lease_owner, event
                )
                break
            except ConflictError:
                if not tries_left:
                    raise
        if jobs:
            self._dispatch(jobs)
        return True

    async def _outcome(
        self,
        version: Version,
        actor: LocalRecipient,
        place: _Place,
        event: Happened,
        message: _Message,
        content: bytes,
    ) -> _Outcome:
        letter = Letter(content)
        owner = place.owner
        flags = flag_names(message.bits, place.keywords)
        changed = message.bits ^ event.before.get(message.uid, message.bits)
        case = Case(
            version,
            owner.address,
            Envelope(None, None),
            Surroundings(self._office.hostname),
            Verdict(),
            self._office.now_us(),
            flags,
            is_event=True,
            environment={
                "imap.user": str(actor.address),
                "imap.email": str(actor.address),
                "imap.cause": event.cause.value,
                "imap.mailbox": place.mailbox,
                "imap.changedflags": " ".join(flag_names(changed, place.keywords)),
            },
        )
        ran = await run(self._store, self._shelf, letter, case)
        received = Received(
            letter,
            str(owner.address),  # RFC 6785 §3.4: the owner sends it
            NO_MAIL_PARAMETERS,
            actor.account_id,
            message.message_id,
            Origin(is_proved=True, is_stored=True),
            is_junk=False,
        )
        return await _decide(Posting(self._office, received, owner), message.uid, flags, case, ran)


async def _decide(posting: Posting, uid: int, flags: tuple[str, ...], case: Case, ran: Ran) -> _Outcome:
    result = ran.result
    effects = Effects(
        version=case.version, recipient=str(case.address), default=INBOX, cpu_us=ran.cpu_us, seen=ran.seen
    )
    notices: list[Notice] = []
    if ran.cpu_used_us + ran.cpu_us > CPU_BUDGET_US:
        notices.append(await resting_notice(posting, case.version.name))
    if result.error is not None:
        notices.append(await failure_notice(posting, case.version.name, result.error, result.error_line))
        return _Outcome(uid, msgspec.structs.replace(effects, notices=tuple(notices)))
    keep = result.keep
    filings: list[Filing] = []
    sendings: list[Sending] = []
    is_gone = False
    redirected: set[str] = set()
    for action in result.actions:
        made: Sending | WhyNot | None = None
        match action:
            case Keep():
                keep = action  # RFC 6785 §3.1: as it is, whatever the script changed
            case FileInto():
                content = None if action.content is None else content_of(action.content)
                filings.append(Filing(place_of(action), content))
                is_gone = is_gone or not action.is_copy
            case Redirect():
                new = not_yet_sent(action, redirected)
                made = None if new is None else await posting.redirect(new)
                is_gone = is_gone or (not isinstance(made, str) and not action.is_copy)
            case Notify():
                made = await posting.notify(action)
            case Discard():
                is_gone = True
            case _:
                pass  # RFC 6785 §3.11: requiring reject or vacation ends the script with an error
        if isinstance(made, Sending):
            sendings.append(made)
        elif made is not None:
            _LOG.info("event-script-refused", account=str(case.address), script=case.version.name, why=made)
    after = result.flags if keep is None else keep.flags
    is_same = {each.lower() for each in after} == {each.lower() for each in flags}
    return _Outcome(
        uid,
        msgspec.structs.replace(
            effects, filings=tuple(filings), sendings=tuple(sendings), notices=tuple(notices)
        ),
        None if is_same else after,
        keep is not None or not is_gone,
    )


def _read(tx: ReadTx, event: Happened, now_us: int) -> tuple[_Place | None, list[_Message]]:
    account_id = event.account_id
    row = tx.row(
        "SELECT m.name, a.address FROM mailbox m JOIN account a ON a.account_id = m.account_id"
        " WHERE m.account_id = ? AND m.mailbox_id = ?",
        account_id,
        event.mailbox_id,
    )
    if row is None or cpu_used(tx, account_id, now_us) > CPU_BUDGET_US:
        return None, []
    name, address = row
    columns = (Column.UID, Column.FLAGS, Column.BLOB_ID, Column.MESSAGE_ID)
    rows = fetch_columns(tx, account_id, event.mailbox_id, ranges_of(sorted(event.uids)), columns)
    messages = [
        _Message(uid, bits, BlobId(bytes(blob)), f"<{message_id}>" if message_id else "")
        for uid, bits, blob, message_id in rows
        if bits != event.before.get(uid)  # changed back, or another's own \Seen: not of these flags
    ]
    owner = LocalRecipient(account_id, Address.parse(address), "")
    return _Place(owner, event.mailbox_id, name, keywords_of(tx, account_id)), messages


def _write(
    tx: WriteTx, place: _Place, outcomes: Sequence[_Outcome], lease_owner: str, event: Happened
) -> list[Job]:
    ledger.lock(tx, place.owner.account_id)
    jobs: list[Job] = []
    if event.modseq and not take_down(tx, event.account_id, event.modseq, event.uids[0]):
        return jobs  # another worker has done it
    for outcome in outcomes:
        deliveries, queued = write_effects(tx, outcome.effects, "", tx.now_us, lease_owner)
        jobs += queued
        copied = [_copy(tx, place, outcome.uid, each) for each in deliveries]
        here = [(outcome.uid, outcome.uid)]
        if outcome.flags is not None:
            bits = flag_bits(tx, place.owner.account_id, outcome.flags)
            store_flags(tx, place.owner.account_id, place.mailbox_id, here, StoreMode.REPLACE, bits)
        if not outcome.is_kept and all(copied):  # RFC 6785 §2.2.4
            store_flags(tx, place.owner.account_id, place.mailbox_id, here, StoreMode.ADD, DELETED)
    return jobs


def _copy(tx: WriteTx, place: _Place, uid: int, delivery: Delivery) -> bool:
    """RFC 6785 §3.3: always a new message. False if there is no room for it."""
    account_id = place.owner.account_id
    target_id = mailbox_id_of(tx, account_id, delivery.mailbox)
    assert target_id is not None  # it was settled in this transaction
    try:
        copied = copy_messages(tx, account_id, place.mailbox_id, [(uid, uid)], target_id)
    except MailboxRefusedError:
        return False
    store_flags(tx, account_id, target_id, copied.target_ranges, StoreMode.REPLACE, delivery.flags)
    return True
