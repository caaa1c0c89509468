"""What this connection's commands did that a script may follow: noted while they run, run on once they are answered.

Not here: the scripts (`mta.sieving.events`). Source: RFC 6785 §2.2. Invariants: a command is answered before its scripts run, and the
next one begins after them; accounts without such a script cost a look into a dict for each STORE, nothing else; what is noted is run
on even if the client has gone.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

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
    """Something happened to these messages; in a mailbox of another no script of ours follows."""
    if connection.owner.events is not None and uids and account_id == connection.account_id:
        connection.happened.append(Happened(cause, mailbox_id, uids, before))


async def flags_before(connection: Connection, ranges: Sequence[UidRange]) -> Mapping[int, int] | None:
    """The flags of messages that are about to change, if a script may want to know. Raises StoreError."""
    events = connection.owner.events
    selected = connection.opened()
    if events is None or selected.is_foreign or not await events.is_watched(connection.account_id):
        return None
    rows = await connection.store.read_bulk(uid_flags, selected.account_id, selected.mailbox_id, ranges)
    return dict(rows)


async def settle(connection: Connection) -> None:
    """Run the account's script on what was noted."""
    happened, connection.happened = connection.happened, []
    events, address = connection.owner.events, connection.address
    if events is None or address is None or not await events.is_watched(connection.account_id):
        return
    connection.write_out()
    for each in happened:
        await events.happened(connection.account_id, address, each)
