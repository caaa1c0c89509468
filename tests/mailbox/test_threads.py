"""Which letters are one conversation."""

from postier.mailbox.filing import Filed
from postier.mailbox.threads import LOOKED_UP_AT_ONCE, MAX_IDS, thread_keys
from postier.mime.index import index_message
from postier.store.transaction import Store
from tests.mailbox.letters import add_account, append, raw_letter


async def filed(store: Store, box: int, *raws: bytes) -> list[Filed]:
    return [(await append(store, 1, box, raw))[0] for raw in raws]


async def test_replies_share_a_thread_with_an_equal_subject(store: Store) -> None:
    box = (await store.write(add_account))["INBOX"]
    first, reply, later, changed, other = await filed(
        store,
        box,
        raw_letter(1, subject="Plan B"),
        raw_letter(2, subject="Re: plan  b", extra="In-Reply-To: <1@alpha.test>\r\n"),
        raw_letter(3, subject="Fwd: Re: Plan B", extra="References: <1@alpha.test> <2@alpha.test>\r\n"),
        raw_letter(4, subject="Lunch", extra="References: <1@alpha.test>\r\n"),
        raw_letter(5, subject="Plan B"),
    )
    assert first.thread_id == first.email_id == reply.thread_id == later.thread_id
    assert len({first.thread_id, changed.thread_id, other.thread_id}) == 3


async def test_the_reply_may_come_first(store: Store) -> None:
    box = (await store.write(add_account))["INBOX"]
    reply, original = await filed(
        store,
        box,
        raw_letter(2, subject="Re: Plan", extra="In-Reply-To: <1@alpha.test>\r\n"),
        raw_letter(1, subject="Plan"),
    )
    assert original.thread_id == reply.thread_id


async def test_a_late_link_joins_the_oldest(store: Store) -> None:
    box = (await store.write(add_account))["INBOX"]
    one, two, link = await filed(
        store,
        box,
        raw_letter(1),
        raw_letter(2),
        raw_letter(3, extra="References: <2@alpha.test> <1@alpha.test>\r\n"),
    )
    assert two.thread_id != one.thread_id == link.thread_id


def test_ids_are_counted() -> None:
    references = " ".join(f"<r{n}@x.test>" for n in range(90))
    keys = thread_keys(index_message(raw_letter(1, extra=f"References: {references}\r\n")))
    assert len(keys) == MAX_IDS
    assert keys[0] == thread_keys(index_message(raw_letter(1)))[0]
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert thread_keys(index_message(b"Subject: x\r\n\r\n")) == []


async def test_letters_filed_at_once_have_the_threads_of_letters_filed_one_by_one(store: Store) -> None:
    raws = [
        raw_letter(1),
        raw_letter(2, extra="In-Reply-To: <9@alpha.test>\r\n"),
        raw_letter(3, extra="References: <2@alpha.test> <1@alpha.test>\r\n"),
        raw_letter(9),
        raw_letter(4, subject="Re: Plan", extra="In-Reply-To: <3@alpha.test>\r\n"),
        b"Subject: without an id\r\n\r\n",
        raw_letter(5, subject="Lunch", extra="References: <1@alpha.test>\r\n"),
        raw_letter(1),
        *(
            raw_letter(100 + number, extra=f"In-Reply-To: <{90 + number}@alpha.test>\r\n")
            for number in range(LOOKED_UP_AT_ONCE // 2 + 1)
        ),
    ]
    one_box = (await store.write(add_account, 1))["INBOX"]
    other_box = (await store.write(add_account, 2))["INBOX"]
    alone = [one.thread_id - one.email_id for one in await filed(store, one_box, *raws)]
    before = await append(store, 2, other_box, *raws[:2])
    together = before + await append(store, 2, other_box, *raws[2:])
    assert [one.thread_id - one.email_id for one in together] == alone
    once_more = await append(store, 2, other_box, *raws)
    assert [one.thread_id for one in once_more[:3]] == [
        together[0].thread_id,
        together[1].thread_id,
        together[0].thread_id,
    ]
