"""What a listener is given: IMAP with one set of settings.

Not here: a connection's life (`dialogue`). Invariant: `settings` may be replaced while running; new connections and
later commands use them.
"""

import time
from collections.abc import Callable
from pathlib import Path

from postier.imap.responses import UNAVAILABLE, bye
from postier.mta.sieving.events import Events
from postier.servers.conversation import StoppableConversation
from postier.servers.imap.connection import Connection
from postier.servers.imap.dialogue import converse
from postier.servers.imap.gathering import Gathering
from postier.servers.imap.idle import Idlers
from postier.servers.imap.settings import ImapSettings
from postier.servers.logins import Logins
from postier.store.transaction import Store
from postier.tls.server import ServerTls
from postier.tls.stream import Stream


def _now_us() -> int:
    return time.time_ns() // 1000


class ImapConversation(StoppableConversation[ImapSettings]):
    """The `Conversation` of one listener (`servers.listener`)."""

    def __init__(
        self,
        name: str,
        settings: ImapSettings,
        store: Store,
        logins: Logins,
        tls: ServerTls | None,
        spool_folder: Path,
        *,
        events: Events | None = None,
        now_us: Callable[[], int] = _now_us,
    ) -> None:
        super().__init__(name, settings)
        self.store = store
        self.logins = logins
        self.tls = tls
        self.spool_folder = spool_folder
        self.events = events
        self.idlers = Idlers()
        self.gathering = Gathering()
        self._now_us = now_us

    async def converse(self, stream: Stream) -> None:
        """See `Conversation`."""
        await converse(Connection(self, stream))

    def refuse(self, stream: Stream, why: str) -> None:
        """See `Conversation`."""
        stream.write(bye(f"{why}, try again later", UNAVAILABLE))

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self._now_us()
