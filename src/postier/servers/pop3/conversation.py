"""What a listener is given: POP3 with one set of settings.

Not here: a connection's life (`connection`). Invariant: `settings` and `timeouts` may be replaced while running; new connections
use them.
"""

from postier.pop3.replies import Code, Refusal
from postier.pop3.settings import SessionSettings
from postier.servers.conversation import StoppableConversation
from postier.servers.logins import Logins
from postier.servers.pop3.connection import Connection, Timeouts
from postier.store.transaction import Store
from postier.tls.server import ServerTls
from postier.tls.stream import Stream


class Pop3Conversation(StoppableConversation[SessionSettings]):
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
        super().__init__(name, settings)
        self.timeouts = timeouts
        self.store = store
        self.logins = logins
        self.tls = tls

    async def converse(self, stream: Stream) -> None:
        """See `Conversation`."""
        await Connection(self, stream).converse()

    def refuse(self, stream: Stream, why: str) -> None:
        """See `Conversation`."""
        stream.write(Refusal(f"{why}, try again later", Code.TEMPORARY).line())
