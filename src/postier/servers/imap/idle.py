"""IDLE: the client is told of changes as they happen.

Source: RFC 9051 §6.3.13. The store says that the account changed, in whichever process; what changed is read from the
change log. A wake-up may be lost, so every connection in IDLE looks again after `LOOK_AGAIN_S` at the latest: one timer
for all of them, a share of them at each tick.
"""

import asyncio
from itertools import islice

from postier.imap.commands.argumentless import is_done
from postier.imap.reader_events import NEED_DATA, AnswerLine, Refused
from postier.imap.refusals import bad
from postier.imap.responses import continuation
from postier.servers.imap import contexts, metadata, notify, sharing
from postier.servers.imap.connection import Connection, Done, EndError
from postier.store.transaction import StoreError

LOOK_AGAIN_S = 60.0
TICK_S = 5.0


class Idlers:
    """The connections in IDLE of one listener; belongs to one event loop."""

    def __init__(self) -> None:
        self._connections: dict[Connection, None] = {}  # the one that waits longest first
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Connection) -> None:
        """It waits from now on."""
        self._connections[connection] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def remove(self, connection: Connection) -> None:
        """It waits no longer."""
        del self._connections[connection]
        if not self._connections and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def waiting(self) -> tuple[Connection, ...]:
        """Those in IDLE now."""
        return tuple(self._connections)

    def _tick(self) -> None:
        share = -int(-len(self._connections) * TICK_S // LOOK_AGAIN_S)
        for connection in [*islice(self._connections, share)]:
            self._connections[connection] = self._connections.pop(connection)
            if connection.selected is not None:
                connection.selected.rest()
            connection.account_changed()
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)


async def idle(connection: Connection) -> Done:
    """Until DONE. Raises as `Connection.receive`, PeerError for any other line."""
    connection.send(continuation("idling"))
    connection.reader.expect_answer()
    connection.expect_command()
    accounts = {connection.account_id}
    if connection.selected is not None:
        accounts.add(connection.selected.account_id)
    unwatch = [connection.store.watch(account_id, connection.account_changed) for account_id in accounts]
    connection.owner.idlers.add(connection)
    connection.has_news = True  # what happened since the last command
    try:
        while True:
            while connection.has_news:  # more may come meanwhile
                connection.has_news = False
                await _tell(connection)
            match connection.reader.next_event():
                case AnswerLine(data):
                    if not is_done(data):
                        raise bad("Expected DONE")
                    return Done("IDLE terminated")
                case Refused() as refused:
                    raise EndError(refused.reply())
                case event:
                    assert event is NEED_DATA
            await connection.receive()
    finally:
        for end in unwatch:
            end()
        if connection.watching is None:
            connection.owner.idlers.remove(connection)


async def _tell(connection: Connection) -> None:
    if connection.watching is not None:  # RFC 5465 §4: exactly the same events
        await notify.tell(connection, is_in_idle=True)
        return
    if connection.session.tells_metadata:
        await metadata.tell_changes(connection)
    if connection.selected is None:
        return
    try:
        if connection.selected.is_foreign:
            await sharing.still_allowed(connection)
        await contexts.news(connection, may_expunge=True)
        connection.expect_command()  # a search for a context had the turn
    except StoreError:
        return  # the next wake-up or look tells it all
