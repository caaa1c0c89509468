"""What an attempt's outcomes change: the queue's rows, the trace, the reports to the sender; one transaction.

Source: RFC 5321 §4.5.4.1 (retries, giving up), RFC 3461 §5.2.2, §5.2.5, §5.2.6 (who wants to be
told), RFC 2852 §4.1. Invariant: a recipient is given up only together with the report on it, so that no failure is silent but those
of which the sender did not want to hear.
"""

from collections.abc import Mapping, Sequence

import msgspec

from postier.mta.acceptance import Prepared, store_letter
from postier.mta.backoff import RetrySchedule
from postier.mta.outcomes import Deferred, Delivered, Failed, Outcome
from postier.mta.queue_rows import (
    Job,
    QueueRecipient,
    mark_deferred,
    mark_delay_notified,
    mark_delivered,
    mark_failed,
    remove_if_done,
)
from postier.mta.requests import Deadline, is_wanted
from postier.mta.trace_rows import record_event
from postier.smtp.parameters import Notify
from postier.store.transaction import WriteTx

EXPIRED = "Delivery time expired"


class Settlement(msgspec.Struct, frozen=True):
    """What an attempt comes to: recipients that are to be reported as failed, as late, or as in the hands of others."""

    outcomes: Mapping[
        int, Outcome
    ]  # by recipient id; a deferral past the letter's lifetime has become a failure
    failed: tuple[tuple[QueueRecipient, Outcome], ...]
    late: tuple[tuple[QueueRecipient, Outcome], ...]
    relayed: tuple[tuple[QueueRecipient, Outcome], ...] = ()

    @property
    def told(self) -> list[tuple[tuple[QueueRecipient, Outcome], ...]]:
        """What the sender is told, a report each."""
        return [each for each in (self.failed, self.late, self.relayed) if each]


def weigh(job: Job, outcomes: Mapping[int, Outcome], schedule: RetrySchedule, now_us: int) -> Settlement:
    """Decide what each outcome comes to."""
    created_at = job.message.created_at
    deadline = job.message.deadline
    has_expired = deadline is not None and deadline.is_over(now_us)
    final: dict[int, Outcome] = {}
    failed: list[tuple[QueueRecipient, Outcome]] = []
    late: list[tuple[QueueRecipient, Outcome]] = []
    relayed: list[tuple[QueueRecipient, Outcome]] = []
    for recipient in job.recipients:
        outcome = outcomes[recipient.recipient_id]
        notify = recipient.parameters.notify
        if isinstance(outcome, Deferred):
            if deadline is not None and deadline.is_return and has_expired:
                outcome = expired(outcome.host)
            elif schedule.is_over(created_at, now_us):
                # RFC 5321 §4.5.4.1: give up after the last attempt
                outcome = Failed(outcome.reply, outcome.host)
        final[recipient.recipient_id] = outcome
        match outcome:
            case Failed():
                if is_wanted(notify, Notify.FAILURE):
                    failed.append((recipient, outcome))
            case Delivered():
                if _is_to_be_told(notify, outcome, deadline, now_us):
                    relayed.append((recipient, outcome))
            case _:
                if recipient.delay_notified or not is_wanted(notify, Notify.DELAY):
                    continue
                if deadline is not None and not deadline.is_return:
                    if has_expired:  # RFC 2852 §4.1.3
                        late.append((recipient, Deferred(f"450 4.4.7 {EXPIRED}", outcome.host)))
                elif schedule.is_late(created_at, now_us):
                    late.append((recipient, outcome))
    return Settlement(final, tuple(failed), tuple(late), tuple(relayed))


def expired(host: str = "") -> Failed:
    """What comes of a letter that was to be returned when its time has passed (RFC 2852 §4.1.3)."""
    return Failed(f"554 5.4.7 {EXPIRED}", host)


def _is_to_be_told(notify: Notify | None, outcome: Delivered, deadline: Deadline | None, now_us: int) -> bool:
    """Whether the sender hears that the letter has left for another server."""
    if outcome.is_home:
        return False
    if notify is not None and Notify.SUCCESS in notify and not outcome.reports:
        return True  # RFC 3461 §5.2.2 (b)
    if deadline is None or notify is Notify.NEVER:
        return False
    if deadline.is_traced:  # RFC 2852 §4.1.4
        return True
    # RFC 2852 §4.1.4.2
    return not (deadline.is_return or outcome.keeps_time or deadline.is_over(now_us))


def settle(
    tx: WriteTx,
    job: Job,
    settlement: Settlement,
    due_at: Mapping[int, int],
    reports: Sequence[Prepared],
    lease_owner: str,
) -> list[Job]:
    """Write it down; `due_at` has the next attempt of each deferred recipient. Returns the jobs of remote reports."""
    queue_id = job.message.queue_id
    for recipient in job.recipients:
        outcome = settlement.outcomes[recipient.recipient_id]
        match outcome:
            case Delivered():
                mark_delivered(tx, queue_id, recipient.recipient_id, outcome.reply)
            case Failed():
                mark_failed(tx, queue_id, recipient.recipient_id, outcome.reply)
            case _:
                mark_deferred(
                    tx, queue_id, recipient.recipient_id, outcome.reply, due_at[recipient.recipient_id]
                )
        record_event(
            tx,
            job.message.trace_id,
            type(outcome).__name__.lower(),
            f"{recipient.forward_path}: {outcome.reply}",
        )
    for recipient, _ in settlement.late:
        mark_delay_notified(tx, queue_id, recipient.recipient_id)
    jobs = [job for report in reports for job in store_letter(tx, report, lease_owner)]
    remove_if_done(tx, queue_id)
    return jobs
