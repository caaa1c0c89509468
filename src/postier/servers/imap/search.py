r"""SEARCH and UID SEARCH.

Not here: the criteria (`imap.search`), deciding (`mailbox.search`), result lines (`imap.search_results`). Source: RFC 9051
§6.4.4, §6.4.4.1. Invariants: only messages that the client knows of are found; `$` is set by a search that succeeds, and
empty after one that does not.
"""

from array import array
from bisect import bisect_left

from postier.imap.commands.search import Search
from postier.imap.search import Binding, Criterion, Keyword, Messages, bind, leaves
from postier.imap.search_results import saved_result, search_answer, search_line_of
from postier.imap.sets import Ranges, SequenceSet
from postier.mailbox.keywords import keywords_of
from postier.mailbox.search import CANDIDATES_AT_ONCE, SearchPlan, Uids, candidates, matching
from postier.mailbox.search import search as plan_search
from postier.servers.imap.connection import Connection, Done
from postier.store.transaction import StoreError

INLINE_MESSAGES = 2_000  # larger mailboxes are searched beside the loop


async def search(connection: Connection, command: Search) -> Done:
    """Answer with the messages that match."""
    try:
        found = await _found(connection, command)
    except StoreError:
        if command.saves:
            clear_saved(connection)
        raise
    selected, returns = connection.opened(), command.returns
    if command.is_uid and returns is None and not connection.session.uses_esearch:
        text = found.text()
        if text is not None:
            connection.send(search_line_of(text.encode()))
            return Done("SEARCH completed")
    uids = found.numbers()
    numbers = uids if command.is_uid else selected.view.seqs_of(uids)
    if command.saves and returns is not None:
        selected.view.save(saved_result(returns, uids))
    uses_esearch = connection.session.uses_esearch
    connection.send(
        search_answer(command.tag, numbers, is_uid=command.is_uid, returns=returns, uses_esearch=uses_esearch)
    )
    return Done("SEARCH completed")


def clear_saved(connection: Connection) -> None:
    """A search that was to set `$` was refused (RFC 9051 §6.4.4.1)."""
    if connection.selected is not None:
        connection.selected.view.save(array("I"))


async def _found(connection: Connection, command: Search) -> Uids:
    """UIDs of what matches, with the view loaded if the answer is numbers. Raises StoreError."""
    selected, store = connection.opened(), connection.store
    # EXPUNGE may not be sent yet (RFC 9051 §7.5.1), new messages may: a search is for what is there now
    connection.send(await selected.news(store, may_expunge=False))
    criterion = await _bound(connection, command.criterion)
    read = store.read if selected.view.exists <= INLINE_MESSAGES else store.read_bulk
    plan = await read(plan_search, selected.account_id, selected.mailbox_id, criterion)
    found = plan.found
    if found.last >= selected.told_uidnext:
        found = Uids(numbers=_known(found.numbers(), selected.told_uidnext))
    if plan.undecided:
        found = Uids(numbers=await _decided(connection, plan, found.numbers()))
    if not command.is_uid:
        await selected.load(store)
    return found


def _known(uids: "array[int]", told_uidnext: int) -> "array[int]":
    return uids[: bisect_left(uids, told_uidnext)]


async def _bound(connection: Connection, criterion: Criterion) -> Criterion:
    """The criteria with everything in them that depends on the session; loads the UIDs only for numbers and `*`."""
    selected, store = connection.opened(), connection.store
    view = selected.view
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
    return bind(criterion, Binding(view.keywords, ranges, view.recent_from, now_s))


async def _decided(connection: Connection, plan: SearchPlan, found: "array[int]") -> "array[int]":
    """The second step, for what only texts can tell."""
    store, selected = connection.store, connection.opened()
    undecided = _known(plan.undecided, selected.told_uidnext)
    more: list[int] = []
    for start in range(0, len(undecided), CANDIDATES_AT_ONCE):
        portion = undecided[start : start + CANDIDATES_AT_ONCE]
        messages = await store.read(candidates, selected.account_id, selected.mailbox_id, portion)
        contents = None
        if plan.needs_content:
            contents = await store.read_blobs([message.blob_id for message in messages])
        more += matching(plan.rest, messages, contents)
        await connection.drain()
    return array("I", sorted([*found, *more])) if more else found
