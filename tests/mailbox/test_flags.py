"""STORE, and the keywords that it may need."""

import pytest

from postier.imap.flags import DELETED, FLAGGED, MAX_KEYWORDS, SEEN
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.keywords import keyword_bits, keywords_of
from postier.mailbox.reading import Column, fetch_columns, flags_in, open_mailbox, uid_flags
from postier.mailbox.refusals import LimitError
from postier.mailbox.transfer import move_messages
from postier.mailbox.verify import check_account
from postier.store.changes import account_modseq, changes_since
from postier.store.transaction import Store
from tests.mailbox.letters import add_account, append, raw_letter


async def test_only_what_differs_changes(store: Store) -> None:
    boxes = await store.write(add_account)
    box = boxes["INBOX"]
    await append(store, 1, box, *[raw_letter(n) for n in range(5)])
    first = await store.write(store_flags, 1, box, [(2, 3), (9, 9)], StoreMode.ADD, SEEN)
    assert first.changed == [(2, 3)]
    second = await store.write(store_flags, 1, box, [(1, 9)], StoreMode.ADD, SEEN)
    assert second.changed == [(1, 1), (4, 5)]
    assert second.modseq == first.modseq + 1
    rows = await store.read(fetch_columns, 1, box, [(1, 9)], [Column.UID, Column.MODSEQ])
    assert [uid for uid, modseq in rows if modseq == first.modseq] == [2, 3]
    nothing = await store.write(store_flags, 1, box, [(1, 9)], StoreMode.REPLACE, SEEN)
    assert (nothing.changed, nothing.modseq) == ([], second.modseq)
    assert await store.read(account_modseq, 1) == second.modseq
    assert [change.ranges for change in await store.read(changes_since, 1, first.modseq)] == [
        [(1, 1), (4, 5)]
    ]


@pytest.mark.parametrize("mode", StoreMode)
async def test_who_names_the_uids_is_told_their_flags(store: Store, mode: StoreMode) -> None:
    boxes = await store.write(add_account)
    box, twin = boxes["INBOX"], boxes["Archive"]
    held = [0, SEEN, DELETED, SEEN | DELETED, SEEN | FLAGGED]
    for each in (box, twin):
        await append(store, 1, each, *[raw_letter(n) for n in range(6)])
        await store.write(expunge_uids, 1, each, [(4, 4)])
        for uid, flags in zip((1, 2, 3, 5, 6), held, strict=True):
            await store.write(store_flags, 1, each, [(uid, uid)], StoreMode.REPLACE, flags)
    for mask in (SEEN, DELETED | FLAGGED):
        told = await store.write(store_flags, 1, box, [(1, 6)], mode, mask, uids=[1, 2, 3, 5, 6])
        silent = await store.write(store_flags, 1, twin, [(1, 6)], mode, mask)
        assert told.changed == silent.changed != []
        assert silent.flags is None
        assert told.flags == await store.read(flags_in, 1, twin, [(1, 6)])
        assert told.flags == await store.read(flags_in, 1, box, [(1, 6)])
        again = await store.write(store_flags, 1, box, [(1, 6)], mode, mask, uids=[1, 2, 3, 5, 6])
        assert (again.changed, again.flags) == ([], told.flags)
    astray = await store.write(store_flags, 1, box, [(1, 6)], mode, SEEN, uids=[1, 2, 3, 4, 5, 6])
    assert astray.flags is None
    assert await store.read(check_account, 1) == []


async def test_unchanged_since_leaves_newer_ones_alone(store: Store) -> None:
    boxes = await store.write(add_account)
    box = boxes["INBOX"]
    await append(store, 1, box, raw_letter(1), raw_letter(2), raw_letter(3))
    seen_at = await store.read(account_modseq, 1)
    await store.write(store_flags, 1, box, [(2, 2)], StoreMode.ADD, FLAGGED)
    done = await store.write(
        store_flags, 1, box, [(1, 3)], StoreMode.REPLACE, DELETED, unchanged_since=seen_at
    )
    assert (done.changed, done.modified) == ([(1, 1), (3, 3)], [(2, 2)])
    assert await store.read(uid_flags, 1, box, [(1, 3)]) == [(1, 8), (2, 4), (3, 8)]
    assert await store.read(check_account, 1) == []


async def test_sets_of_very_many_ranges(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postier.mailbox.tally.RANGES_IN_STATEMENT", 7)
    boxes = await store.write(add_account)
    box = boxes["INBOX"]
    await append(store, 1, box, *[raw_letter()] * 200)
    dense = [(uid, uid) for uid in range(1, 200, 2)]
    assert (await store.write(store_flags, 1, box, dense, StoreMode.ADD, SEEN)).changed == dense
    sparse = [(uid, uid) for uid in range(10, 2_000, 10)]  # scattered beyond what there is
    stored = await store.write(store_flags, 1, box, sparse, StoreMode.ADD, FLAGGED)
    assert stored.changed == sparse[:20]
    rows = await store.read(uid_flags, 1, box, sparse)
    assert await store.read(flags_in, 1, box, sparse) == [bits for _, bits in rows]
    assert await store.read(flags_in, 1, box, [(90_000, 90_001)]) == []
    assert rows == [(uid, FLAGGED) for uid in range(10, 201, 10)]
    assert (await store.write(expunge_uids, 1, box, sparse)).ranges == sparse[:20]
    assert (await store.write(move_messages, 1, box, dense, boxes["Trash"])).source_ranges == dense
    assert (await store.read(open_mailbox, 1, "INBOX", actor_id=1)).message_count == 80
    assert await store.read(check_account, 1) == []


async def test_keywords_are_given_bits_for_ever(store: Store) -> None:
    await store.write(add_account)
    assert await store.write(keyword_bits, 1, ["$Junk", "news", "$JUNK"]) == 32 | 64
    assert await store.write(keyword_bits, 1, ["NEWS", "other"]) == 64 | 128
    assert await store.write(keyword_bits, 1, ["unknown", "news"], create=False) == 64
    assert await store.read(keywords_of, 1) == ("$Junk", "news", "other")
    assert (await store.read(open_mailbox, 1, "INBOX", actor_id=1)).keywords == ("$Junk", "news", "other")


async def test_keywords_end(store: Store) -> None:
    await store.write(add_account)
    mask = await store.write(keyword_bits, 1, [f"k{n}" for n in range(MAX_KEYWORDS)])
    assert mask == (2**62 - 1) & ~31
    with pytest.raises(LimitError, match="57 keywords"):
        await store.write(keyword_bits, 1, ["k1", "one-more"])
    boxes = await store.read(open_mailbox, 1, "INBOX", actor_id=1)
    await append(store, 1, boxes.mailbox_id, raw_letter(), flags=mask)
    await store.write(store_flags, 1, boxes.mailbox_id, [(1, 1)], StoreMode.REMOVE, mask & ~(1 << 61))
    assert await store.read(uid_flags, 1, boxes.mailbox_id, [(1, 1)]) == [(1, 1 << 61)]
