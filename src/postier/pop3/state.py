"""What one session knows; the verbs (`commands`) read and change it.

Invariant: `out` is what is to be sent and was not handed out yet, in order.
"""

import enum

from postier.pop3.events import Refused
from postier.pop3.maildrop import Maildrop
from postier.pop3.replies import TOO_MANY_ERRORS, Refusal
from postier.pop3.settings import SessionSettings


class State(enum.Flag):
    """RFC 1939 §3, and what lies between; a Flag so that a verb's row can name several."""

    AUTHORIZATION = enum.auto()
    EXCHANGE = enum.auto()  # in the middle of AUTH
    HANDSHAKE = enum.auto()  # STLS was accepted
    TRANSACTION = enum.auto()
    CLOSED = enum.auto()


class SessionState:
    """One session's facts."""

    __slots__ = ("commands", "errors", "has_tls", "is_utf8", "maildrop", "out", "settings", "state", "user")

    def __init__(self, settings: SessionSettings) -> None:
        self.settings = settings
        self.state = State.AUTHORIZATION
        self.has_tls = False
        self.is_utf8 = False
        self.user: str | None = None  # after USER
        self.maildrop: Maildrop | None = None
        self.commands = 0  # before login
        self.errors = 0  # in a row
        self.out: list[bytes] = []

    @property
    def may_login(self) -> bool:
        """Whether passwords may cross this connection (RFC 5034 §4)."""
        return self.has_tls or self.settings.is_plaintext_login_allowed

    @property
    def can_starttls(self) -> bool:
        """Whether STLS is possible."""
        return self.settings.is_tls_available and not self.has_tls

    def opened(self) -> Maildrop:
        """The maildrop; the verb's row has seen to it that there is one."""
        assert self.maildrop is not None
        return self.maildrop

    def say(self, octets: bytes) -> None:
        """Add to what is to be sent."""
        self.out.append(octets)

    def refuse(self, refusal: Refusal) -> None:
        """Refuse what the client may well ask for."""
        self.say(refusal.line())

    def blame(self, refusal: Refusal) -> Refused:
        """Refuse a fault of the client; one that does nothing but err is sent away."""
        self.errors += 1
        if self.errors >= self.settings.max_errors:
            refusal = TOO_MANY_ERRORS
            self.state = State.CLOSED
        self.say(refusal.line())
        return Refused(refusal)
