"""What became of claims: fetched by one at a time, bounded for each organisation and in all, gone after its time."""

import time

import pytest

from postier.mailauth.bimi import Assertion
from postier.mta.logos import rows
from postier.mta.logos.rows import (
    FETCHING_US,
    KEPT_US,
    JudgedLogo,
    begin_fetching,
    find_logo,
    forget_logos,
    keep_logo,
)


def now_us():
    return time.time_ns() // 1000


def judged(*, renew_us=KEPT_US // 2, ends_us=KEPT_US, document=b"<svg/>"):
    now = now_us()
    return JudgedLogo(
        Assertion.PASS, document=document, title="A", renew_at=now + renew_us, expires_at=now + ends_us
    )


def mark(number):
    return number.to_bytes(16)


async def begin(store, organisation="a.test", number=1):
    return await store.write(begin_fetching, organisation, mark(number))


async def count(store):
    return await store.read(lambda tx: tx.value("SELECT count(*) FROM judged_logo"))


async def test_one_fetches_and_all_read(store):
    assert await store.read(find_logo, "a.test", mark(1)) is None
    assert await begin(store)
    assert not await begin(store)
    assert await begin(store, "b.test")
    assert await store.read(find_logo, "a.test", mark(1)) is None  # not there yet
    kept = judged()
    await store.write(keep_logo, "a.test", mark(1), kept)
    assert await store.read(find_logo, "a.test", mark(1)) == kept
    assert await store.read(find_logo, "b.test", mark(1)) is None
    assert not await begin(store)  # it is fresh


async def test_it_is_fetched_again_before_it_ends(store):
    await store.write(keep_logo, "a.test", mark(1), judged(renew_us=-1))
    assert await begin(store)
    assert not await begin(store)
    assert await store.read(find_logo, "a.test", mark(1)) is not None  # it holds meanwhile


async def test_a_fetch_that_never_ended_is_begun_again(store):
    assert await begin(store)
    await store.write(
        lambda tx: tx.run("UPDATE judged_logo SET fetching_until = ?, expires_at = ?", now_us(), now_us())
    )
    assert await begin(store)
    assert FETCHING_US < KEPT_US


async def test_what_has_ended_goes(store):
    await store.write(keep_logo, "a.test", mark(1), judged(ends_us=-1))
    await store.write(keep_logo, "a.test", mark(2), judged())
    await store.write(forget_logos)
    assert await count(store) == 1
    await store.write(keep_logo, "b.test", mark(1), judged(ends_us=-1))
    assert await begin(store, "c.test")
    assert await count(store) == 2


@pytest.mark.parametrize("room", [0, 1])
async def test_an_organisation_has_so_many(store, monkeypatch, room):
    monkeypatch.setattr(rows, "MAX_OF_ORGANISATION", 3)
    for number in range(3 - room):
        await store.write(keep_logo, "a.test", mark(number), judged())
    assert await begin(store, number=9) == bool(room)
    assert await begin(store, "b.test", number=9)


async def test_all_have_so_many_and_what_ends_first_goes(store, monkeypatch):
    monkeypatch.setattr(rows, "MAX_LOGOS", 3)
    for number, ends_us in enumerate((3_000_000_000, 1_000_000_000, 2_000_000_000), 1):
        await store.write(keep_logo, f"d{number}.test", mark(1), judged(ends_us=ends_us))
    assert await begin(store, "new.test")
    left = await store.read(lambda tx: tx.rows("SELECT organisation FROM judged_logo ORDER BY organisation"))
    assert [name for (name,) in left] == ["d1.test", "d3.test", "new.test"]
    await store.write(keep_logo, "d2.test", mark(1), judged())  # it was under way when it went
    assert await store.read(find_logo, "d2.test", mark(1)) is not None
