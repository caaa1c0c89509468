"""Finding the messages of a mailbox that match, for SEARCH, SORT, THREAD, ESEARCH and contexts.

Not here: the criteria (`imap.search`), deciding (`mailbox.search`). Source: RFC 9051 §6.4.4; RFC 6203.
"""

import functools
from array import array
from bisect import bisect_left
from collections.abc import Sequence

from postier.imap.fuzzy import Closeness, loosened, scores
from postier.imap.search import Criterion, Keyword, Messages
from postier.imap.search import Uids as UidsKey
from postier.imap.search_algebra import Binding, bind, conjunction, leaves
from postier.imap.sets import Ranges, SequenceSet, ranges_of
from postier.mailbox.keywords import keywords_of
from postier.mailbox.search import CANDIDATES_AT_ONCE, SearchPlan, Uids, candidates
from postier.mailbox.search import matching as matches_of
from postier.mailbox.search import search as plan_search
from postier.mailbox.seen import seen_by
from postier.servers.imap.connection import Connection
from postier.servers.imap.selected import Selected

INLINE_MESSAGES = 2_000  # larger mailboxes are searched beside the loop


async def matching_uids(
    connection: Connection,
    criterion: Criterion,
    *,
    uidnext: int,
    selected: Selected | None = None,
    closeness: Closeness = Closeness.LOOSE,
) -> "array[int]":
    """As `matching`, as numbers. Raises StoreError."""
    found = await matching(connection, criterion, uidnext=uidnext, selected=selected, closeness=closeness)
    return found.numbers()


async def matching(
    connection: Connection,
    criterion: Criterion,
    *,
    uidnext: int,
    selected: Selected | None = None,
    closeness: Closeness = Closeness.LOOSE,
) -> Uids:
    """UIDs below `uidnext` of what matches now in a mailbox, the open one if no other is given. Raises StoreError."""
    store = connection.store
    selected = selected or connection.opened()
    bound = await _bound(connection, selected, criterion, closeness)
    read = store.read if selected.view.exists <= INLINE_MESSAGES else store.read_bulk
    plan = await read(plan_search, selected.account_id, selected.mailbox_id, bound)
    found = plan.found
    if found.last >= uidnext:
        found = Uids(numbers=_known(found.numbers(), uidnext))
    if plan.undecided:
        undecided = _known(plan.undecided, uidnext)
        more = await _decided(connection, selected, plan, undecided)
        if more:
            found = Uids(numbers=array("I", sorted([*found.numbers(), *more])))
    return found


def _known(uids: "array[int]", uidnext: int) -> "array[int]":
    return uids[: bisect_left(uids, uidnext)]


async def relevancy(
    connection: Connection, criterion: Criterion, found: "array[int]", *, selected: Selected | None = None
) -> dict[int, int]:
    """The score of each message that a search with FUZZY found (RFC 6203 §4). Raises StoreError."""
    if not found:
        return {}
    asked = conjunction([UidsKey(ranges_of(found)), criterion])
    with_words, exact = [
        frozenset(
            await matching_uids(
                connection, asked, uidnext=found[-1] + 1, selected=selected, closeness=closeness
            )
        )
        for closeness in (Closeness.WORDS, Closeness.EXACT)
    ]
    return scores(found, with_words, exact)


async def _bound(
    connection: Connection, selected: Selected, criterion: Criterion, closeness: Closeness
) -> Criterion:
    """The criteria with everything in them that depends on the session; loads the UIDs only for numbers and `*`."""
    store, view = connection.store, selected.view
    for leaf in leaves(criterion):
        if isinstance(leaf, Messages) and (leaf.set.has_star or not leaf.is_uid):
            await selected.load(store)
        elif isinstance(leaf, Keyword):
            view.note_keywords(await store.read(keywords_of, selected.account_id))

    def ranges(numbers: SequenceSet, is_uid: bool) -> Ranges:  # noqa: FBT001 - `Binding` calls it by place
        if is_uid and not numbers.has_star and not numbers.is_saved_result:
            return numbers.resolve(0)
        return view.uid_ranges(numbers, is_uid)

    now_s = connection.owner.now_us() // 1_000_000
    seen = None
    if selected.is_foreign:
        seen = tuple(await store.read(seen_by, selected.account_id, selected.mailbox_id, selected.reader_id))
    loosen = functools.partial(loosened, closeness=closeness)
    return bind(criterion, Binding(view.keywords, ranges, view.recent_from, now_s, loosen, seen))


async def _decided(
    connection: Connection, selected: Selected, plan: SearchPlan, undecided: Sequence[int]
) -> list[int]:
    """The second step, for what only texts can tell."""
    store = connection.store
    found: list[int] = []
    for start in range(0, len(undecided), CANDIDATES_AT_ONCE):
        portion = undecided[start : start + CANDIDATES_AT_ONCE]
        messages = await store.read(candidates, selected.account_id, selected.mailbox_id, portion)
        contents = None
        if plan.needs_content:
            contents = await store.read_blobs([message.blob_id for message in messages])
        found += matches_of(plan.rest, messages, contents)
        connection.progress = start + len(portion), len(undecided)
        await connection.drain()
    return found
