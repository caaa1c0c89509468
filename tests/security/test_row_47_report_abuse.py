"""SECURITY 47: nobody uses our reports to flood a victim."""

import asyncio
import random
from datetime import date

import pytest

from postier.accounts.directory import Directory
from postier.accounts.dkim_keys import make_keys
from postier.accounts.domains import add_domain
from postier.defence.verdict import CLEAN, Disposition, Treatment, Verdict
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailauth import dmarc, spf
from postier.mailauth.outcome import Outcome
from postier.mta.authenticate import Authentication
from postier.mta.reports.sending import Sender
from postier.mta.reports.sightings import Sightings
from tests.mta.reports.servers import DAY_US, Poster, real_now_us

JUNK = Verdict(Disposition.SPOOF, Treatment.JUNK, 8.0, ("x",))
ZONES = {
    ".": "",
    "honest.test": "",
    "victim.test": "",
    "agreeing.test": 'honest.test._report._dmarc IN TXT "v=DMARC1"\n',
}


def seen(domain, rua, result=Outcome.PASS):
    record = dmarc.parse_record(f"v=DMARC1; p=reject; rua={rua}".encode())
    policy = dmarc.Policy.REJECT
    disposition = policy if result is Outcome.FAIL else dmarc.Policy.NONE
    return Authentication(
        spf.SpfResult(Outcome.PASS, domain, "mailfrom"),
        (),
        dmarc.DmarcResult(result, domain, policy, policy, disposition, domain=domain, record=record),
        None,
        b"",
        b"",
    )


@pytest.fixture
async def sending(sqlite_store):
    """Sightings, and what sends them as if the day were over; how many it may send is an argument."""
    directory = Directory(sqlite_store, hostname="mx.alpha.test")
    async with AuthoritativeServer(Zones(ZONES)) as dns:
        resolver = Resolver([(dns.host, dns.port)])
        await sqlite_store.write(add_domain, "alpha.test", make_keys("alpha.test", date(2026, 1, 1)))
        sightings = Sightings(sqlite_store, real_now_us)

        async def send(per_day=10):
            await sightings.fold()
            sender = Sender(
                sqlite_store, directory, resolver, Poster(), "mx.alpha.test", per_day, real_now_us,
                random.getrandbits, delay_us=-DAY_US,
            )  # fmt: skip
            return await sender.send_due(asyncio.Event())

        yield sightings, send
    directory.close()


async def recipients(store):
    rows = await store.read(
        lambda tx: tx.rows("SELECT forward_path FROM queue_recipient ORDER BY forward_path")
    )
    return [path for (path,) in rows]


def letter(sightings, found, verdict=CLEAN):
    sightings.letter(found, verdict, "192.0.2.1", "a@b.test")


async def test_a_victim_that_did_not_agree_gets_nothing(sending, sqlite_store):
    sightings, send = sending
    letter(sightings, seen("spam.honest.test", "mailto:flood@victim.test"))
    assert await send() == 0
    assert await recipients(sqlite_store) == []


async def test_who_agreed_gets_it(sending, sqlite_store):
    sightings, send = sending
    letter(sightings, seen("honest.test", "mailto:a@honest.test,mailto:b@agreeing.test,mailto:c@victim.test"))
    assert await send() == 1
    assert await recipients(sqlite_store) == ["a@honest.test", "b@agreeing.test"]


async def test_nothing_but_spam_makes_no_report(sending, sqlite_store):
    sightings, send = sending
    letter(sightings, seen("honest.test", "mailto:a@honest.test", Outcome.FAIL), JUNK)
    assert await send() == 0
    assert await recipients(sqlite_store) == []
    assert await sqlite_store.read(lambda tx: tx.value("SELECT count(*) FROM dmarc_sighting")) == 0


async def test_reports_are_capped_by_day(sending, sqlite_store):
    sightings, send = sending
    for number in range(5):
        letter(sightings, seen(f"d{number}.honest.test", f"mailto:a@d{number}.honest.test"))
    assert await send(per_day=2) == 2
    assert await send(per_day=2) == 0
    assert await send(per_day=3) == 1
    assert len(await recipients(sqlite_store)) == 3
