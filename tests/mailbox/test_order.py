"""The order of SQL is that of a plain comparison; keys are made once, when they are asked for."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from postier.imap.search import SubjectText
from postier.imap.sorting import SortField, SortKey
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.order import in_order, in_scored_order
from postier.mailbox.search import search
from postier.mailbox.sort_keys import KEYED_AT_ONCE, if_keyed, is_refolded, unkeyed, write_keys
from postier.mailbox.sweep import sweep_account
from postier.mailbox.tally import RANGES_IN_STATEMENT
from postier.mailbox.verify import check_account, repair
from postier.mime.collation import search_fold, sort_key
from postier.mime.index import MessageIndex, index_message
from postier.store.transaction import ReadTx, Store, WriteTx
from tests.mailbox.letters import NOON_US, add_account, append, raw_letter

FIELDS = [field for field in SortField if field is not SortField.RELEVANCY]
SUBJECTS = ("Plan", "Re: plan", "plan b", "", "=?utf-8?q?=C3=84pfel?=", "apfel", "[x] Zebra", "_", "Zoo")
SENDERS = (
    "Alice <zoe@alpha.test>",
    "bob@gamma.test",
    "=?utf-8?q?=C3=89mile?= <Emile@delta.test>",
    "Team: a@b.test, c@d.test;",
)


def letters(count: int) -> list[bytes]:
    chance = random.Random(count)
    return [
        raw_letter(
            number,
            subject=chance.choice(SUBJECTS),
            sender=chance.choice(SENDERS),
            body="x" * chance.randint(1, 5),
            extra=chance.choice(("", "Cc: Zoe <z@alpha.test>\r\n", "Cc: y@alpha.test\r\n")),
        ).replace(
            b"13:33:20", chance.choice((b"13:33:20", b"13:33:20 -0300 (x", b"01:01:01", b"tea time, 99:99"))
        )
        for number in range(count)
    ]


def plain_key(field: SortField, index: MessageIndex, size_bytes: int, received_at: int) -> Any:
    sent_at = received_at if index.sent_at is None else index.sent_at * 1_000_000
    keys: dict[SortField, Callable[[], Any]] = {
        SortField.ARRIVAL: lambda: received_at,
        SortField.CC: lambda: sort_key(index.cc_mailbox),
        SortField.DATE: lambda: sent_at,
        SortField.DISPLAYFROM: lambda: sort_key(index.from_display),
        SortField.DISPLAYTO: lambda: sort_key(index.to_display),
        SortField.FROM: lambda: sort_key(index.from_mailbox),
        SortField.SIZE: lambda: size_bytes,
        SortField.SUBJECT: lambda: sort_key(index.base_subject),
        SortField.TO: lambda: sort_key(index.to_mailbox),
    }
    return keys[field]()


async def make_keys(store: Store) -> None:
    while emails := await store.read(unkeyed, 1):
        contents = await store.read_blobs([blob_id for _, blob_id in emails])
        indexes = [(one[0], index_message(raw or b"")) for one, raw in zip(emails, contents, strict=True)]
        await store.write_bulk(write_keys, 1, indexes)
        await store.write_bulk(write_keys, 1, indexes)  # by another session, at the same time


async def test_every_order_is_the_plain_one(store: Store) -> None:
    box = (await store.write(add_account))["INBOX"]
    raws = letters(60)
    for place, raw in enumerate(raws):
        await append(store, 1, box, raw, received_at_us=NOON_US - (place % 7) * 1_000_000 + place)
    await make_keys(store)
    chance = random.Random(1)
    for _ in range(60):
        keys = [SortKey(field, bool(chance.getrandbits(1))) for field in chance.sample(FIELDS, 2)]
        uids = sorted(chance.sample(range(1, 61), chance.randint(1, 60)))
        expected = list(uids)
        for key in reversed(keys):
            expected.sort(
                key=lambda uid: plain_key(
                    key.field,
                    index_message(raws[uid - 1]),
                    len(raws[uid - 1]),
                    NOON_US - ((uid - 1) % 7) * 1_000_000,
                ),
                reverse=key.is_reverse,  # keeps the order of equals, as it must
            )
        assert await store.read(in_order, 1, box, uids, keys) == expected, keys


async def test_scattered_messages_are_picked_from_a_span(sqlite_store: Store) -> None:
    box = (await sqlite_store.write(add_account))["INBOX"]
    count = 2 * RANGES_IN_STATEMENT + 2
    await append(sqlite_store, 1, box, *[raw_letter(n, subject=f"{n % 10}") for n in range(1_000)])
    await append(sqlite_store, 1, box, *[raw_letter(n, subject=f"{n % 10}") for n in range(count - 1_000)])
    await make_keys(sqlite_store)
    odd = range(1, count, 2)
    found = await sqlite_store.read(in_order, 1, box, odd, [SortKey(SortField.SUBJECT)])
    assert sorted(found) == list(odd)
    assert found == sorted(odd, key=lambda uid: ((uid - 1) % 1_000 % 10, uid))
    assert await sqlite_store.read(in_order, 1, box, [], [SortKey(SortField.DATE)]) == []


def rows_of(tx: ReadTx) -> int:
    return int(tx.value("SELECT count(*) FROM sort_key"))


async def test_what_goes_by_keys_waits_for_the_newest(store: Store) -> None:
    box = (await store.write(add_account))["INBOX"]
    assert await store.read(if_keyed, 1, rows_of) == 0
    await append(store, 1, box, *map(raw_letter, range(KEYED_AT_ONCE + 1)))
    assert await store.read(if_keyed, 1, rows_of) is None
    assert len(await store.read(unkeyed, 1)) == KEYED_AT_ONCE
    await make_keys(store)
    assert await store.read(if_keyed, 1, rows_of) == KEYED_AT_ONCE + 1
    await append(store, 1, box, raw_letter(1))
    assert await store.read(if_keyed, 1, rows_of) is None
    (newest,) = await store.read(unkeyed, 1)
    await store.write(expunge_uids, 1, box, [(KEYED_AT_ONCE + 2, KEYED_AT_ONCE + 2)])
    await store.write(sweep_account, 1, 2**60)
    await store.write_bulk(write_keys, 1, [(newest[0], index_message(b""))])
    assert await store.read(if_keyed, 1, rows_of) == KEYED_AT_ONCE + 1
    assert await store.read(check_account, 1) == []


async def test_the_keys_of_accounts_are_apart(store: Store) -> None:
    for account_id in (1, 2, 3):
        await append(store, account_id, (await store.write(add_account, account_id))["INBOX"], raw_letter(1))
    await make_keys(store)
    assert await store.read(if_keyed, 1, rows_of) == 1
    for account_id in (2, 3):
        assert await store.read(if_keyed, account_id, rows_of) is None
        assert len(await store.read(unkeyed, account_id)) == 1


def age(tx: WriteTx) -> None:
    """The store of a release that folded search texts otherwise."""
    tx.run("UPDATE account SET refold_to = (SELECT max(email_id) FROM email)")
    tx.run("UPDATE email SET search_subject = 'äpfel' WHERE search_subject LIKE ?", search_fold("%ä%"))


async def test_old_search_texts_are_brought_to_the_form_of_today(store: Store) -> None:
    box = (await store.write(add_account))["INBOX"]
    raws = [raw_letter(n, subject="=?utf-8?q?=C3=84pfel?=" if n % 2 else "Birnen") for n in range(7)]
    await append(store, 1, box, *raws)
    assert await store.read(is_refolded, 1)
    await store.write(age)
    assert not await store.read(is_refolded, 1)
    sought = SubjectText(search_fold("Äpfel"))
    assert len((await store.read(search, 1, box, sought)).found.numbers()) == 0
    await make_keys(store)
    assert await store.read(is_refolded, 1)
    assert len((await store.read(search, 1, box, sought)).found.numbers()) == 3


def lose_keys(tx: WriteTx) -> None:
    tx.run("DELETE FROM sort_key WHERE email_id % 2 = 0")


async def test_lost_keys_are_found_and_made_again(store: Store) -> None:
    box = (await store.write(add_account))["INBOX"]
    await append(store, 1, box, *map(raw_letter, range(4)))
    await make_keys(store)
    await store.write(lose_keys)
    assert len(await store.read(check_account, 1)) == 2
    await store.write(repair, 1)
    assert await store.read(check_account, 1) == []
    assert await store.read(if_keyed, 1, rows_of) is None
    await make_keys(store)
    assert await store.read(if_keyed, 1, rows_of) == 4


async def test_keys_go_with_their_email(store: Store) -> None:
    box = (await store.write(add_account))["INBOX"]
    await append(store, 1, box, *map(raw_letter, range(4)))
    await make_keys(store)
    await store.write(expunge_uids, 1, box, [(1, 3)])
    await store.write(sweep_account, 1, 2**60)
    assert await store.read(rows_of) == 1


@pytest.mark.parametrize("field", FIELDS)
async def test_one_message_has_an_order(sqlite_store: Store, field: SortField) -> None:
    box = (await sqlite_store.write(add_account))["INBOX"]
    await append(sqlite_store, 1, box, b"\r\n")
    await make_keys(sqlite_store)
    assert await sqlite_store.read(in_order, 1, box, [1], [SortKey(field)]) == [1]


async def test_relevancy_is_one_criterion_among_others(store: Store) -> None:
    box = (await store.write(add_account))["INBOX"]
    await append(store, 1, box, *[raw_letter(n, subject="ab"[n % 2]) for n in range(6)])
    await make_keys(store)
    scored = {1: 5, 2: 9, 3: 9, 4: 1, 5: 5, 6: 9}
    score, subject = SortKey(SortField.RELEVANCY), SortKey(SortField.SUBJECT)
    for keys, expected in (
        ([score], [2, 3, 6, 1, 5, 4]),
        ([SortKey(SortField.RELEVANCY, is_reverse=True)], [4, 1, 5, 2, 3, 6]),
        ([subject, score], [3, 1, 5, 2, 6, 4]),
        ([score, SortKey(SortField.SUBJECT, is_reverse=True)], [2, 6, 3, 1, 5, 4]),
    ):
        assert await store.read(in_scored_order, 1, box, sorted(scored), keys, scored) == expected
