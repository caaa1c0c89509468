"""What a listener is given: POP3 with one set of settings.

Not here: a connection's life (`connection`). Invariant: `settings` and `timeouts` may be replaced while running; new connections
use them.
"""

from postier.pop3.replies import Code, Refusal
from postier.pop3.settings import SessionSettings
from postier.servers.logins import Logins
from postier.servers.pop3.connection import Connection, Timeouts
from postier.store.transaction import Store
from postier.tls.server import ServerTls
from postier.tls.stream import Stream


class Pop3Conversation:
    """The `Conversation` of one listener (`servers.listener`); `settings` may be replaced while running."""

    def __init__(
        self,
        name: str,
        settings: SessionSettings,
        timeouts: Timeouts,
        store: Store,
        logins: Logins,
        tls: ServerTls | None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.timeouts = timeouts
        self.store = store
        self.logins = logins
        self.tls = tls
        self.is_stopping = False

    @property
    def begins_with_tls(self) -> bool:
        """See `Conversation`."""
        return self.settings.is_tls_implicit

    async def converse(self, stream: Stream) -> None:
        """See `Conversation`."""
        await Connection(self, stream).converse()

    def refuse(self, stream: Stream, why: str) -> None:
        """See `Conversation`."""
        stream.write(Refusal(f"{why}, try again later", Code.TEMPORARY).line())

    def say_goodbye(self, stream: Stream) -> None:
        """See `Conversation`."""
        self.is_stopping = True
        stream.interrupt()
