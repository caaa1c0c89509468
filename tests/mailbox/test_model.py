"""The store against a dict: any history gives the same mailboxes, counters, UIDs, and a log that replays to them."""

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postier.imap.flags import DELETED, SEEN
from postier.mailbox.expunge import expunge_deleted, expunge_uids
from postier.mailbox.filing import Letter, file_messages
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.listing import mailbox_status
from postier.mailbox.reading import Column, fetch_columns, open_mailbox, uid_flags, uids_at
from postier.mailbox.resync import changed_uids, vanished_since
from postier.mailbox.transfer import copy_messages, move_messages
from postier.mailbox.verify import check_account
from postier.mailbox.views import changes_for
from postier.mime.index import index_message
from postier.store.blobs import draft
from postier.store.changes import ChangeKind, changes_since
from postier.store.transaction import Store, WriteTx
from postier.store.uid_ranges import ranges_of
from tests.mailbox.letters import NOON_US, add_account, raw_letter

BOXES = ("INBOX", "Archive", "Trash")
ALL = [(1, 2**32 - 1)]

box = st.sampled_from(("INBOX", "INBOX", "INBOX", "Archive", "Trash"))
uids = st.sets(st.integers(1, 10), min_size=2, max_size=8)
mask = st.sampled_from([0, 1, 2, 8, 9, 32, 33])
operation = st.one_of(
    st.tuples(st.just("append"), box, st.integers(1, 4), mask),
    st.tuples(st.just("store"), box, uids, st.sampled_from(StoreMode), mask),
    st.tuples(st.just("copy"), box, uids, box),
    st.tuples(st.just("move"), box, uids, box),
    st.tuples(st.just("expunge"), box),
    st.tuples(st.just("expunge_uids"), box, uids),
)
start = st.tuples(st.just("append"), st.just("INBOX"), st.integers(4, 8), mask)
history = st.builds(lambda first, rest: [first, *rest], start, st.lists(operation, min_size=6, max_size=14))
_accounts = itertools.count(100)

RAW = raw_letter()
BLOB = draft(RAW)
INDEX = index_message(RAW)


class Model:
    """What the mailboxes must hold."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[int, int]] = {name: {} for name in BOXES}
        self.uidnext = dict.fromkeys(BOXES, 1)

    def add(self, name: str, flags: int) -> int:
        uid = self.uidnext[name]
        self.uidnext[name] += 1
        self.entries[name][uid] = flags
        return uid

    def apply(self, op: tuple[Any, ...]) -> list[int]:
        """Do it; the UIDs that the store must name in its answer."""
        kind, name, *rest = op
        entries = self.entries[name]
        match kind, rest:
            case "append", [count, flags]:
                return [self.add(name, flags) for _ in range(count)]
            case "store", [chosen, mode, flags]:
                changed = []
                for uid in sorted(chosen & entries.keys()):
                    old = entries[uid]
                    new = {
                        StoreMode.ADD: old | flags,
                        StoreMode.REMOVE: old & ~flags,
                        StoreMode.REPLACE: flags,
                    }[mode]
                    entries[uid] = new
                    if new != old:
                        changed.append(uid)
                return changed
            case "copy", [chosen, target]:
                return [self.add(target, entries[uid]) for uid in sorted(chosen & entries.keys())]
            case "move", [chosen, target]:
                moving = [(uid, entries[uid]) for uid in sorted(chosen & entries.keys())]
                for uid, _ in moving:
                    del entries[uid]
                return [self.add(target, flags) for _, flags in moving]
            case "expunge", []:
                gone = [uid for uid, flags in entries.items() if flags & DELETED]
            case _:
                gone = sorted(rest[0] & entries.keys())
        for uid in gone:
            del entries[uid]
        return gone


def run(tx: WriteTx, account_id: int, ids: dict[str, int], op: tuple[Any, ...]) -> list[tuple[int, int]]:
    kind, name, *rest = op
    here = ids[name]
    match kind, rest:
        case "append", [count, flags]:
            letters = [Letter(INDEX, BLOB.blob_id, len(RAW), NOON_US, flags)] * count
            return ranges_of([one.uid for one in file_messages(tx, account_id, here, letters)])
        case "store", [chosen, mode, flags]:
            return store_flags(tx, account_id, here, ranges_of(sorted(chosen)), mode, flags).changed
        case "copy", [chosen, target]:
            return copy_messages(tx, account_id, here, ranges_of(sorted(chosen)), ids[target]).target_ranges
        case "move", [chosen, target]:
            return move_messages(tx, account_id, here, ranges_of(sorted(chosen)), ids[target]).target_ranges
        case "expunge", []:
            return expunge_deleted(tx, account_id, here).ranges
        case _:
            return expunge_uids(tx, account_id, here, ranges_of(sorted(rest[0]))).ranges


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(history, st.integers(0, 13))
async def test_any_history(store: Store, operations: list[tuple[Any, ...]], look_at: int) -> None:
    account_id = next(_accounts)
    ids = await store.write(add_account, account_id)
    model = Model()
    seen: dict[str, tuple[dict[int, int], int, int]] = {}
    for step, op in enumerate(operations):
        if step == min(look_at, len(operations) - 1):
            for name in BOXES:
                state = await store.read(open_mailbox, account_id, name, actor_id=account_id)
                seen[name] = (dict(model.entries[name]), state.uidnext, state.modseq)
        ranges = await store.write_with_blobs([BLOB], run, account_id, ids, op)
        assert ranges == ranges_of(model.apply(op)), op
    for name in BOXES:
        expected = model.entries[name]
        rows = await store.read(uid_flags, account_id, ids[name], ALL)
        assert rows == sorted(expected.items())
        status = await store.read(mailbox_status, account_id, name, actor_id=account_id)
        assert status.uidnext == model.uidnext[name]
        assert status.message_count == len(expected)
        assert status.unseen_count == sum(not flags & SEEN for flags in expected.values())
        assert status.deleted_count == sum(flags & DELETED != 0 for flags in expected.values())
        before, uidnext, modseq = seen[name]
        assert list(await store.read(uids_at, account_id, ids[name], uidnext, modseq)) == sorted(before)
        changes = await store.read(changes_for, account_id, ids[name], modseq)
        assert changes is not None
        assert (changes.uidnext, changes.message_count) == (model.uidnext[name], len(expected))
        view = dict(before)
        for first, last in changes.expunged:
            for uid in range(first, last + 1):
                del view[uid]
        assert {uid for uid, _, _ in changes.flags} <= view.keys()
        view.update({uid: bits for uid, bits, _ in changes.flags})
        for first, last in changes.appended:
            for uid in range(first, last + 1):
                view[uid] = expected[uid]
        assert view == expected
        modseqs = await store.read(fetch_columns, account_id, ids[name], ALL, [Column.UID, Column.MODSEQ])
        assert modseqs == await last_changes(store, account_id, ids[name])
        assert changes.highest_modseq == status.highest_modseq >= max([0, *dict(modseqs).values()])
        vanished = uids_of(await store.read(vanished_since, account_id, ids[name], ALL, modseq))
        assert vanished & before.keys() == before.keys() - expected.keys()
        assert not vanished & expected.keys()
        changed = await store.read(changed_uids, account_id, ids[name], ALL, modseq)
        assert [*changed] == [uid for uid, at in modseqs if at > modseq]
    assert await store.read(check_account, account_id) == []


def uids_of(ranges: list[tuple[int, int]]) -> set[int]:
    return {uid for first, last in ranges for uid in range(first, last + 1)}


async def last_changes(store: Store, account_id: int, mailbox_id: int) -> list[tuple[int, int]]:
    """(UID, modseq of the last change that names it) of what the log says is there."""
    last: dict[int, int] = {}
    for change in await store.read(changes_since, account_id, 0):
        if change.mailbox_id == mailbox_id:
            for uid in (uid for first, end in change.ranges for uid in range(first, end + 1)):
                last[uid] = change.modseq
                if change.kind is ChangeKind.EXPUNGED:
                    del last[uid]
    return sorted(last.items())
