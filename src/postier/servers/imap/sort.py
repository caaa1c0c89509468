r"""SORT and UID SORT.

Not here: what matches (`search`), the order (`mailbox.order`), result lines (`imap.search_results`). Source: RFC 5256 §3; RFC
5267 §3; RFC 6203 §6. Invariants: those of SEARCH; `$` is ascending whatever the order of the answer.
"""

from array import array
from collections.abc import Sequence

from postier.imap.commands.sort import Sort
from postier.imap.refusals import PeerError
from postier.imap.search_results import Return, saved_result, sort_answer
from postier.imap.sorting import SortField
from postier.imap.view import MailboxView
from postier.mailbox.order import in_order, in_scored_order
from postier.servers.imap import contexts, filters
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.matching import relevancy
from postier.servers.imap.search import forget_saved, found, highest_modseq, told_scores
from postier.servers.imap.sort_keys import read_keyed
from postier.store.transaction import ReadTx, StoreError


async def sort(connection: Connection, command: Sort) -> Done:
    """Answer with the messages that match, in order."""
    selected, returns = connection.opened(), command.returns
    contexts.refuse_reuse(connection, command.tag, returns)
    by_uid: dict[int, int] = {}
    place, keys = (selected.account_id, selected.mailbox_id), command.keys
    by_relevancy = any(key.field is SortField.RELEVANCY for key in keys)
    try:
        criterion = await filters.look_up(connection, command.criterion)
        uids = await found(connection, criterion, is_uid=command.is_uid)
        if by_relevancy or (returns is not None and returns.wants_relevancy):
            by_uid = await relevancy(connection, criterion, uids)

        def ordering(tx: ReadTx) -> list[int]:
            if by_relevancy:
                return in_scored_order(tx, *place, uids, keys, by_uid)
            return in_order(tx, *place, uids, keys)

        ordered = await read_keyed(connection, len(uids), ordering)
    except (StoreError, PeerError):
        forget_saved(connection, returns)
        raise
    if returns is not None and returns.saves:
        selected.view.save(saved_result(returns, array("I", ordered)))
    numbers = ordered if command.is_uid else numbers_of(selected.view, uids, ordered)
    modseq = await highest_modseq(connection, criterion, returns, array("I", ordered))
    connection.send(
        sort_answer(
            command.tag,
            numbers,
            is_uid=command.is_uid,
            returns=returns,
            modseq=modseq,
            relevancy=told_scores(returns, numbers, ordered, by_uid),
        )
    )
    if returns is not None and Return.UPDATE in returns.options:
        contexts.keep(
            connection,
            command.tag,
            criterion,
            ordered,
            is_uid=command.is_uid,
            keys=command.keys,
            items=returns.items,
        )
    return Done("SORT completed")


def numbers_of(view: MailboxView, uids: Sequence[int], ordered: Sequence[int]) -> Sequence[int]:
    """The sequence numbers of `ordered`, all of which are among the ascending `uids`."""
    number = dict(zip(uids, view.seqs_of(uids), strict=True))
    return [number[uid] for uid in ordered]
