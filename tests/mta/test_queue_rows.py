"""The queue's states on both engines: leases, retries, holds, ends."""

import msgspec
import pytest

from postier.mta import queue_rows
from postier.mta.queue_rows import Job, QueueMessage, QueueRecipient
from postier.store.blobs import BlobId
from postier.store.transaction import Store, WriteTx


def a_message(queue_id: int = 1) -> QueueMessage:
    return QueueMessage(
        queue_id=queue_id,
        trace_id=f"t{queue_id}",
        account_id=None,
        reverse_path="a@alpha.test",
        blob_id=BlobId(b"\1" * 32),
        size_bytes=10,
        needs_8bit=False,
        needs_utf8=False,
        requires_tls=False,
    )


def a_recipient(recipient_id: int, address: str) -> QueueRecipient:
    return QueueRecipient(
        recipient_id=recipient_id, forward_path=address, destination=address.partition("@")[2]
    )


TWO = [a_recipient(1, "b@beta.test"), a_recipient(2, "c@gamma.test")]


def summary(jobs: list[Job]) -> set[tuple[str, tuple[str, ...]]]:
    return {(job.destination, tuple(each.forward_path for each in job.recipients)) for job in jobs}


async def lease(store: Store, owner: str = "w1", busy: tuple[str, ...] = ()) -> list[Job]:
    return await store.write(queue_rows.lease_due, owner, 100, busy)


async def test_what_is_queued_is_leased_once(store: Store) -> None:
    await store.write(queue_rows.enqueue, a_message(), TWO)
    jobs = await lease(store)
    assert summary(jobs) == {("beta.test", ("b@beta.test",)), ("gamma.test", ("c@gamma.test",))}
    assert all(each.attempts == 1 for job in jobs for each in job.recipients)
    assert await lease(store, "w2") == []


async def test_recipients_at_one_destination_are_one_job(store: Store) -> None:
    await store.write(
        queue_rows.enqueue, a_message(), [a_recipient(1, "b@beta.test"), a_recipient(2, "d@beta.test")]
    )
    assert summary(await lease(store)) == {("beta.test", ("b@beta.test", "d@beta.test"))}


async def test_a_letter_may_be_leased_as_it_is_queued(store: Store) -> None:
    jobs = await store.write(queue_rows.enqueue, a_message(), TWO, "w1")
    assert len(jobs) == 2
    assert jobs[0].message.created_at > 0
    assert jobs[0].recipients[0].attempts == 1
    assert await lease(store, "w2") == []


async def test_busy_destinations_are_left(store: Store) -> None:
    await store.write(queue_rows.enqueue, a_message(), TWO)
    assert summary(await lease(store, busy=("beta.test",))) == {("gamma.test", ("c@gamma.test",))}


async def test_a_deferred_recipient_waits_until_it_is_due(store: Store) -> None:
    await store.write(queue_rows.enqueue, a_message(), TWO[:1], "w1")
    far = await store.write(lambda tx: tx.now_us + 10**9)
    await store.write(queue_rows.mark_deferred, 1, 1, "451 later", far)
    assert await lease(store) == []
    assert await store.read(queue_rows.next_due) == far
    await store.write(queue_rows.retry_now, 1)
    (job,) = await lease(store)
    assert job.recipients[0].attempts == 2
    assert job.recipients[0].last_reply == "451 later"


async def test_a_message_goes_when_its_last_recipient_is_done(store: Store) -> None:
    await store.write(queue_rows.enqueue, a_message(), TWO, "w1")
    await store.write(queue_rows.mark_delivered, 1, 1, "250 ok")
    assert not await store.write(queue_rows.remove_if_done, 1)
    await store.write(queue_rows.mark_failed, 1, 2, "550 no")
    assert await store.write(queue_rows.remove_if_done, 1)
    assert await store.read(queue_rows.list_messages) == []
    assert await store.read(queue_rows.next_due) is None


async def test_leases_of_a_dead_owner_are_released(store: Store) -> None:
    await store.write(queue_rows.enqueue, a_message(), TWO[:1], "node/1/0")
    assert await store.write(queue_rows.release_leases, "node", "node/1") == 0
    assert await store.write(queue_rows.release_leases, "node", "node/2") == 1
    assert len(await lease(store, "node/2/0")) == 1
    assert await store.write(queue_rows.release_leases, "node/2/0") == 1


async def test_leases_of_owners_with_a_longer_name_are_kept(store: Store) -> None:
    await store.write(queue_rows.enqueue, a_message(), TWO[:1], "node/1/10")
    for other in ("node/1/1", "nod", "node/1/1/0"):
        assert await store.write(queue_rows.release_leases, other) == 0
    assert await store.write(queue_rows.release_leases, "node", "node/10") == 1


async def test_a_held_message_is_not_tried(store: Store) -> None:
    await store.write(queue_rows.enqueue, a_message(), TWO)
    assert await store.write(queue_rows.hold, 1) == 2
    assert await lease(store) == []
    assert await store.write(queue_rows.release, 1) == 2
    assert len(await lease(store)) == 2


async def test_holding_during_an_attempt_holds_after_it(store: Store) -> None:
    await store.write(queue_rows.enqueue, a_message(), TWO[:1], "w1")

    def hold_whatever_is_leased(tx: WriteTx) -> None:
        queue_rows.hold(tx, 1)
        queue_rows.mark_deferred(tx, 1, 1, "451 later", 0)

    await store.write(hold_whatever_is_leased)
    assert await lease(store) == []


async def test_rows_come_back_as_they_were(store: Store) -> None:
    message = msgspec.structs.replace(
        a_message(),
        needs_8bit=True,
        requires_tls=True,
        dsn_envid="e",
        dsn_ret="HDRS",
        message_id="<x@y>",
        account_id=5,
    )
    recipient = msgspec.structs.replace(TWO[0], dsn_notify="FAILURE", dsn_orcpt="rfc822;b@beta.test")
    await store.write(queue_rows.enqueue, message, [recipient])
    found = await store.read(queue_rows.find_message, 1)
    assert found is not None
    assert msgspec.structs.replace(found, created_at=0) == message
    (back,) = await store.read(queue_rows.find_recipients, 1)
    assert msgspec.structs.replace(back, due_at=0) == recipient


@pytest.mark.parametrize("queue_id", [1, 2])
async def test_removing_what_is_not_there_says_so(store: Store, queue_id: int) -> None:
    await store.write(queue_rows.enqueue, a_message(1), TWO)
    assert await store.write(queue_rows.remove_message, queue_id) is (queue_id == 1)


async def test_a_lease_is_renewed_only_as_it_was(store: Store) -> None:
    (job,) = await store.write(queue_rows.enqueue, a_message(), TWO[:1], "w1")
    assert await store.write(queue_rows.renew, job, "w1")
    assert not await store.write(queue_rows.renew, job, "w2")
    await store.write(queue_rows.hold, 1)
    assert not await store.write(queue_rows.renew, job, "w1")
    await store.write(queue_rows.release, 1)
    await store.write(lambda tx: tx.run("UPDATE queue_recipient SET lease_until = 0"))
    (again,) = await lease(store, "w1")  # it ran out, and the same worker leased it once more
    assert not await store.write(queue_rows.renew, job, "w1")
    assert await store.write(queue_rows.renew, again, "w1")


async def test_a_lease_that_holds_in_part_is_given_back(store: Store) -> None:
    (job,) = await store.write(
        queue_rows.enqueue, a_message(), [a_recipient(1, "b@beta.test"), a_recipient(2, "c@beta.test")], "w1"
    )
    await store.write(lambda tx: tx.run("UPDATE queue_recipient SET state = 'held' WHERE recipient_id = 1"))
    assert not await store.write(queue_rows.renew, job, "w1")
    assert summary(await lease(store, "w2")) == {("beta.test", ("c@beta.test",))}
