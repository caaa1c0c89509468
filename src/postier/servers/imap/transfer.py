"""Messages get another place or leave: COPY, MOVE, EXPUNGE.

Not here: the rows (`mailbox.transfer`, `mailbox.expunge`). Source: RFC 9051 §6.4.3, §6.4.7 to §6.4.9, §7.1 (COPYUID). Invariant:
what the client is told of the expunges comes from the change log, at the end of the command.
"""

from collections.abc import Sequence

from postier.imap.commands.copy import Copy
from postier.imap.commands.expunge import Expunge
from postier.imap.refusals import no
from postier.imap.responses import TRYCREATE, copy_uid, untagged_ok
from postier.mailbox import expunge as expunging
from postier.mailbox.folders import mailbox_id_of
from postier.mailbox.names import canonical
from postier.mailbox.refusals import MailboxRefusedError, Refusal, no_such_mailbox
from postier.mailbox.rights import Right, authorise
from postier.mailbox.transfer import Transferred, copy_messages, move_messages
from postier.mta.sieving.events import Cause
from postier.servers.imap import events
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.selected import uid_ranges, uids_of
from postier.store.transaction import ReadTx, WriteTx
from postier.store.uid_ranges import UidRange

INLINE_MESSAGES = 2_000  # more are changed beside the loop


def target_id(tx: ReadTx, account_id: int, name: str) -> int:
    """The mailbox that takes messages. Raises MailboxRefusedError."""
    authorise(account_id, account_id, Right.INSERT)
    found = mailbox_id_of(tx, account_id, canonical(name))
    if found is None:
        raise no_such_mailbox()
    return found


async def copy(connection: Connection, command: Copy) -> Done:
    """COPY and MOVE, by number or UID."""
    selected, store = connection.opened(), connection.store
    chosen = await selected.choose(store, command.messages, is_uid=command.is_uid)
    verb = "MOVE" if command.is_move else "COPY"
    write = store.write if len(chosen.uids) <= INLINE_MESSAGES else store.write_bulk
    try:
        target, done = await write(
            _transfer,
            selected.account_id,
            selected.mailbox_id,
            uid_ranges(chosen, selected.view.uids),
            command.mailbox,
            is_move=command.is_move,
        )
    except MailboxRefusedError as refusal:
        if refusal.refusal is Refusal.NONEXISTENT:
            raise no("No such mailbox", TRYCREATE) from None  # RFC 9051 §6.4.7
        raise
    if not done.source_ranges:
        return Done(f"{verb} completed; there was nothing to do")
    copies = uids_of(done.target_ranges)
    code = copy_uid(done.uidvalidity, uids_of(done.source_ranges), copies)
    events.note(connection, Cause.COPY, selected.account_id, target, copies)
    if not command.is_move:
        return Done("COPY completed", code)
    connection.send(untagged_ok("Moved", code))  # RFC 9051 §6.4.8: before the EXPUNGE lines
    return Done("MOVE completed", tells_modseq=True)  # RFC 6851 §4.4


async def expunge(connection: Connection, command: Expunge) -> Done:
    """EXPUNGE and UID EXPUNGE."""
    selected, store = connection.opened(), connection.store
    ranges: Sequence[UidRange] | None = None
    if command.messages is not None:
        chosen = await selected.choose(store, command.messages, is_uid=True)
        ranges = uid_ranges(chosen, selected.view.uids)
    write = store.write if selected.view.exists <= INLINE_MESSAGES else store.write_bulk
    gone = await write(expunging.expunge_deleted, selected.account_id, selected.mailbox_id, ranges)
    return Done("EXPUNGE completed", tells_modseq=bool(gone.ranges))  # RFC 7162 §3.2.7, §3.2.9


def _transfer(
    tx: WriteTx,
    account_id: int,
    mailbox_id: int,
    ranges: Sequence[UidRange],
    target: str,
    *,
    is_move: bool,
) -> tuple[int, Transferred]:
    transfer = move_messages if is_move else copy_messages
    to = target_id(tx, account_id, target)
    return to, transfer(tx, account_id, mailbox_id, ranges, to)
