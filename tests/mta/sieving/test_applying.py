"""A script on stored mail, on both engines (the command is in tests/cli/test_sieve_store.py)."""

import time

import pytest

from postier.imap.flags import FLAGGED, SEEN
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.folders import create_mailbox, delete_mailbox, rename_mailbox
from postier.mailbox.verify import check_account
from postier.mime.address import Address
from postier.mta.sieving.applying import (
    FORGOTTEN_AT_ONCE,
    PORTION,
    Target,
    apply_script,
    do,
    forget_runs,
    runs_of,
    say,
    undo_portion,
)
from postier.mta.sieving.shelf import Shelf
from postier.sieve.script import compile_script
from tests.mailbox.letters import add_account, append, raw_letter

SCRIPT = """require ["fileinto", "mailbox", "imap4flags", "copy"];
if header "subject" "a" { addflag "\\\\Seen"; fileinto :copy :create "Copies"; fileinto "Archive"; }
elsif header "subject" "b" { setflag "\\\\Flagged"; keep; }
elsif header "subject" "c" { discard; }
"""


@pytest.fixture
async def target(store):
    made = await store.write(add_account, 1)
    return Target(1, Address("user1", "beta.test"), made["INBOX"], "INBOX")


async def apply(store, target, script=SCRIPT, *, is_rehearsal=False):
    shelf = Shelf(store)
    run_id = time.time_ns() // 1_000
    looked_at = []
    said, done = await apply_script(
        store,
        shelf,
        compile_script(script),
        target,
        run_id=run_id,
        is_rehearsal=is_rehearsal,
        on_portion=looked_at.append,
    )
    shelf.close()
    return run_id, said, done, looked_at


async def undo(store, run_id):
    undone = passed_over = 0
    while portion := await store.write_bulk(undo_portion, 1, run_id):
        undone += portion.undone
        passed_over += portion.passed_over
    assert await store.read_bulk(check_account, 1) == []
    return undone, passed_over


async def fill(store, target, *subjects):
    raws = [raw_letter(number, subject=subject) for number, subject in enumerate(subjects)]
    await append(store, 1, target.mailbox_id, *raws)


async def flags(store):
    rows = await store.read(
        lambda tx: tx.rows(
            "SELECT b.name, e.flags FROM entry e JOIN mailbox b ON b.account_id = e.account_id"
            " AND b.mailbox_id = e.mailbox_id ORDER BY b.name, e.uid"
        )
    )
    return [(name, bits) for name, bits in rows]


async def test_done_and_undone(store, target):
    await fill(store, target, "a", "b", "c", "d")
    before = await flags(store)
    assert (await apply(store, target, is_rehearsal=True))[2:] == ({}, [4])
    assert await flags(store) == before
    run_id, _, done, _ = await apply(store, target)
    assert done == {"copied into Copies": 1, "moved into Archive": 1, "flagged": 1, "moved into Trash": 1}
    assert await flags(store) == [
        ("Archive", SEEN),
        ("Copies", SEEN),
        ("INBOX", FLAGGED),
        ("INBOX", 0),
        ("Trash", 0),
    ]
    assert await store.read(runs_of, 1) == [(run_id, 4)]
    assert await undo(store, run_id) == (4, 0)
    assert await flags(store) == before
    assert await store.read(runs_of, 1) == []


async def test_what_has_gone_since_is_passed_over(store, target):
    await fill(store, target, "a", "b", "c")
    run_id, *_ = await apply(store, target)
    await store.write(expunge_uids, 1, target.mailbox_id, [(1, 99)])
    await store.write(delete_mailbox, 1, "Copies", actor_id=1)
    assert await undo(store, run_id) == (2, 2)
    assert await flags(store) == [("INBOX", 0), ("INBOX", 0)]


async def test_portions(store, target):
    await fill(store, target, *("a", "d") * (PORTION // 2 + 3))
    run_id, said, done, looked_at = await apply(store, target)
    assert looked_at == [PORTION, 6]
    assert (len(said), done["moved into Archive"]) == (PORTION + 6, PORTION // 2 + 3)
    assert await undo(store, run_id) == (PORTION + 6, 0)  # a copy and a move each


async def test_old_runs_are_forgotten(store, target):
    await fill(store, target, "b")
    run_id, *_ = await apply(store, target)
    assert await store.write(forget_runs, run_id) is False
    assert len(await store.read(runs_of, 1)) == 1
    rows = [(1, 5, step) for step in range(FORGOTTEN_AT_ONCE)]
    await store.write(
        lambda tx: tx.run_many(
            "INSERT INTO sieve_applied (account_id, run_id, step, kind, mailbox_id, target_id, uid, flags)"
            " VALUES (?, ?, ?, 'flagged', 1, 1, 1, 0)",
            rows,
        )
    )
    assert await store.write(forget_runs, run_id) is True
    assert await store.write(forget_runs, run_id + 1) is False
    assert await store.read(runs_of, 1) == []


async def test_a_server_that_runs_beside_is_heeded(store, target):
    """Between what the script said and what is done, people go on."""
    await store.write(lambda tx: create_mailbox(tx, 1, "Box", actor_id=1))
    box = await store.read(lambda tx: tx.value("SELECT mailbox_id FROM mailbox WHERE name = 'Box'"))
    there = Target(1, target.address, box, "Box")
    await fill(store, there, "b", "a", "stays")
    shelf = Shelf(store)
    script = compile_script(SCRIPT + 'if header "subject" "stays" { fileinto "None"; }')
    said = await say(store, shelf, script, there, [1, 2, 3], 0)
    shelf.close()
    await store.write(store_flags, 1, box, [(1, 1)], StoreMode.ADD, SEEN)  # stays
    await store.write(expunge_uids, 1, box, [(2, 2)])
    await store.write(lambda tx: rename_mailbox(tx, 1, "Box", "Renamed", actor_id=1))
    assert await store.write(do, there, said, 5, 0) == {"flagged": 1}
    assert await flags(store) == [("Renamed", FLAGGED | SEEN), ("Renamed", 0)]
    await store.write(delete_mailbox, 1, "Renamed", actor_id=1)
    assert await store.write(do, there, said, 6, 0) == {}
    assert await store.read_bulk(check_account, 1) == []
