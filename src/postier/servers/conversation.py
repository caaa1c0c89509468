"""What every protocol's `Conversation` has alike: its name, its settings, and that it says goodbye.

Not here: what a listener asks of it (`listener.Conversation`), the protocols. Invariant: `settings` may be replaced while
running; new connections use them.
"""

from typing import Generic, Protocol, TypeVar

from postier.tls.stream import Stream


class TlsChoice(Protocol):
    """What is read of a protocol's settings here."""

    @property
    def is_tls_implicit(self) -> bool:
        """Whether connections begin with TLS (RFC 8314 §3)."""
        ...


S = TypeVar("S", bound=TlsChoice)


class StoppableConversation(Generic[S]):
    """The part of a `Conversation` that no protocol does otherwise; connections look at `is_stopping` between commands."""

    def __init__(self, name: str, settings: S) -> None:
        self.name = name
        self.settings = settings
        self.is_stopping = False

    @property
    def begins_with_tls(self) -> bool:
        """See `Conversation`."""
        return self.settings.is_tls_implicit

    def say_goodbye(self, stream: Stream) -> None:
        """See `Conversation`."""
        self.is_stopping = True
        stream.interrupt()
