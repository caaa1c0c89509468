"""What clients keep with mailboxes, on both engines."""

import pytest

from postier.accounts.scripts import put_script
from postier.mailbox import annotations
from postier.mailbox.annotations import (
    EVENT_SCRIPT,
    EVERYBODY,
    MAX_ANNOTATIONS,
    MAX_VALUE_BYTES,
    AnnotationTooLargeError,
    TooManyAnnotationsError,
    annotate,
    annotate_server,
    annotation_changes,
    annotations_of,
    event_scripts,
    server_annotations,
)
from postier.mailbox.folders import create_mailbox, delete_mailbox, rename_mailbox
from postier.mailbox.listing import mailbox_status
from postier.mailbox.refusals import MailboxRefusedError, Refusal
from postier.mailbox.verify import check_account
from postier.store.changes import ChangeKind, changes_since
from postier.store.transaction import Store, WriteTx
from tests.mailbox.letters import add_account

PRIVATE, SHARED = "/private/comment", "/shared/comment"


async def test_an_entry_is_kept_changed_and_removed(store: Store) -> None:
    inbox = (await store.write(add_account))["INBOX"]
    before = (await store.read(mailbox_status, 1, "INBOX", actor_id=1)).highest_modseq
    modseq = await store.write(annotate, 1, inbox, 1, [(PRIVATE, b"mine\0"), (SHARED, b"ours")])
    assert await store.read(annotations_of, 1, inbox, 1) == {PRIVATE: b"mine\0", SHARED: b"ours"}
    assert await store.read(annotations_of, 1, inbox, 2) == {SHARED: b"ours"}  # another reader
    assert (await store.read(mailbox_status, 1, "INBOX", actor_id=1)).highest_modseq == modseq > before
    (change,) = await store.read(changes_since, 1, modseq - 1)
    assert (change.kind, change.mailbox_id) == (ChangeKind.METADATA, inbox)
    last = await store.write(annotate, 1, inbox, 1, [(PRIVATE, None)])
    assert await store.read(annotations_of, 1, inbox, 1) == {SHARED: b"ours"}
    (changed,) = await store.read(annotation_changes, 1, 1, modseq)
    assert (changed.mailbox, changed.entries) == ("INBOX", [PRIVATE])
    assert await store.read(annotation_changes, 1, 2, modseq) == []
    assert await store.read(annotation_changes, 1, 1, last) == []
    assert await store.read(check_account, 1) == []


async def test_values_and_their_number_are_bounded(store: Store) -> None:
    inbox = (await store.write(add_account))["INBOX"]
    await store.write(annotate, 1, inbox, 1, [(PRIVATE, b"x" * MAX_VALUE_BYTES)])
    with pytest.raises(AnnotationTooLargeError):
        await store.write(annotate, 1, inbox, 1, [(SHARED, b"y"), (PRIVATE, b"x" * (MAX_VALUE_BYTES + 1))])
    assert SHARED not in await store.read(annotations_of, 1, inbox, 1)
    many = [(f"/shared/vendor/x/{number}", b"x") for number in range(MAX_ANNOTATIONS)]
    await store.write(annotate, 1, inbox, 1, many)
    with pytest.raises(TooManyAnnotationsError):
        await store.write(annotate, 1, inbox, 1, [(SHARED, b"y")])
    await store.write(annotate, 1, inbox, 1, [(many[0][0], None), (SHARED, b"y")])


async def test_all_of_an_account_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = await store.write(add_account)
    monkeypatch.setattr(annotations, "MAX_ACCOUNT_BYTES", 5)
    await store.write(annotate, 1, boxes["INBOX"], 1, [(PRIVATE, b"123")])
    with pytest.raises(TooManyAnnotationsError):
        await store.write(annotate, 1, boxes["Sent"], 1, [(PRIVATE, b"456")])


async def test_removed_entries_do_not_pile_up(store: Store) -> None:
    inbox = (await store.write(add_account))["INBOX"]
    for start in range(0, 3 * MAX_ANNOTATIONS, MAX_ANNOTATIONS):
        names = [f"/shared/vendor/x/{number}" for number in range(start, start + MAX_ANNOTATIONS)]
        await store.write(annotate, 1, inbox, 1, [(name, b"x") for name in names])
        await store.write(annotate, 1, inbox, 1, [(name, None) for name in names])

    def rows(tx: WriteTx) -> int:
        return int(tx.value("SELECT count(*) FROM annotation"))

    assert await store.read(rows) <= 2 * MAX_ANNOTATIONS


async def test_annotations_follow_the_mailbox(store: Store) -> None:
    inbox = (await store.write(add_account))["INBOX"]
    made = await store.write(create_mailbox, 1, "A", actor_id=1)
    await store.write(annotate, 1, made.mailbox_id, 1, [(SHARED, b"a")])
    await store.write(annotate, 1, inbox, 1, [(SHARED, b"inbox")])
    await store.write(rename_mailbox, 1, "A", "B", actor_id=1)
    assert await store.read(annotations_of, 1, made.mailbox_id, 1) == {SHARED: b"a"}
    await store.write(delete_mailbox, 1, "B", actor_id=1)
    assert await store.read(annotations_of, 1, made.mailbox_id, 1) == {}
    await store.write(rename_mailbox, 1, "INBOX", "Old", actor_id=1)
    old = (await store.read(mailbox_status, 1, "Old", actor_id=1)).mailbox_id
    for mailbox_id in (inbox, old):  # RFC 5464 §4.1: copied
        assert await store.read(annotations_of, 1, mailbox_id, 1) == {SHARED: b"inbox"}


async def test_the_special_use_is_an_annotation(store: Store) -> None:
    boxes = await store.write(add_account)
    use = annotations.SPECIAL_USE
    assert await store.read(annotations_of, 1, boxes["Sent"], 1) == {use: b"\\Sent"}
    with pytest.raises(MailboxRefusedError) as caught:
        await store.write(annotate, 1, boxes["INBOX"], 1, [(use, b"\\Sent")])
    assert caught.value.refusal is Refusal.USE_ATTRIBUTE
    await store.write(annotate, 1, boxes["Sent"], 1, [(use, b"\\SENT")])
    await store.write(annotate, 1, boxes["Sent"], 1, [(use, None)])
    await store.write(annotate, 1, boxes["Archive"], 1, [(use, None)])
    await store.write(annotate, 1, boxes["INBOX"], 1, [(use, b"\\archive")])
    status = await store.read(mailbox_status, 1, "INBOX", actor_id=1)
    assert status.special_use == "\\Archive"
    with pytest.raises(MailboxRefusedError):
        await store.write(annotate, 1, boxes["INBOX"], 2, [(use, None)])


async def test_the_server_has_entries_of_one_and_of_all(store: Store) -> None:
    await store.write(add_account)
    own = "/private/vendor/x/y"
    await store.write(annotate_server, 1, [(own, b"1")])
    with pytest.raises(MailboxRefusedError) as caught:
        await store.write(annotate_server, 1, [(SHARED, b"2")])
    assert caught.value.refusal is Refusal.NO_PERMISSION
    await store.write(lambda tx: tx.run("UPDATE account SET is_admin = 1"))
    await store.write(annotate_server, 1, [(SHARED, b"2")])
    with pytest.raises(MailboxRefusedError):
        await store.write(annotate_server, 1, [("/shared/admin", b"tel:1")])
    assert await store.read(server_annotations, 1) == {own: b"1", SHARED: b"2"}
    assert await store.read(server_annotations, 2) == {SHARED: b"2"}
    (changed,) = await store.read(annotation_changes, EVERYBODY, EVERYBODY, 0)
    assert (changed.mailbox, changed.entries) == ("", [SHARED])


# The script of IMAP events


async def test_only_the_owner_chooses_a_script_that_is_there(store: Store) -> None:
    """RFC 6785 §2.3.1."""
    inbox = (await store.write(add_account))["INBOX"]
    assert await store.write(put_script, 1, "Caf\u00e9", b"keep;") is None
    with pytest.raises(MailboxRefusedError) as refused:
        await store.write(annotate, 1, inbox, 2, [(EVENT_SCRIPT, "Caf\u00e9".encode())])
    assert refused.value.refusal is Refusal.NO_PERMISSION
    for value in (b"none", b"a/b", b"\xff"):
        with pytest.raises(MailboxRefusedError) as refused:
            await store.write(annotate, 1, inbox, 1, [(SHARED, b"x"), (EVENT_SCRIPT, value)])
        assert refused.value.refusal is Refusal.CANNOT
    assert await store.read(annotations_of, 1, inbox, 1) == {}
    assert await store.read(event_scripts, 1) == ({}, None)
    await store.write(annotate, 1, inbox, 1, [(EVENT_SCRIPT, "Cafe\u0301".encode())])  # names are NFC
    assert await store.read(event_scripts, 1) == ({inbox: "Cafe\u0301".encode()}, None)
    await store.write(annotate, 1, inbox, 1, [(EVENT_SCRIPT, b"")])
    assert await store.read(event_scripts, 1) == ({inbox: b""}, None)
    await store.write(annotate, 1, inbox, 1, [(EVENT_SCRIPT, None)])
    assert await store.read(event_scripts, 1) == ({}, None)
