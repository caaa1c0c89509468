"""SECURITY 15 at delivery: what a script may cost, in one run and in an hour."""

import pytest

from postier.accounts.scripts import active_script, list_scripts
from postier.mta.sieving.memory import CPU_BUDGET_US, HOUR_US, charge_cpu, cpu_used
from tests.mta.sieving.scripted import ZONES, give, letter, read
from tests.servers.smtp_server import letters

ALICE = "alice@alpha.test"
COSTLY = 'require "body";\n' + 'if body :text :contains "zzzz" { discard; }\n' * 200
LARGE = letter() + b"0123456789abcdef\r\n" * 100_000


async def send(node, content):
    client = await node.greeted()
    return await client.mail("zoe@honest.test", ALICE, letter=content)


async def subjects(store):
    return sorted(str(read(each)["Subject"]) for each in await letters(store, ALICE))


async def test_a_letter_that_costs_too_much_is_kept_and_the_script_stays(start_embedded, sqlite_store):
    node = await start_embedded(zones=ZONES)
    await give(sqlite_store, COSTLY)
    for _ in range(2):
        assert (await send(node, LARGE)).startswith("250 ")
    assert await subjects(sqlite_store) == ["Hello", "Hello", "Your mail filter main failed"]
    assert (await sqlite_store.read(active_script, 1)).name == "main"  # one letter must not disarm it
    assert await sqlite_store.read(cpu_used, 1, 0) > 0


async def test_a_script_that_costs_too_much_in_an_hour_is_disabled(start, store):
    node = await start(zones=ZONES)
    await give(store, 'require "fileinto"; fileinto "Archive";')
    await store.write(charge_cpu, 1, CPU_BUDGET_US)
    assert (await send(node, letter())).startswith("250 ")  # by the script, for the last time
    assert len(await letters(store, ALICE, "Archive")) == 1
    assert (await send(node, letter())).startswith("250 ")
    assert await subjects(store) == ["Hello", "Your mail filter main was disabled"]
    assert await store.read(active_script, 1) is None
    assert [each.name for each in await store.read(list_scripts, 1)] == ["main"]


@pytest.mark.parametrize(("ago_us", "used"), [(HOUR_US - 1, 7), (HOUR_US, 0)])
async def test_the_hour_passes(sqlite_store, ago_us, used):
    await sqlite_store.write(charge_cpu, 1, 5)
    assert await sqlite_store.write(charge_cpu, 1, 2) == 7
    now_us = await sqlite_store.read(lambda tx: tx.value("SELECT since FROM sieve_usage"))
    assert await sqlite_store.read(cpu_used, 1, now_us + ago_us) == used
    await sqlite_store.write(lambda tx: tx.run("UPDATE sieve_usage SET since = since - ?", HOUR_US))
    assert await sqlite_store.write(charge_cpu, 1, 3) == 3  # begun anew


async def test_a_large_letter_does_not_hold_up_the_others(start_embedded, sqlite_store):
    """Beyond some milliseconds a script runs beside the loop, where others go on."""
    node = await start_embedded(zones=ZONES)
    script = 'require ["body", "fileinto"];\n' + 'if body :text :contains "zzzz" { discard; }\n' * 20
    await give(sqlite_store, script + 'fileinto "Archive";')
    assert (await send(node, letter())).startswith("250 ")
    assert (await send(node, LARGE)).startswith("250 ")
    assert len(await letters(sqlite_store, ALICE, "Archive")) == 2
