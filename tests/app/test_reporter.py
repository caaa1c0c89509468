"""The duties around reports: woken, leased, ended."""

import asyncio

from postier.app.reporter import DELAY_US, LEASE, LEASE_US, SPREAD_US, Reporter, ReportSender, delay_us
from postier.mta.reports.arrivals import has_letters
from postier.mta.reports.received_rows import ReportKind
from postier.mta.reports.sightings import DAY_US, Sightings
from postier.mta.reports.summaries import Choice, reports_of
from postier.store.leases import take_lease
from tests.mailauth.reports.conftest import OLD_XML, letter
from tests.mta.post_office import eventually
from tests.mta.reports.test_received import domains, receive
from tests.mta.reports.test_sightings import found, see


async def test_a_noted_letter_is_read_at_once(store):
    await store.write(domains)
    async with asyncio.TaskGroup() as tasks:
        reporter = Reporter(store, "a/1/0")
        await reporter.start(tasks)
        await receive(store, letter(OLD_XML, "text/xml"))
        await eventually(lambda: store.read(reports_of, ReportKind.DMARC, Choice()))
        reporter.stop_accepting()
        await reporter.finish(0.0)


async def test_who_has_no_lease_reads_nothing(sqlite_store):
    await sqlite_store.write(domains)
    await sqlite_store.write(take_lease, LEASE, "other", LEASE_US)
    await receive(sqlite_store, letter(OLD_XML, "text/xml"))
    reporter = Reporter(sqlite_store, "a/1/0")
    await reporter._read()
    assert await sqlite_store.read(has_letters)
    reporter.stop_accepting()


async def test_what_was_seen_last_is_folded_at_the_end(sqlite_store):
    sightings = Sightings(sqlite_store, lambda: DAY_US)
    async with asyncio.TaskGroup() as tasks:
        service = ReportSender(sqlite_store, "a/1/0", sightings, None)
        await service.start(tasks)
        see(sightings, found())
        service.stop_accepting()
        await service.finish(0.0)
    assert await sqlite_store.read(lambda tx: tx.value("SELECT count(*) FROM dmarc_sighting")) == 1


def test_not_everybody_sends_at_midnight():
    times = {delay_us(f"mx{number}.test") for number in range(20)}
    assert len(times) == 20
    assert all(DELAY_US <= each < DELAY_US + SPREAD_US for each in times)
