"""Who may do what with the mailboxes of others, and what they have seen of them, on both engines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.flags import DELETED, FLAGGED, SEEN
from postier.imap.rights import ALL_RIGHTS, Right, parse_rights
from postier.mailbox.flags import StoreMode, permitted_flags, store_flags_as
from postier.mailbox.folders import create_mailbox, delete_mailbox, rename_mailbox, subscribe
from postier.mailbox.listing import list_mailboxes, mailbox_status
from postier.mailbox.reading import uid_flags
from postier.mailbox.refusals import MailboxRefusedError, Refusal
from postier.mailbox.rights import NAMESPACES, Place, enter, owner_of, rights_on, split_shared
from postier.mailbox.seen import overlaid, see, seen_by, unseen_by
from postier.mailbox.sharing import MAX_GRANTS, acl_of, grant, identifier_in
from postier.mailbox.verify import check_account
from postier.store.changes import ChangeKind, changes_since
from postier.store.transaction import Store, WriteTx
from tests.mailbox.letters import add_account, append, raw_letter

ALICE, BOB = 1, 2


def address(tx: WriteTx, account_id: int) -> str:
    return str(tx.value("SELECT address FROM account WHERE account_id = ?", account_id))


def with_login(tx: WriteTx, account_id: int) -> None:
    tx.run(
        "INSERT INTO credential (account_id, credential_id, kind, name, secret, created_at) VALUES (?, 1, 'x', '', '', 0)",
        account_id,
    )


async def two(store: Store) -> tuple[dict[str, int], str, str]:
    """Alice's mailboxes; the addresses of both."""
    boxes = await store.write(add_account, ALICE)
    await store.write(add_account, BOB)
    await store.write(with_login, ALICE)
    return boxes, await store.read(address, ALICE), await store.read(address, BOB)


async def give(store: Store, mailbox_id: int, who: str, letters: str) -> Place:
    place = Place(ALICE, mailbox_id, "", ALL_RIGHTS)
    await store.write(grant, place, who, parse_rights(letters))
    return Place(ALICE, mailbox_id, "", parse_rights(letters))


async def test_rights_are_given_and_taken_back(store: Store) -> None:
    boxes, alice, bob = await two(store)
    name = f"#user/{alice}/Sent"
    place = await give(store, boxes["Sent"], bob, "lr")
    assert await store.read(rights_on, BOB, ALICE, boxes["Sent"]) == parse_rights("lr")
    entered = await store.read(enter, BOB, name, actor_id=BOB, right=Right.READ)
    assert (entered.account_id, entered.mailbox_id, entered.name) == (ALICE, boxes["Sent"], "Sent")
    with pytest.raises(MailboxRefusedError) as refused:
        await store.read(enter, BOB, name, actor_id=BOB, right=Right.INSERT)
    assert refused.value.refusal is Refusal.NO_PERMISSION
    assert [one.name for one in await store.read(list_mailboxes, BOB, actor_id=BOB) if "#" in one.name] == [
        "#user",
        f"#user/{alice}",
        name,
    ]
    (change,) = (await store.read(changes_since, ALICE, 0))[-1:]
    assert (change.kind, change.mailbox_id) == (ChangeKind.RIGHTS, boxes["Sent"])
    await store.write(grant, place, bob, frozenset())
    with pytest.raises(MailboxRefusedError) as refused:
        await store.read(enter, BOB, name, actor_id=BOB)
    assert refused.value.refusal is Refusal.NONEXISTENT
    assert not [one for one in await store.read(list_mailboxes, BOB, actor_id=BOB) if "#" in one.name]


async def test_who_may_only_post_or_mark_does_not_know_of_the_mailbox(store: Store) -> None:
    boxes, alice, bob = await two(store)
    await give(store, boxes["Sent"], bob, "pswte")
    with pytest.raises(MailboxRefusedError) as refused:
        await store.read(enter, BOB, f"#user/{alice}/Sent", actor_id=BOB)
    assert refused.value.refusal is Refusal.NONEXISTENT


async def test_anyone_is_the_owners_domain(store: Store) -> None:
    boxes, alice, bob = await two(store)
    await give(store, boxes["Sent"], "anyone", "lr")
    assert await store.read(rights_on, BOB, ALICE, boxes["Sent"]) == parse_rights("lr")
    await give(store, boxes["Sent"], bob, "i")
    assert await store.read(rights_on, BOB, ALICE, boxes["Sent"]) == parse_rights("lri")
    assert bob.rpartition("@")[2] == alice.rpartition("@")[2]
    await store.write(
        lambda tx: tx.run("UPDATE account SET address = 'bob@other.test' WHERE account_id = ?", BOB)
    )
    assert await store.read(rights_on, BOB, ALICE, boxes["Sent"]) == frozenset()
    assert not [one for one in await store.read(list_mailboxes, BOB, actor_id=BOB) if "#" in one.name]


async def test_the_list_has_the_owner_and_a_limit(store: Store) -> None:
    boxes, alice, bob = await two(store)
    place = await give(store, boxes["Sent"], bob, "lr")
    assert await store.read(acl_of, place) == [(alice, ALL_RIGHTS), (bob, parse_rights("lr"))]
    with pytest.raises(MailboxRefusedError):
        await store.write(grant, place, alice, frozenset())
    for number in range(MAX_GRANTS - 1):
        await store.write(grant, place, f"x{number}@other.test", parse_rights("l"))
    with pytest.raises(MailboxRefusedError) as refused:
        await store.write(grant, place, "more@other.test", parse_rights("l"))
    assert refused.value.refusal is Refusal.LIMIT


@pytest.mark.parametrize(
    ("text", "identifier"),
    [("Anyone", "anyone"), ("BOB@Other.Test", "bob@other.test"), ("-bob", None), ("@", None), ("a b", None)],
)
async def test_identifiers(store: Store, text: str, identifier: str | None) -> None:
    await two(store)
    if identifier is None:
        with pytest.raises(MailboxRefusedError):
            await store.read(identifier_in, ALICE, text)
    else:
        assert await store.read(identifier_in, ALICE, text) == identifier


async def test_mailboxes_below_inherit_and_lists_end_with_the_mailbox(store: Store) -> None:
    boxes, alice, bob = await two(store)
    await give(store, boxes["Sent"], bob, "lrkx")
    made = await store.write(create_mailbox, BOB, f"#user/{alice}/Sent/2026", actor_id=BOB)
    assert (made.account_id, made.name) == (ALICE, "Sent/2026")
    assert await store.read(rights_on, BOB, ALICE, made.mailbox_id) == parse_rights("lrkx")
    with pytest.raises(MailboxRefusedError):
        await store.write(create_mailbox, BOB, f"#user/{alice}/Top", actor_id=BOB)
    await store.write(
        rename_mailbox, BOB, f"#user/{alice}/Sent/2026", f"#user/{alice}/Sent/Old", actor_id=BOB
    )
    with pytest.raises(MailboxRefusedError):
        await store.write(rename_mailbox, BOB, f"#user/{alice}/Sent/Old", "Mine", actor_id=BOB)
    await store.write(delete_mailbox, BOB, f"#user/{alice}/Sent/Old", actor_id=BOB)
    left = await store.read(lambda tx: tx.value("SELECT count(*) FROM mailbox_right"))
    assert left == 1
    await store.write(subscribe, BOB, f"#user/{alice}/Sent", actor_id=BOB)
    (listed,) = [
        one for one in await store.read(list_mailboxes, BOB, actor_id=BOB) if one.name.endswith("/Sent")
    ]
    assert listed.is_subscribed
    assert listed.status is not None


async def test_accounts_without_a_login_are_shared(store: Store) -> None:
    boxes, alice, bob = await two(store)
    await give(store, boxes["Sent"], bob, "lr")
    await store.write(lambda tx: tx.run("DELETE FROM credential"))
    assert await store.read(owner_of, BOB, f"#shared/{alice}/Sent") == (ALICE, "Sent")
    with pytest.raises(MailboxRefusedError):
        await store.read(owner_of, BOB, f"#user/{alice}/Sent")
    assert f"#shared/{alice}/Sent" in [
        one.name for one in await store.read(list_mailboxes, BOB, actor_id=BOB)
    ]


def test_an_address_may_hold_separators() -> None:
    assert split_shared("a/b@c.test/INBOX/x") == ("a/b@c.test", "INBOX/x")
    assert split_shared("a@c.test") == ("a@c.test", "")
    assert split_shared("") == ("", "")
    assert all(prefix.startswith("#") for prefix in NAMESPACES)


async def test_seen_is_each_readers_own(store: Store) -> None:
    boxes, alice, bob = await two(store)
    inbox = boxes["INBOX"]
    await append(store, ALICE, inbox, *[raw_letter(number) for number in range(5)])
    place = await give(store, inbox, bob, "lrs")
    stored = await store.write(store_flags_as, place, BOB, [(2, 4)], StoreMode.ADD, SEEN | FLAGGED)
    assert stored.changed == [(2, 4)]
    assert await store.read(seen_by, ALICE, inbox, BOB) == [(2, 4)]
    assert {flags for _, flags in await store.read(uid_flags, ALICE, inbox, [(1, 9)])} == {0}
    assert await store.read(unseen_by, ALICE, inbox, BOB) == 2
    status = await store.read(mailbox_status, BOB, f"#user/{alice}/INBOX", actor_id=BOB)
    assert (status.unseen_count, status.highest_modseq) == (
        5,
        stored.modseq,
    )  # the owner's, who has seen none
    again = await store.write(store_flags_as, place, BOB, [(1, 4)], StoreMode.ADD, SEEN)
    assert again.changed == [(1, 1)]
    kept = await store.write(
        store_flags_as, place, BOB, [(1, 5)], StoreMode.REMOVE, SEEN, unchanged_since=stored.modseq
    )
    assert (kept.changed, kept.modified) == ([(2, 4)], [(1, 1)])
    assert await store.read(check_account, ALICE) == []
    with pytest.raises(MailboxRefusedError) as refused:
        await store.write(store_flags_as, place, BOB, [(1, 5)], StoreMode.ADD, DELETED)
    assert refused.value.refusal is Refusal.NO_PERMISSION


async def test_replace_leaves_what_one_may_not_change(store: Store) -> None:
    boxes, _, bob = await two(store)
    inbox = boxes["INBOX"]
    await append(store, ALICE, inbox, raw_letter(1))
    both = await give(store, inbox, bob, "lrswt")
    await store.write(store_flags_as, both, BOB, [(1, 1)], StoreMode.REPLACE, SEEN | FLAGGED | DELETED)
    assert await store.read(uid_flags, ALICE, inbox, [(1, 1)]) == [(1, FLAGGED | DELETED)]
    only_w = await give(store, inbox, bob, "lrw")
    stored = await store.write(store_flags_as, only_w, BOB, [(1, 1)], StoreMode.REPLACE, 0)
    assert stored.changed == [(1, 1)]
    assert await store.read(uid_flags, ALICE, inbox, [(1, 1)]) == [(1, DELETED)]
    assert await store.read(seen_by, ALICE, inbox, BOB) == [(1, 1)]
    status = await store.read(mailbox_status, ALICE, "INBOX", actor_id=ALICE)
    assert (status.unseen_count, status.deleted_count) == (1, 1)


@given(
    st.sets(st.integers(1, 40)),
    st.lists(st.tuples(st.sets(st.integers(1, 40), min_size=1), st.booleans()), max_size=6),
)
def test_flags_are_overlaid(uids: set[int], steps: list[tuple[set[int], bool]]) -> None:
    seen: set[int] = set()
    for some, is_seen in steps:
        seen = seen | some if is_seen else seen - some
    ordered = sorted(uids)
    from postier.store.uid_ranges import ranges_of

    assert overlaid(ranges_of(sorted(seen)), ordered, [FLAGGED | SEEN] * len(ordered)) == [
        FLAGGED | (SEEN if uid in seen else 0) for uid in ordered
    ]


async def test_what_is_new_to_the_reader_is_told(store: Store) -> None:
    await two(store)
    assert await store.write(see, ALICE, 1, BOB, [(1, 5)], is_seen=True) == [(1, 5)]
    assert await store.write(see, ALICE, 1, BOB, [(3, 8)], is_seen=True) == [(6, 8)]
    assert await store.write(see, ALICE, 1, BOB, [(2, 2), (9, 9)], is_seen=False) == [(2, 2)]
    assert await store.read(seen_by, ALICE, 1, BOB) == [(1, 1), (3, 8)]


def test_rights_and_flags() -> None:
    assert permitted_flags(parse_rights("lr")) == 0
    assert permitted_flags(parse_rights("s")) == SEEN
    assert permitted_flags(parse_rights("t")) == DELETED
    assert permitted_flags(parse_rights("w")) & (SEEN | DELETED) == 0
    assert (
        permitted_flags(ALL_RIGHTS) & (SEEN | DELETED | FLAGGED | 1 << 61)
        == SEEN | DELETED | FLAGGED | 1 << 61
    )
