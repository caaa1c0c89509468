"""What this connection's commands did that a script may follow: noted while they run, run on once they are answered.

Not here: the scripts (`mta.sieving.events`). Source: RFC 6785 §2.2. Invariants: a command is answered before its scripts run, and the
next one begins after them; mailboxes without a script cost a look into a dict for each command that changes something, nothing
else; what is noted is run on even if the client has gone.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from postier.accounts.resolution import LocalRecipient
from postier.mailbox.reading import uid_flags
from postier.mta.sieving.events import Cause, Happened
from postier.servers.imap.connection import Connection
from postier.store.uid_ranges import UidRange

_UNKNOWN: Mapping[int, int] = MappingProxyType({})


def note(
    connection: Connection,
    cause: Cause,
    account_id: int,
    mailbox_id: int,
    uids: Sequence[int],
    before: Mapping[int, int] = _UNKNOWN,
) -> None:
    """Something happened to these messages of the account's mailbox; this connection did it."""
    selected = connection.selected
    if (
        cause is not Cause.FLAG
        and selected is not None
        and selected.new_items is not None
        and (selected.account_id, selected.mailbox_id) == (account_id, mailbox_id)
    ):
        selected.own_new += uids  # RFC 5465 §5.2: no FETCH of what the client filed itself
    if connection.owner.events is not None and uids:
        connection.happened.append(Happened(cause, account_id, mailbox_id, uids, before))


async def flags_before(connection: Connection, ranges: Sequence[UidRange]) -> Mapping[int, int] | None:
    """The flags of messages that are about to change, if a script may want to know. Raises StoreError."""
    events, selected = connection.owner.events, connection.opened()
    if events is None or not await events.is_watched(selected.account_id, selected.mailbox_id):
        return None
    rows = await connection.store.read_bulk(uid_flags, selected.account_id, selected.mailbox_id, ranges)
    return dict(rows)


async def settle(connection: Connection) -> None:
    """Run the scripts of the mailboxes on what was noted."""
    happened, connection.happened = connection.happened, []
    events, address = connection.owner.events, connection.address
    if events is None or address is None:
        return
    actor = LocalRecipient(connection.account_id, address, "")
    for each in happened:
        if await events.is_watched(each.account_id, each.mailbox_id):
            connection.write_out()
            await events.happened(actor, each)
