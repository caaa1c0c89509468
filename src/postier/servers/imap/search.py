r"""SEARCH and UID SEARCH.

Not here: the criteria (`imap.search`), finding (`matching`), result lines (`imap.search_results`), keeping them (`contexts`). Source: RFC 9051
§6.4.4, §6.4.4.1. Invariants: only messages that the client knows of are found; `$` is set by a search that succeeds, and
empty after one that does not.
"""

from array import array
from collections.abc import Mapping, Sequence

from postier.imap.commands.search import Search
from postier.imap.refusals import PeerError
from postier.imap.search import Criterion
from postier.imap.search_algebra import asks_modseq
from postier.imap.search_results import Return, Wanted, saved_result, search_answer, search_line
from postier.imap.sets import ranges_of
from postier.mailbox.resync import highest_modseq_of
from postier.mailbox.search import Uids
from postier.servers.imap import condstore, contexts, filters, message_limit, sort_keys
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.matching import matching, relevancy
from postier.servers.imap.selected import Selected
from postier.store.transaction import StoreError


async def search(connection: Connection, command: Search) -> Done:
    """Answer with the messages that match."""
    contexts.refuse_reuse(connection, command.tag, command.returns)
    view, returns = connection.opened().view, command.returns
    by_uid: dict[int, int] = {}
    try:
        criterion = await filters.look_up(connection, command.criterion)
        await up_to_date(connection, criterion)
        criterion, lowest = await message_limit.searched(connection, criterion)
        result = await _matching(connection, criterion, is_uid=command.is_uid)
        if returns is not None and returns.wants_relevancy:
            by_uid = await relevancy(connection, criterion, result.numbers())
    except (StoreError, PeerError):
        forget_saved(connection, returns)
        raise
    uses_esearch = connection.session.uses_esearch
    is_old = returns is None and not uses_esearch  # its answer is RFC 3501's
    if command.is_uid and is_old and not lowest and not asks_modseq(criterion):
        text = result.text()
        if text is not None:
            connection.send(search_line(text.encode()))
            return Done("SEARCH completed")
    uids = result.numbers()
    numbers = uids if command.is_uid else view.seqs_of(uids)
    if returns is not None and returns.saves:
        view.save(saved_result(returns, uids))
    modseq = await highest_modseq(connection, criterion, returns, uids)
    connection.send(
        search_answer(
            command.tag,
            numbers[::-1] if lowest and is_old else numbers,  # RFC 9738 §3.1
            is_uid=command.is_uid,
            returns=returns,
            uses_esearch=uses_esearch,
            modseq=modseq,
            relevancy=told_scores(returns, numbers, uids, by_uid),
        )
    )
    if returns is not None and Return.UPDATE in returns.options:
        contexts.keep(connection, command.tag, criterion, uids, is_uid=command.is_uid, items=returns.items)
    return message_limit.ended(connection, Done("SEARCH completed"), lowest)


def told_scores(
    returns: Wanted | None, numbers: Sequence[int], uids: Sequence[int], by_uid: Mapping[int, int]
) -> dict[int, int] | None:
    """The scores that RELEVANCY wants told, by what the answer calls the messages."""
    if returns is None or not returns.wants_relevancy:
        return None
    return {number: by_uid[uid] for number, uid in zip(numbers, uids, strict=True)}


async def highest_modseq(
    connection: Connection,
    criterion: Criterion,
    returns: Wanted | None,
    uids: "array[int]",
    selected: Selected | None = None,
) -> int:
    """The highest mod-sequence of what is returned, if MODSEQ is among the keys, else 0 (RFC 7162 §3.1.6). Raises StoreError."""
    if not uids or not asks_modseq(criterion):
        return 0
    told = uids if returns is None else saved_result(returns, uids)  # RFC 4731 §3.2
    selected = selected or connection.opened()
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
    """UIDs of what matches, with the view loaded if the answer is numbers; of all messages. Raises StoreError."""
    await up_to_date(connection, criterion)
    return (await _matching(connection, criterion, is_uid=is_uid)).numbers()


async def up_to_date(connection: Connection, criterion: Criterion) -> None:
    """Before a search: the client is told of new messages. Raises StoreError."""
    selected = connection.opened()
    if asks_modseq(criterion):
        condstore.client_knows(connection)
    await sort_keys.refold(connection, selected.account_id)
    # EXPUNGE may not be sent yet (RFC 9051 §7.5.1), new messages may: a search is for what is there now
    connection.send(await selected.news(connection.store, may_expunge=False))


async def _matching(connection: Connection, criterion: Criterion, *, is_uid: bool) -> Uids:
    selected = connection.opened()
    result = await matching(connection, criterion, uidnext=selected.told_uidnext)
    if not is_uid:
        await selected.load(connection.store)
    return result
