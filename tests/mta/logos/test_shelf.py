"""What a worker remembers of logos and wishes for: bounded, refreshed, once a minute."""

import time

import pytest

from postier.mailauth.bimi import Assertion, claim_of_domain
from postier.mailauth.questions import run
from postier.mta.logos import shelf as shelves
from postier.mta.logos.rows import HOUR_US, JudgedLogo, keep_logo
from postier.mta.logos.shelf import REMEMBERED_S, WISH_AGAIN_S, LogoShelf
from tests.mailauth.bimi.marks import LOGO, authority
from tests.mailauth.bimi.test_assertion import RECORD, World


class Clock:
    """Loop time and the time of day, turned by the test."""

    def __init__(self):
        self.s = 1_000.0
        self.us = time.time_ns() // 1000


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shelf(sqlite_store, clock):
    return LogoShelf(sqlite_store, lambda: clock.us, clock=lambda: clock.s)


def claim(domain="alpha.test", record=RECORD):
    names = {f"_dmarc.{domain}": "v=DMARC1; p=reject", f"default._bimi.{domain}": record}
    return run(claim_of_domain(domain), World(names))


async def keep(store, shelf, clock, of, **facts):
    given = {"document": LOGO, "renew_at": clock.us + HOUR_US, "expires_at": clock.us + 2 * HOUR_US, **facts}
    judged = JudgedLogo(Assertion.PASS, **given)
    await store.write(keep_logo, of.organisation, shelf._fingerprint(of), judged)


async def told(shelf, of):
    return (await shelf._of_claim(of)).method.result


async def test_a_wish_is_made_once_a_minute(shelf, clock):
    for _ in range(3):
        assert await told(shelf, claim()) == "temperror"
    assert shelf.wishes.qsize() == 1
    clock.s += WISH_AGAIN_S
    await told(shelf, claim())
    assert shelf.wishes.qsize() == 2


async def test_memory_looks_again_after_its_time(shelf, sqlite_store, clock):
    await keep(sqlite_store, shelf, clock, claim())
    assert await told(shelf, claim()) == "pass"
    await sqlite_store.write(lambda tx: tx.run("DELETE FROM judged_logo"))
    clock.s += REMEMBERED_S - 1
    assert await told(shelf, claim()) == "pass"
    clock.s += 1
    assert await told(shelf, claim()) == "temperror"


async def test_what_was_fetched_is_asked_for_at_once(shelf, sqlite_store, clock):
    await keep(sqlite_store, shelf, clock, claim())
    first = await shelf._of_claim(claim())
    await keep(sqlite_store, shelf, clock, claim(), document=LOGO + b"\n")
    assert await shelf._of_claim(claim()) == first
    shelf.forget(shelf._fingerprint(claim()))
    assert (await shelf._of_claim(claim())).fields != first.fields


async def test_it_is_renewed_while_it_holds_and_ends(shelf, sqlite_store, clock):
    await keep(sqlite_store, shelf, clock, claim())
    clock.us += HOUR_US - 1
    assert (await told(shelf, claim()), shelf.wishes.qsize()) == ("pass", 0)
    clock.us += 1
    assert (await told(shelf, claim()), shelf.wishes.qsize()) == ("pass", 1)
    clock.us += HOUR_US
    assert await told(shelf, claim()) == "temperror"


async def test_memory_and_wishes_are_bounded(shelf, monkeypatch):
    monkeypatch.setattr(shelves, "MAX_WISHED", 3)
    for number in range(shelves.MAX_WISHES + 5):
        assert await told(shelf, claim(f"d{number}.test")) == "temperror"
    assert shelf.wishes.full()
    assert len(shelf._wished) == 3


async def test_so_many_are_in_memory(shelf, sqlite_store, clock, monkeypatch):
    monkeypatch.setattr(shelves, "MAX_IN_MEMORY", 2)
    for number in range(4):
        of = claim(f"d{number}.test")
        await keep(sqlite_store, shelf, clock, of)
        await told(shelf, of)
    assert len(shelf._memory) == 2


def test_what_decides_what_is_told_is_in_the_fingerprint(shelf, sqlite_store):
    base = claim()
    marks = {
        shelf._fingerprint(base),
        shelf._fingerprint(claim("beta.test")),
        shelf._fingerprint(claim(record=RECORD.replace("a.svg", "b.svg"))),
        shelf._fingerprint(claim(record=RECORD + "https://logo.alpha.test/v.pem")),
        shelf._fingerprint(claim(record=RECORD + "; avp=personal")),
        LogoShelf(sqlite_store, int, (authority().root,))._fingerprint(base),
    }
    assert len(marks) == 6
