"""Which script an account has, and what is kept compiled."""

import pytest

from postier.accounts.scripts import activate_script, put_script
from postier.mailbox.annotations import EVENT_SCRIPT, annotate
from postier.mailbox.folders import mailbox_id_of
from postier.mta.sieving.shelf import REMEMBERED_S, Choice, NotCompiledError, Shelf, Version
from postier.sieve.problems import ScriptError
from tests.accounts.clock import Clock
from tests.mailbox.letters import add_account


@pytest.fixture
async def shelf(store, tmp_path):
    await store.write(add_account, 1)
    clock = Clock()
    made = Shelf(store, event_script="imapsieve", global_folder=tmp_path, now=clock)
    made.clock = clock
    yield made
    made.close()


async def test_a_change_is_heard_of(store, shelf):
    assert await shelf.choice(1) == Choice()
    assert shelf.known(1) == Choice()
    await store.write(put_script, 1, "main", b"keep;")
    await store.write(activate_script, 1, "main")
    await store.write(put_script, 1, "imapsieve", b"keep;")
    choice = await shelf.choice(1)
    assert choice.delivery.name == "main"
    assert choice.event.name == "imapsieve"
    await store.write(activate_script, 1, "")
    assert (await shelf.choice(1)).delivery is None


async def test_a_mailbox_chooses_its_script(store, shelf):
    inbox = await store.read(mailbox_id_of, 1, "INBOX")
    await store.write(put_script, 1, "Caf\u00e9", b"keep;")
    assert (await shelf.choice(1)).event_in(inbox) is None
    await store.write(annotate, 1, inbox, 1, [(EVENT_SCRIPT, "Cafe\u0301".encode())])
    assert (await shelf.choice(1)).event_in(inbox).name == "Caf\u00e9"
    assert (await shelf.choice(1)).event_in(inbox + 1) is None
    await store.write(put_script, 1, "imapsieve", b"keep;")
    assert (await shelf.choice(1)).event_in(inbox + 1).name == "imapsieve"
    await store.write(annotate, 1, inbox, 1, [(EVENT_SCRIPT, b"")])
    assert (await shelf.choice(1)).event_in(inbox) is None


async def test_a_lost_wake_up_costs_time_only(store, shelf):
    await shelf.choice(1)
    await store.write(
        lambda tx: tx.run(
            "INSERT INTO sieve_script (account_id, name, content, is_active, changed_at) VALUES (1, 'a', ?, 1, 5)",
            b"keep;",
        )
    )
    assert await shelf.choice(1) == Choice()
    shelf.clock.now += REMEMBERED_S
    assert (await shelf.choice(1)).delivery == Version(1, "a", 5)


async def test_a_script_is_compiled_once_and_not_on_the_loop(store, shelf):
    await store.write(put_script, 1, "main", b"keep;")
    await store.write(activate_script, 1, "main")
    version = (await shelf.choice(1)).delivery
    with pytest.raises(NotCompiledError):
        await store.read(shelf.compiled, version, may_compile=False)
    made = await store.read_bulk(shelf.compiled, version, may_compile=True)
    assert await store.read(shelf.compiled, version, may_compile=False) is made
    assert await store.read(shelf.included, 1, "main", may_compile=False) is made
    assert await store.read(shelf.included, 1, "none", may_compile=False) is None
    await store.write(put_script, 1, "main", b"stop;")
    assert await store.read_bulk(shelf.compiled, version, may_compile=True) is made  # what runs still
    assert await store.read_bulk(shelf.included, 1, "main", may_compile=True) is not made


async def test_what_is_wrong_stays_wrong(store, shelf):
    await store.write(put_script, 1, "main", b"nonsense")
    for _ in range(2):
        with pytest.raises(ScriptError):
            await store.read_bulk(shelf.included, 1, "main", may_compile=True)
    gone = Version(1, "none", 1)
    assert await store.read_bulk(shelf.compiled, gone, may_compile=True) is None


async def test_global_scripts_are_files(shelf, tmp_path):
    assert shelf.shared("all", may_compile=True) is None
    (tmp_path / "all.sieve").write_text("keep;")
    first = shelf.shared("all", may_compile=True)
    assert shelf.shared("all", may_compile=True) is first
    with pytest.raises(NotCompiledError):
        shelf.shared("all", may_compile=False)
    (tmp_path / "bad.sieve").write_text("nonsense")
    with pytest.raises(ScriptError):
        shelf.shared("bad", may_compile=True)
