"""SECURITY 32: what is judged junk is not passed on: it does not bounce at the far end, and nobody takes us for its source."""

import pytest

from postier.accounts.aliases import add_alias
from postier.defence.verdict import CLEAN, Disposition, Treatment, Verdict
from postier.mime.address import Address
from postier.mta.passing_on import may_leave, with_way_out
from postier.mta.trace_rows import story_of
from postier.smtp.reason import NOT_PASSED_ON
from tests.servers.smtp_server import counts, letters

FORGED = b"From: boss@bank.test\r\nSubject: x\r\n\r\nHi.\r\n"
HONEST = FORGED.replace(b"bank", b"remote")
ZONES = {".": "", "bank.test": '_dmarc IN TXT "v=DMARC1; p=quarantine"\n'}
REFUSAL = "550 5.7.1 Message is judged junk and is not passed on"


async def verdicts(store):
    return await store.read(lambda tx: [row[0] for row in tx.rows("SELECT trace_id FROM verdict ORDER BY 1")])


async def test_an_alias_with_a_mailbox_keeps_it_there(start, store):
    node = await start(zones=ZONES)
    client = await node.greeted()
    assert (await client.mail("z@evil.test", "both@alpha.test", letter=FORGED)).startswith("250 ")
    assert node.jobs == []
    assert len(await letters(store, "carole@alpha.test", "Junk")) == 1
    (letter_id,) = await verdicts(store)
    story = await store.read(story_of, letter_id)
    assert [each.event for each in story] == ["spoof", "withheld"]
    assert story[1].detail == "judged junk, not passed on to carl@elsewhere.test"


@pytest.mark.parametrize(
    "recipients",
    [("list@alpha.test",), ("alice@alpha.test", "list@alpha.test"), ("both@alpha.test", "list@alpha.test")],
)
async def test_where_no_mailbox_would_hold_it_is_refused(start, store, recipients):
    """Nothing is accepted and then dropped, for none of its recipients."""
    node = await start(zones=ZONES)
    client = await node.greeted()
    assert (await client.mail("z@evil.test", *recipients, letter=FORGED)).startswith(REFUSAL)
    assert node.jobs == []
    assert (await counts(store))[:3] == (0, 0, 0)
    (letter_id,) = await verdicts(store)
    (story,) = await store.read(story_of, letter_id)
    assert "leads to another server, and junk is not passed on" in story.detail


async def test_what_is_not_junk_is_passed_on(start, store):
    node = await start(zones=ZONES)
    client = await node.greeted()
    for recipient in ("list@alpha.test", "both@alpha.test"):
        assert (await client.mail("z@remote.test", recipient, letter=HONEST)).startswith("250 ")
    assert [job.destination for job in node.jobs] == ["lists.test", "elsewhere.test"]


async def test_junk_for_mailboxes_alone_is_as_ever(start, store):
    node = await start(zones=ZONES)
    client = await node.greeted()
    reply = await client.mail("z@evil.test", "team@alpha.test", "carole@alpha.test", letter=FORGED)
    assert reply.startswith("250 ")
    for name in ("alice", "bob", "carole"):
        assert len(await letters(store, f"{name}@alpha.test", "Junk")) == 1


async def test_the_next_letter_of_the_connection_starts_anew(start, store):
    node = await start(zones=ZONES)
    client = await node.greeted()
    assert (await client.mail("z@evil.test", "list@alpha.test", letter=FORGED)).startswith(REFUSAL)
    assert (await client.mail("z@evil.test", "alice@alpha.test", letter=FORGED)).startswith("250 ")


async def test_many_targets_are_told_in_short(start_embedded, sqlite_store):
    targets = [Address(f"t{number}", "far.test") for number in range(50)]
    await sqlite_store.write(
        add_alias, Address("many", "alpha.test"), [Address("bob", "alpha.test"), *targets]
    )
    node = await start_embedded(zones=ZONES)
    client = await node.greeted()
    assert (await client.mail("z@evil.test", "many@alpha.test", letter=FORGED)).startswith("250 ")
    (letter_id,) = await verdicts(sqlite_store)
    _, withheld = await sqlite_store.read(story_of, letter_id)
    assert withheld.detail.count("@") == 20


JUNK = Verdict(Disposition.SPOOF, Treatment.JUNK, 8.0, ("x",))


@pytest.mark.parametrize("leads_elsewhere", [True, False])
def test_the_verdict_of_the_way_out(leads_elsewhere):
    assert with_way_out(CLEAN, leads_elsewhere=leads_elsewhere) is CLEAN
    found = with_way_out(JUNK, leads_elsewhere=leads_elsewhere)
    assert (found.treatment is Treatment.REFUSE) == leads_elsewhere
    assert (found.refusal is NOT_PASSED_ON) == leads_elsewhere
    assert (found.disposition, found.points) == (JUNK.disposition, JUNK.points)
    assert may_leave(CLEAN)
    assert not may_leave(found)
