r"""SEARCH and UID SEARCH.

Not here: the criteria (`imap.search`), deciding (`mailbox.search`), result lines (`imap.search_results`). Source: RFC 9051
§6.4.4, §6.4.4.1. Invariants: only messages that the client knows of are found; `$` is set by a search that succeeds, and
empty after one that does not.
"""

from array import array
from bisect import bisect_left

from postier.imap.commands.search import Search
from postier.imap.search import Binding, Criterion, Keyword, Messages, asks_modseq, bind, leaves
from postier.imap.search_results import Wanted, saved_result, search_answer, search_line
from postier.imap.sets import Ranges, SequenceSet, ranges_of
from postier.mailbox.keywords import keywords_of
from postier.mailbox.resync import highest_modseq_of
from postier.mailbox.search import CANDIDATES_AT_ONCE, SearchPlan, Uids, candidates, matching
from postier.mailbox.search import search as plan_search
from postier.servers.imap import condstore, sort_keys
from postier.servers.imap.connection import Connection, Done
from postier.store.transaction import StoreError

INLINE_MESSAGES = 2_000  # larger mailboxes are searched beside the loop


async def search(connection: Connection, command: Search) -> Done:
    """Answer with the messages that match."""
    try:
        result = await _found(connection, command.criterion, is_uid=command.is_uid)
    except StoreError:
        forget_saved(connection, command.returns)
        raise
    uses_esearch = connection.session.uses_esearch
    if command.is_uid and command.returns is None and not uses_esearch and not asks_modseq(command.criterion):
        text = result.text()
        if text is not None:
            connection.send(search_line(text.encode()))
            return Done("SEARCH completed")
    uids = result.numbers()
    view, returns = connection.opened().view, command.returns
    numbers = uids if command.is_uid else view.seqs_of(uids)
    if returns is not None and returns.saves:
        view.save(saved_result(returns, uids))
    modseq = await highest_modseq(connection, command.criterion, returns, uids)
    connection.send(
        search_answer(
            command.tag,
            numbers,
            is_uid=command.is_uid,
            returns=returns,
            uses_esearch=uses_esearch,
            modseq=modseq,
        )
    )
    return Done("SEARCH completed")


async def highest_modseq(
    connection: Connection, criterion: Criterion, returns: Wanted | None, uids: "array[int]"
) -> int:
    """The highest mod-sequence of what is returned, if MODSEQ is among the keys, else 0 (RFC 7162 §3.1.6). Raises StoreError."""
    if not uids or not asks_modseq(criterion):
        return 0
    told = uids if returns is None else saved_result(returns, uids)  # RFC 4731 §3.2
    selected = connection.opened()
    return await connection.store.read(
        highest_modseq_of, selected.account_id, selected.mailbox_id, ranges_of(sorted(told))
    )


def forget_saved(connection: Connection, returns: Wanted | None) -> None:
    """A command that was to set `$` failed (RFC 9051 §6.4.4.1)."""
    if returns is not None and returns.saves:
        clear_saved(connection)


def clear_saved(connection: Connection) -> None:
    """A search that was to set `$` was refused (RFC 9051 §6.4.4.1)."""
    if connection.selected is not None:
        connection.selected.view.save(array("I"))


async def found(connection: Connection, criterion: Criterion, *, is_uid: bool) -> "array[int]":
    """UIDs of what matches, with the view loaded if the answer is numbers. Raises StoreError."""
    return (await _found(connection, criterion, is_uid=is_uid)).numbers()


async def _found(connection: Connection, criterion: Criterion, *, is_uid: bool) -> Uids:
    selected, store = connection.opened(), connection.store
    if asks_modseq(criterion):
        condstore.client_knows(connection)
    await sort_keys.refold(connection)
    # EXPUNGE may not be sent yet (RFC 9051 §7.5.1), new messages may: a search is for what is there now
    connection.send(await selected.news(store, may_expunge=False))
    bound = await _bound(connection, criterion)
    read = store.read if selected.view.exists <= INLINE_MESSAGES else store.read_bulk
    plan = await read(plan_search, selected.account_id, selected.mailbox_id, bound)
    result = plan.found
    if result.last >= selected.told_uidnext:
        result = Uids(numbers=_known(result.numbers(), selected.told_uidnext))
    if plan.undecided:
        result = Uids(numbers=await _decided(connection, plan, result.numbers()))
    if not is_uid:
        await selected.load(store)
    return result


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
        connection.progress = start + len(portion), len(undecided)
        await connection.drain()
    return array("I", sorted([*found, *more])) if more else found
