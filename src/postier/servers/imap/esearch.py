"""ESEARCH: several mailboxes are searched.

Not here: finding (`matching`), result lines (`imap.search_results`). Source: RFC 7377. Invariants: a mailbox that may not be read, or
is not there, is passed over without a word; so is one in which nothing matches; the selected mailbox stays as it is.
"""

from collections.abc import Sequence

import msgspec

from postier.imap.commands.esearch import MultiSearch
from postier.imap.refusals import bad, no
from postier.imap.responses import LIMIT, Status, no_update, status_line
from postier.imap.search_algebra import asks_modseq
from postier.imap.search_results import Return, esearch_line, esearch_start, saved_result
from postier.imap.view import MailboxView
from postier.mailbox.keywords import keywords_of
from postier.mailbox.listing import Listed, list_mailboxes
from postier.mailbox.reading import MailboxState, open_mailbox
from postier.mailbox.refusals import MailboxRefusedError
from postier.servers.imap import condstore, contexts, filters, message_limit, sort_keys
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.matching import matching_uids, relevancy
from postier.servers.imap.search import forget_saved, highest_modseq, up_to_date
from postier.servers.imap.selected import Selected
from postier.store.transaction import ReadTx, StoreError

MAX_MAILBOXES = 2_000  # searched by one command


async def esearch(connection: Connection, command: MultiSearch) -> Done:
    """Answer for each mailbox in which something matches."""
    if connection.selected is None and (command.wants_selected or Return.UPDATE in command.returns.options):
        raise bad("ESEARCH of the selected mailbox when no mailbox is selected")  # RFC 7377 §2.2
    if connection.selected is not None:
        contexts.refuse_reuse(connection, command.tag, command.returns)
    command = msgspec.structs.replace(command, criterion=await filters.look_up(connection, command.criterion))
    if asks_modseq(command.criterion):
        condstore.client_knows(connection)
    await sort_keys.refold(connection, connection.account_id)
    mailboxes = await connection.store.read(
        _chosen, connection.account_id, command, _selected_place(connection)
    )
    if len(mailboxes) > MAX_MAILBOXES:
        raise no("Too many mailboxes are searched", LIMIT)  # RFC 7377 §2.4
    if len(mailboxes) > 1:
        message_limit.require_total_within(connection, sum(count for _, count in mailboxes))
    is_kept, lowest = False, 0
    try:
        for name, _ in mailboxes:
            is_kept_here, lowest = await _search_one(connection, command, name)
            is_kept |= is_kept_here
            await connection.drain()
    except StoreError:
        forget_saved(connection, command.returns)
        raise
    if Return.UPDATE in command.returns.options and not is_kept:
        refusal = status_line(Status.NO, "Only the selected mailbox can be kept", code=no_update(command.tag))
        connection.send(refusal)
    return message_limit.ended(connection, Done("ESEARCH completed"), lowest)


def _selected_place(connection: Connection) -> tuple[int, int] | None:
    selected = connection.selected
    return None if selected is None else (selected.account_id, selected.mailbox_id)


def _chosen(
    tx: ReadTx, account_id: int, command: MultiSearch, selected: tuple[int, int] | None
) -> list[tuple[str, int]]:
    """The names of the mailboxes that are meant, each once, and how many messages they have."""

    def is_meant(listed: Listed) -> bool:
        status = listed.status
        if (
            command.wants_selected
            and status is not None
            and (status.account_id, status.mailbox_id) == selected
        ):
            return True
        return any(source.has(listed.name, is_subscribed=listed.is_subscribed) for source in command.sources)

    return [
        (one.name, one.status.message_count)
        for one in list_mailboxes(tx, account_id, actor_id=account_id)
        if one.status is not None and is_meant(one)
    ]


async def _search_one(connection: Connection, command: MultiSearch, name: str) -> tuple[bool, int]:
    """Search one mailbox and tell what was found; whether a context keeps it, and what `message_limit.ended` must know."""
    account_id, store, returns = connection.account_id, connection.store, command.returns
    try:
        state = await store.read(open_mailbox, account_id, name, actor_id=account_id)
    except MailboxRefusedError:  # it went meanwhile
        return False, 0
    start = esearch_start(
        command.tag, is_uid=True, mailbox=name, uidvalidity=state.uidvalidity, utf8=connection.session.utf8
    )
    selected = connection.selected
    uids: Sequence[int]
    if selected is not None and _selected_place(connection) == (state.account_id, state.mailbox_id):
        await up_to_date(connection, command.criterion)
        criterion, lowest = await message_limit.searched(connection, command.criterion)
        uids = await matching_uids(connection, criterion, uidnext=selected.told_uidnext)
        if returns.saves:
            selected.view.save(saved_result(returns, uids))
        is_kept = Return.UPDATE in returns.options and contexts.keep(
            connection, command.tag, criterion, uids, is_uid=True, start=start, items=returns.items
        )
    else:
        is_kept = False
        selected = await _unselected(connection, state)
        criterion, lowest = await message_limit.searched(connection, command.criterion, selected)
        uids = await matching_uids(connection, criterion, selected=selected, uidnext=state.uidnext)
    if uids:  # RFC 7377 §2.1: also of MIN, MAX and COUNT nothing is told where nothing matches
        modseq = await highest_modseq(connection, criterion, returns, uids, selected)
        scored = None
        if returns.wants_relevancy:
            scored = await relevancy(connection, criterion, uids, selected=selected)
        connection.send(esearch_line(start, uids, returns=returns, modseq=modseq, relevancy=scored))
    return is_kept, lowest


async def _unselected(connection: Connection, state: MailboxState) -> Selected:
    """A mailbox as if it had just been selected, read-only and by somebody else: nothing in it is recent."""
    await sort_keys.refold(connection, state.account_id)
    keywords = await connection.store.read(keywords_of, state.account_id)
    view = MailboxView(state.message_count, uid_next=state.uidnext, keywords=keywords)
    return Selected(
        state.account_id,
        state.mailbox_id,
        modseq=state.modseq,
        highest_modseq=state.highest_modseq,
        uidnext=state.uidnext,
        view=view,
        reader_id=connection.account_id,
        rights=state.rights,
    )
