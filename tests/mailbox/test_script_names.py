"""A renamed script keeps its mailboxes, on both engines."""

from postier.accounts.scripts import ScriptProblem, put_script
from postier.mailbox.annotations import (
    EVENT_SCRIPT,
    annotate,
    annotate_server,
    annotation_changes,
    event_scripts,
)
from postier.mailbox.listing import mailbox_status
from postier.mailbox.script_names import rename_script_and_references
from postier.mailbox.verify import check_account
from tests.mailbox.letters import add_account


async def test_mailboxes_follow(store):
    ids = await store.write(add_account)
    other = (await store.write(add_account, 2))["INBOX"]
    for account_id in (1, 2):
        for name in (b"a\xcc\x8a", b"b"):
            await store.write(put_script, account_id, name.decode() if name == b"b" else "\u00e5", b"keep;")
    await store.write(lambda tx: tx.run("UPDATE account SET is_admin = 1 WHERE account_id = 1"))
    await store.write(annotate_server, 1, [(EVENT_SCRIPT, b"\xc3\xa5")])
    await store.write(annotate, 1, ids["INBOX"], 1, [(EVENT_SCRIPT, b"a\xcc\x8a")])  # the same name
    await store.write(annotate, 1, ids["Archive"], 1, [(EVENT_SCRIPT, b"\xc3\xa5")])
    await store.write(annotate, 1, ids["Junk"], 1, [(EVENT_SCRIPT, b"b")])
    modseq = await store.write(annotate, 1, ids["Sent"], 1, [(EVENT_SCRIPT, b"")])
    await store.write(annotate, 2, other, 2, [(EVENT_SCRIPT, b"\xc3\xa5")])
    assert await store.write(rename_script_and_references, 1, "\u00e5", "new") is None
    assert await store.read(event_scripts, 1) == (
        {ids["INBOX"]: b"new", ids["Archive"]: b"new", ids["Junk"]: b"b", ids["Sent"]: b""},
        b"\xc3\xa5",  # the server's is not the account's
    )
    assert (await store.read(event_scripts, 2))[0] == {other: b"\xc3\xa5"}
    changes = await store.read(annotation_changes, 1, 1, modseq)
    assert [(each.mailbox, each.entries) for each in changes] == [
        ("INBOX", [EVENT_SCRIPT]),
        ("Archive", [EVENT_SCRIPT]),
    ]
    assert (await store.read(mailbox_status, 1, "Archive", actor_id=1)).highest_modseq > modseq
    assert await store.read(check_account, 1) == []


async def test_a_refused_renaming_changes_nothing(store):
    inbox = (await store.write(add_account))["INBOX"]
    for name in ("a", "b"):
        await store.write(put_script, 1, name, b"keep;")
    await store.write(annotate, 1, inbox, 1, [(EVENT_SCRIPT, b"a")])
    for old, new, problem in (
        ("a", "b", ScriptProblem.ALREADY_EXISTS),
        ("c", "d", ScriptProblem.NONEXISTENT),
    ):
        assert await store.write(rename_script_and_references, 1, old, new) is problem
    assert (await store.read(event_scripts, 1))[0] == {inbox: b"a"}
    assert await store.write(rename_script_and_references, 1, "b", "c") is None  # which nothing names
