"""A mailbox is opened and closed: SELECT, EXAMINE, CLOSE, UNSELECT.

Not here: what is told afterwards (`selected`). Source: RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2; RFC 3501 §6.3.1 (RECENT, UNSEEN).
Invariant: opening reads counters, never a list of messages (RECENT and UNSEEN of IMAP4rev1 where they cost little).
"""

import contextlib
from bisect import bisect_left

from postier.imap.commands.select import Select
from postier.imap.flags import SEEN
from postier.imap.responses import CLOSED, untagged_ok
from postier.imap.search import Flags
from postier.imap.select_responses import OpenedMailbox, select_answer
from postier.imap.state import State, Step
from postier.imap.view import MailboxView
from postier.mailbox.expunge import expunge_deleted
from postier.mailbox.reading import MailboxState, claim_recent, open_mailbox, uids_at
from postier.mailbox.search import search
from postier.mailbox.tally import tally
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.selected import Selected
from postier.store.transaction import ReadTx, StoreError

UNSEEN_LOOKED_FOR = 500  # UNSEEN is told of mailboxes with no more messages than these
INLINE_MESSAGES = 5_000  # larger mailboxes are expunged beside the loop


async def select(connection: Connection, command: Select) -> None:
    """SELECT and EXAMINE, with the tagged answer if they succeed."""
    session, store = connection.session, connection.store
    if session.state is State.SELECTED:
        connection.send(untagged_ok("The previous mailbox is closed", CLOSED))
    _forget(connection)
    account_id = connection.account_id
    opened = await store.read(open_mailbox, account_id, command.mailbox, actor_id=account_id)
    recent_from, recent = None, 0
    if session.sends_recent and opened.recent_uid < opened.uidnext:
        recent_from, recent = await _recent(connection, opened, claims=not command.is_examine)
    view = MailboxView(
        opened.message_count,
        uid_next=opened.uidnext,
        keywords=opened.keywords,
        recent_from=recent_from,
        recent=recent,
        sends_recent=session.sends_recent,
    )
    first_unseen = None
    if session.sends_recent:
        first_unseen = await store.read(_first_unseen, account_id, opened) or None
    connection.selected = Selected(
        account_id, opened.mailbox_id, modseq=opened.modseq, uidnext=opened.uidnext, view=view
    )
    session.step(Step.MAILBOX_SELECTED, is_read_only=command.is_examine)
    answer = OpenedMailbox(
        opened.name,
        opened.message_count,
        opened.uidvalidity,
        opened.uidnext,
        keywords=opened.keywords,
        recent=recent,
        first_unseen=first_unseen,
        is_read_only=command.is_examine,
    )
    connection.send(select_answer(command.tag, answer, session, closes_another=False))


async def close(connection: Connection) -> Done:
    r"""CLOSE: what is \Deleted goes without a word."""
    selected = connection.opened()
    if not connection.session.is_read_only:
        store = connection.store
        write = store.write if selected.view.exists <= INLINE_MESSAGES else store.write_bulk
        await write(expunge_deleted, selected.account_id, selected.mailbox_id)
    _forget(connection)
    return Done("CLOSE completed")


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
    return bisect_left(uids, found[0]) + 1 if found else 0
