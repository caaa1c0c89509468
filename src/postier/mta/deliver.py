"""One attempt: where a job goes (a mailbox here, a host by MX), carrying it there, settling what came of it.

Not here: when (`schedule`), the connection (`transport`). Source: DESIGN §6, RFC 5321 §5.1. Invariant: whatever happens,
`carry` settles each recipient of its job, unless the store itself does not answer: then the lease runs out.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

from postier.accounts.directory import Directory
from postier.accounts.resolution import Forward, Local, NotOurDomain, Unexpandable
from postier.dns.ask import Answering
from postier.dns.mx import MailRoute, RoutePolicy, mail_hosts
from postier.mime.address import Address
from postier.mta.acceptance import Acceptance, Prepared, accept, prepare
from postier.mta.backoff import RetrySchedule
from postier.mta.bounce import report
from postier.mta.letter_id import under_new_id
from postier.mta.outcomes import Deferred, Delivered, Failed, Outcome
from postier.mta.queue_rows import Job, QueueRecipient
from postier.mta.requests import Asked, mail_parameters, without_success
from postier.mta.settle import Settlement, expired, settle, weigh
from postier.mta.sieving.delivery import Sieving, Taken
from postier.mta.sieving.origin import Origin
from postier.mta.signing import seal_again
from postier.mta.tally import NO_TALLY, Tally
from postier.mta.trace_fields import return_path_field
from postier.mta.transport import Connections
from postier.smtp.reason import Reason
from postier.smtp.replies import reply_of
from postier.store.transaction import ConflictError, Store, StoreError

SETTLE_TRIES = 10
SETTLE_PAUSE_S = 1.0


class Despatch(msgspec.Struct, frozen=True):
    """What every carrier needs of this server."""

    hostname: str
    store: Store
    directory: Directory
    resolver: Answering
    routes: RoutePolicy
    schedule: RetrySchedule
    now_us: Callable[[], int]
    random_bits: Callable[[int], int]
    chance: random.Random
    lease_owner: str
    dispatch: Callable[[Sequence[Job]], None]
    tally: Tally = NO_TALLY
    sieving: Sieving | None = None  # runs the recipients' scripts and confirms deliveries


class Courier:
    """The `schedule.Carrier` of one destination."""

    def __init__(self, despatch: Despatch, connections: Connections) -> None:
        self._despatch = despatch
        self._connections = connections

    async def carry(self, job: Job) -> bool:
        """See `Carrier.carry`."""
        log = structlog.get_logger()
        try:
            outcomes = await self._attempt(job)
        except StoreError as error:
            log.error("store-failed", letter=job.message.trace_id, error=str(error))  # noqa: TRY400 (no bug)
            outcomes = _all(job, Deferred("451 4.3.0 The store does not answer"))
        except Exception:  # a bug of ours defers, so that the letter is not kept beyond its lifetime
            log.exception("delivery-failed", letter=job.message.trace_id)
            self._despatch.tally.failed("delivery")
            outcomes = _all(job, Deferred("451 4.3.0 Local error in processing"))
        return await self._settle(job, outcomes) or self._connections.is_open

    async def _attempt(self, job: Job) -> Mapping[int, Outcome]:
        despatch = self._despatch
        deadline = job.message.deadline
        if deadline is not None and deadline.is_return and deadline.is_over(despatch.now_us()):
            return _all(job, expired(despatch.hostname))
        if await despatch.directory.is_ours(job.destination):
            return await self._carry_home(job)
        route = await mail_hosts(job.destination, despatch.resolver, despatch.chance, despatch.routes)
        if not route.hosts:
            return _all(job, _without_route(route))
        try:
            content = await despatch.store.read_blob(job.message.blob_id)
        except (KeyError, StoreError) as error:
            structlog.get_logger().error("letter-unreadable", letter=job.message.trace_id, error=str(error))
            return _all(job, Deferred("451 4.3.0 The letter cannot be read from the store"))
        return await self._connections.deliver(route, job, content)

    async def close(self) -> None:
        """See `Carrier.close`."""
        await self._connections.close()

    async def _carry_home(self, job: Job) -> dict[int, Outcome]:
        """A destination of our own: reports to local senders, aliases that lead back here."""
        outcomes: dict[int, Outcome] = {}
        for recipient in job.recipients:
            try:
                outcomes[recipient.recipient_id] = await self._file(job, recipient)
            except (KeyError, StoreError, ConflictError) as error:
                outcomes[recipient.recipient_id] = Deferred(f"451 4.3.0 {error}")
        return outcomes

    async def _file(self, job: Job, recipient: QueueRecipient) -> Outcome:
        despatch = self._despatch
        match await despatch.directory.resolve(Address.parse(recipient.forward_path)):
            case Local(recipients):
                remote: tuple[Address, ...] = ()
            case Forward(targets, recipients):
                remote = targets
            case Unexpandable(problem):
                return Deferred(f"450 4.2.1 {problem.value}")
            case NotOurDomain():  # removed since `is_ours` was asked
                return Deferred("451 4.4.4 The domain has just moved")
            case _:
                return Failed(f"550 5.1.1 There is no {recipient.forward_path} here", despatch.hostname)
        message = job.message
        content = await despatch.store.read_blob(message.blob_id)
        relayed = b""
        if remote:
            sealed = await seal_again(
                despatch.directory,
                content,
                job.destination,
                authserv_id=despatch.hostname,
                now_s=despatch.now_us() // 1_000_000,
            )
            relayed = sealed + content
        # only who submitted it here is proved; nobody else is sent a report
        is_ours = message.account_id is not None
        asked = Asked(
            Address.parse(recipient.forward_path),
            recipient.parameters,
            tuple(each.account_id for each in recipients),
            len(remote),
        )
        passed_on = without_success(asked.parameters) if asked.is_expanded else asked.parameters
        origin = Origin(is_proved=is_ours, may_refuse=is_ours)

        async def keep(letter_id: int) -> Taken:
            letter = Acceptance(
                letter_id=letter_id,
                peer="",
                account_id=message.account_id,
                reverse_path=message.reverse_path,
                parameters=mail_parameters(
                    smtputf8=message.needs_utf8,
                    requires_tls=message.requires_tls,
                    ret=message.dsn_ret,
                    envid=message.dsn_envid,
                    deadline=message.deadline,
                    now_us=despatch.now_us(),
                ),
                content=return_path_field(message.reverse_path) + content,
                relayed_content=relayed,
                local=recipients,
                remote=remote,
                message_id=message.message_id,
                received_at=despatch.now_us(),
                asked=(asked,),
                remote_parameters=dict.fromkeys(remote, passed_on),
            )
            if despatch.sieving is None:
                return await accept(despatch.store, letter, despatch.lease_owner)
            return await despatch.sieving.take(letter, origin, despatch.lease_owner)

        taken = await under_new_id(keep, despatch.now_us, despatch.random_bits)
        if isinstance(taken, Reason):
            return Failed(str(reply_of(taken)), despatch.hostname)
        despatch.dispatch(taken)
        return Delivered("250 2.1.5 Filed here", despatch.hostname, is_home=True)

    async def _settle(self, job: Job, outcomes: Mapping[int, Outcome]) -> bool:
        """Write the outcomes down, with the reports that they call for; whether nothing was deferred."""
        despatch = self._despatch
        now_us = despatch.now_us()
        settlement = weigh(job, outcomes, despatch.schedule, now_us)
        due_at = {
            each.recipient_id: self._next_attempt(job, each.attempts, now_us) for each in job.recipients
        }

        async def keep(letter_id: int) -> list[Job]:
            reports = await self._reports(job, settlement, letter_id, now_us)
            drafts = [draft for each in reports for draft in each.drafts]
            return await despatch.store.write_with_blobs(
                drafts, settle, job, settlement, due_at, reports, despatch.lease_owner
            )

        for _ in range(SETTLE_TRIES):
            try:
                jobs = await under_new_id(keep, despatch.now_us, despatch.random_bits)
                break
            except (StoreError, ConflictError) as error:
                structlog.get_logger().error(
                    "attempt-not-recorded", letter=job.message.trace_id, error=str(error)
                )
                await asyncio.sleep(SETTLE_PAUSE_S)
        else:
            return False
        despatch.dispatch(jobs)
        self._tell(job, settlement.outcomes)
        return not any(isinstance(outcome, Deferred) for outcome in settlement.outcomes.values())

    def _next_attempt(self, job: Job, attempts: int, now_us: int) -> int:
        """When to try again; at the deliver-by-time at the latest, if it is ahead, for something follows from it then."""
        despatch = self._despatch
        due_at = despatch.schedule.next_attempt(now_us, attempts, despatch.chance.random())
        deadline = job.message.deadline
        return due_at if deadline is None or deadline.is_over(now_us) else min(due_at, deadline.at_us)

    async def _reports(self, job: Job, settlement: Settlement, letter_id: int, now_us: int) -> list[Prepared]:
        """What the sender is told, on those that failed, that are late, that have left for another server; the ids go on from `letter_id`."""
        told = settlement.told
        if not told or not job.message.reverse_path:
            return []
        despatch = self._despatch
        try:
            original = await despatch.store.read_blob(job.message.blob_id)
        except (KeyError, StoreError):  # a letter that is damaged is reported all the same
            original = b""
        letters = [
            await report(
                job,
                each,
                original,
                directory=despatch.directory,
                hostname=despatch.hostname,
                letter_id=letter_id + number,
                now_us=now_us,
                retry_until_us=job.message.created_at + despatch.schedule.lifetime_us,
            )
            for number, each in enumerate(told)
        ]
        return [prepare(letter) for letter in letters if letter is not None]

    def _tell(self, job: Job, outcomes: Mapping[int, Outcome]) -> None:
        for recipient in job.recipients:
            outcome = outcomes[recipient.recipient_id]
            self._despatch.tally.tried(type(outcome).__name__.lower())
            structlog.get_logger().info(
                "letter-attempted",
                letter=job.message.trace_id,
                recipient=recipient.forward_path,
                outcome=type(outcome).__name__.lower(),
                host=outcome.host,
                reply=outcome.reply,
                attempts=recipient.attempts,
            )


def _all(job: Job, outcome: Outcome) -> dict[int, Outcome]:
    return {each.recipient_id: outcome for each in job.recipients}


def _without_route(route: MailRoute) -> Outcome:
    reply = f"{route.reply_code} {route.code} {route.why}"
    return Deferred(reply) if route.is_temporary else Failed(reply)
