"""What an administrator does to a queued letter that needs more than its rows: giving it up with a report.

Not here: holding, releasing, retrying, removing (`queue_rows`).
"""

from collections.abc import Callable

from postier.accounts.directory import Directory
from postier.mta.acceptance import prepare
from postier.mta.backoff import RetrySchedule
from postier.mta.bounce import report
from postier.mta.letter_id import under_new_id
from postier.mta.outcomes import Failed
from postier.mta.queue_rows import Job, find_message, find_recipients
from postier.mta.settle import settle, weigh
from postier.store.transaction import Store, StoreError

GIVEN_UP = "554 5.0.0 Given up by the administrator"


async def fail_letter(
    store: Store,
    directory: Directory,
    hostname: str,
    queue_id: int,
    *,
    now_us: int,
    random_bits: Callable[[int], int],
) -> int:
    """Fail what is not finished of a letter and tell its sender; returns how many recipients, 0 if there is no such
    letter.
    """
    message = await store.read(find_message, queue_id)
    if message is None:
        return 0
    unfinished = tuple(
        recipient
        for recipient in await store.read(find_recipients, queue_id)
        if recipient.state in {"waiting", "held"}
    )
    job = Job(message, "", unfinished)
    outcomes = {recipient.recipient_id: Failed(GIVEN_UP) for recipient in unfinished}
    settlement = weigh(job, outcomes, RetrySchedule(), now_us)
    try:
        original = await store.read_blob(message.blob_id)
    except (KeyError, StoreError):  # a letter that is damaged can be given up all the same
        original = b""

    async def keep(letter_id: int) -> None:
        letter = await report(
            job,
            settlement.failed,
            original,
            directory=directory,
            hostname=hostname,
            letter_id=letter_id,
            now_us=now_us,
            retry_until_us=now_us,
        )
        reports = [] if letter is None else [prepare(letter)]
        drafts = [draft for each in reports for draft in each.drafts]
        await store.write_with_blobs(drafts, settle, job, settlement, {}, reports, "")

    await under_new_id(keep, lambda: now_us, random_bits)
    return len(unfinished)
