"""A mailbox is opened and closed: SELECT, EXAMINE, CLOSE, UNSELECT.

Not here: what is told afterwards (`selected`). Source: RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2; RFC 3501 §6.3.1 (RECENT, UNSEEN);
RFC 7162 §3.1.8, §3.2.5; RFC 10022; RFC 4314 §4, §5.
Invariant: opening reads counters, never a list of messages (RECENT and UNSEEN of IMAP4rev1 where they cost little).
"""

import contextlib
from bisect import bisect_left

from postier.imap.commands.select import Select
from postier.imap.commands.uid_batches import UidBatches
from postier.imap.fetch_items import Column, FetchItems
from postier.imap.flags import SEEN
from postier.imap.object_ids import mailbox_object_id
from postier.imap.responses import CLOSED, untagged_ok
from postier.imap.resync import Known, known_up_to
from postier.imap.rights import Right
from postier.imap.search import Flags
from postier.imap.select_responses import OpenedMailbox, select_data, select_end
from postier.imap.sets import MAX_NUMBER, SequenceSet
from postier.imap.state import Feature, State, Step
from postier.imap.uid_batches import uid_batches, uid_batches_line
from postier.imap.view import MailboxView
from postier.mailbox.expunge import expunge_deleted
from postier.mailbox.flags import permitted_flags
from postier.mailbox.reading import MailboxState, claim_recent, open_mailbox, uids_at
from postier.mailbox.resync import is_remembered
from postier.mailbox.search import search
from postier.mailbox.tally import tally
from postier.servers.imap import notify
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.fetch import changed, send_columns, send_vanished
from postier.servers.imap.selected import Selected
from postier.store.transaction import ReadTx, StoreError

_WRITING = frozenset([Right.INSERT, Right.EXPUNGE, Right.WRITE, Right.DELETE_MESSAGE, Right.SEEN])
UNSEEN_LOOKED_FOR = 500  # UNSEEN is told of mailboxes with no more messages than these
_RESYNCHRONISED = FetchItems((Column.UID, Column.FLAGS, Column.MODSEQ))
INLINE_MESSAGES = 5_000  # larger mailboxes are expunged beside the loop


async def select(connection: Connection, command: Select) -> None:
    """SELECT and EXAMINE, with the tagged answer if they succeed."""
    session, store = connection.session, connection.store
    if command.wants_modseq:
        session.enabled |= Feature.CONDSTORE
    if session.state is State.SELECTED:
        connection.send(untagged_ok("The previous mailbox is closed", CLOSED))
    _forget(connection)
    account_id = connection.account_id
    opened = await store.read(open_mailbox, account_id, command.mailbox, actor_id=account_id)
    recent_from, recent = None, 0
    owner_id = opened.account_id
    is_own = owner_id == account_id
    if is_own and session.sends_recent and opened.recent_uid < opened.uidnext:
        recent_from, recent = await _recent(connection, opened, claims=not command.is_examine)
    view = MailboxView(
        opened.message_count,
        uid_next=opened.uidnext,
        keywords=opened.keywords,
        recent_from=recent_from,
        recent=recent,
        sends_recent=session.sends_recent,
        sends_modseq=session.knows_modseq,
        sends_vanished=session.sends_vanished,
        uid_only=session.uid_only,
    )
    first_unseen = None
    if is_own and session.sends_recent and not session.uid_only:
        first_unseen = await store.read(_first_unseen, account_id, opened) or None
    connection.selected = Selected(
        owner_id,
        opened.mailbox_id,
        modseq=opened.modseq,
        highest_modseq=opened.highest_modseq,
        uidnext=opened.uidnext,
        view=view,
        reader_id=account_id,
        rights=opened.rights,
    )
    session.step(Step.MAILBOX_SELECTED, is_read_only=command.is_examine)
    notify.apply(connection)
    answer = OpenedMailbox(
        opened.name if is_own else command.mailbox,
        opened.message_count,
        opened.uidvalidity,
        opened.uidnext,
        keywords=opened.keywords,
        recent=recent,
        first_unseen=first_unseen,
        highest_modseq=opened.highest_modseq,
        object_id=mailbox_object_id(owner_id, opened.mailbox_id),
        permitted_flags=0 if command.is_examine else permitted_flags(opened.rights),
    )
    connection.send(select_data(answer, session))
    if command.known is not None and command.known.uid_validity == opened.uidvalidity:
        await _resynchronise(connection, command.known)
    is_read_only = command.is_examine or not opened.rights & _WRITING
    connection.send(select_end(command.tag, is_read_only=is_read_only))


async def _resynchronise(connection: Connection, known: Known) -> None:
    """What is gone and what has changed since the client was here last (RFC 7162 §3.2.5.1)."""
    selected, store = connection.opened(), connection.store
    if selected.highest_modseq <= known.modseq:
        return
    asked = known.uids if known.uids is not None else ((1, MAX_NUMBER),)
    view = await selected.load(store)
    above_uid = 0
    if known.matches and not await store.read(is_remembered, selected.account_id, known.modseq):
        above_uid = known_up_to(known.matches, view.uids)
    await send_vanished(connection, asked, known.modseq, above_uid=above_uid)
    chosen = view.choose(SequenceSet(asked), is_uid=True)
    await send_columns(connection, await changed(connection, chosen, known.modseq), _RESYNCHRONISED)


async def close(connection: Connection) -> Done:
    r"""CLOSE: what is \Deleted goes without a word."""
    selected = connection.opened()
    if not connection.session.is_read_only and Right.EXPUNGE in selected.rights:  # RFC 4314 §4
        store = connection.store
        write = store.write if selected.view.exists <= INLINE_MESSAGES else store.write_bulk
        await write(expunge_deleted, selected.account_id, selected.mailbox_id)
    _forget(connection)
    return Done("CLOSE completed")


async def batches(connection: Connection, command: UidBatches) -> Done:
    """UIDBATCHES."""
    selected = connection.opened()
    view = await selected.load(connection.store)
    found = uid_batches(view.uids, selected.told_uidnext, command.size, command.first, command.last)
    connection.send(uid_batches_line(command.tag, found))
    return Done("UIDBATCHES completed")


def unselect(connection: Connection) -> Done:
    """UNSELECT."""
    _forget(connection)
    return Done("UNSELECT completed")


def _forget(connection: Connection) -> None:
    connection.selected = None
    connection.session.step(Step.MAILBOX_CLOSED)


async def _recent(connection: Connection, opened: MailboxState, *, claims: bool) -> tuple[int, int]:
    r"""The first \Recent UID and how many there are; no other session is told so of these (RFC 3501 §2.3.2)."""
    account_id, store = connection.account_id, connection.store
    recent_from = opened.recent_uid
    if claims:
        with contextlib.suppress(StoreError):  # a disk that is full does not keep anybody from reading
            recent_from = await store.write(claim_recent, account_id, opened.mailbox_id)
    if opened.message_count == opened.uidnext - 1:  # none ever left
        return recent_from, max(0, opened.uidnext - recent_from)
    counted = await store.read(tally, account_id, opened.mailbox_id, [(recent_from, opened.uidnext - 1)])
    return recent_from, counted.count


def _first_unseen(tx: ReadTx, account_id: int, opened: MailboxState) -> int:
    """The sequence number for UNSEEN; 0 if there is none, or if finding it would cost too much."""
    if not opened.unseen_count or opened.unseen_count == opened.message_count:
        return min(1, opened.unseen_count)
    if opened.message_count > UNSEEN_LOOKED_FOR:
        return 0
    found = search(tx, account_id, opened.mailbox_id, Flags(0, SEEN)).found.numbers()
    uids = uids_at(tx, account_id, opened.mailbox_id, opened.uidnext, opened.modseq)
    return bisect_left(uids, found[0]) + 1 if found and uids else 0
