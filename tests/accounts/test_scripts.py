"""Scripts of accounts, on both engines."""

import pytest

from postier.accounts import scripts
from postier.accounts.accounts import remove_account
from postier.accounts.refusals import NotFoundError
from postier.accounts.scripts import (
    ListedScript,
    ScriptProblem,
    activate_script,
    active_script,
    delete_script,
    list_scripts,
    put_script,
    rename_script,
    room_for_script,
    script_content,
)
from tests.mailbox.letters import add_account


@pytest.fixture
async def accounts(store):
    await store.write(add_account, 1)
    await store.write(add_account, 2)


pytestmark = pytest.mark.usefixtures("accounts")


async def test_a_script_is_kept_replaced_renamed_and_deleted(store):
    assert await store.write(put_script, 1, "main", b"keep;") is None
    assert await store.write(put_script, 1, "main", b"stop;\xff") is None
    assert await store.read(script_content, 1, "main") == b"stop;\xff"
    assert await store.read(script_content, 2, "main") is None
    assert await store.write(rename_script, 1, "main", "first") is None
    assert await store.write(rename_script, 1, "main", "x") is ScriptProblem.NONEXISTENT
    await store.write(put_script, 1, "second", b"keep;")
    assert await store.write(rename_script, 1, "second", "first") is ScriptProblem.ALREADY_EXISTS
    assert await store.read(list_scripts, 1) == [
        ListedScript("first", 6, False),
        ListedScript("second", 5, False),
    ]
    assert await store.write(delete_script, 1, "first") is None
    assert await store.write(delete_script, 1, "first") is ScriptProblem.NONEXISTENT
    assert await store.read(list_scripts, 2) == []


async def test_one_script_is_active(store):
    for name in ("a", "b"):
        await store.write(put_script, 1, name, name.encode())
    await store.write(put_script, 2, "a", b"other")
    assert await store.read(active_script, 1) is None
    assert await store.write(activate_script, 1, "a") is None
    assert await store.write(activate_script, 1, "b") is None
    assert await store.write(activate_script, 1, "none") is ScriptProblem.NONEXISTENT
    assert (await store.read(active_script, 1)).name == "b"
    assert await store.write(delete_script, 1, "b") is ScriptProblem.ACTIVE
    await store.write(put_script, 1, "b", b"changed")
    await store.write(rename_script, 1, "b", "c")
    found = await store.read(active_script, 1)
    assert (found.name, found.content) == ("c", b"changed")
    assert await store.read(active_script, 2) is None
    assert await store.write(activate_script, 1, "") is None
    assert await store.write(activate_script, 1, "") is None
    assert await store.read(active_script, 1) is None


async def test_there_is_so_much_room_and_no_more(store, monkeypatch):
    monkeypatch.setattr(scripts, "MAX_SCRIPTS", 2)
    monkeypatch.setattr(scripts, "MAX_SCRIPTS_OCTETS", 10)
    assert await store.write(put_script, 1, "a", b"12345") is None
    assert await store.write(put_script, 1, "b", b"123456") is ScriptProblem.TOO_LARGE
    assert await store.write(put_script, 1, "b", b"12345") is None
    assert await store.write(put_script, 1, "c", b"") is ScriptProblem.TOO_MANY
    assert await store.read(room_for_script, 1, "a", 5) is None  # it takes its own place
    assert await store.read(room_for_script, 1, "a", 6) is ScriptProblem.TOO_LARGE
    assert len(await store.read(list_scripts, 1)) == 2


async def test_they_go_with_the_account(store):
    await store.write(put_script, 1, "a", b"keep;")
    await store.write_bulk(remove_account, 1)
    assert await store.read(list_scripts, 1) == []
    with pytest.raises(NotFoundError):
        await store.write(put_script, 1, "a", b"keep;")
