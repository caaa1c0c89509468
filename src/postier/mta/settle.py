"""What an attempt's outcomes change: the queue's rows, the trace, the reports to the sender; one transaction.

Source: RFC 5321 §4.5.4.1 (retries, giving up), RFC 3461 §6. Invariant: a recipient is given up only together with the
report on it, so that no failure is silent.
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
from postier.mta.trace_rows import record_event
from postier.store.transaction import WriteTx


class Settlement(msgspec.Struct, frozen=True):
    """What an attempt comes to: recipients that are to be reported as failed, or as late."""

    outcomes: Mapping[
        int, Outcome
    ]  # by recipient id; a deferral past the letter's lifetime has become a failure
    failed: tuple[tuple[QueueRecipient, Outcome], ...]
    late: tuple[tuple[QueueRecipient, Outcome], ...]


def weigh(job: Job, outcomes: Mapping[int, Outcome], schedule: RetrySchedule, now_us: int) -> Settlement:
    """Decide what each outcome comes to."""
    created_at = job.message.created_at
    final: dict[int, Outcome] = {}
    failed, late = [], []
    for recipient in job.recipients:
        outcome = outcomes[recipient.recipient_id]
        if isinstance(outcome, Deferred) and schedule.is_over(created_at, now_us):
            outcome = Failed(outcome.reply, outcome.host)  # RFC 5321 §4.5.4.1: give up after the last attempt
        final[recipient.recipient_id] = outcome
        if isinstance(outcome, Failed):
            failed.append((recipient, outcome))
        elif (
            isinstance(outcome, Deferred)
            and not recipient.delay_notified
            and schedule.is_late(created_at, now_us)
        ):
            late.append((recipient, outcome))
    return Settlement(final, tuple(failed), tuple(late))


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
