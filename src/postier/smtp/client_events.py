"""What happened on the client's side of a connection, how to speak there, and how long to wait.

Not here: what became of each recipient (`envelope`). Source of the timeouts: RFC 5321 §4.5.3.2.
"""

from enum import Enum

import msgspec

from postier.smtp.envelope import Result
from postier.smtp.extensions import Extensions
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply


class Awaiting(Enum):
    """What reply is waited for, and how long at least (RFC 5321 §4.5.3.2)."""

    GREETING = "greeting", 300
    COMMAND = "command", 300
    DATA = "data", 120
    BODY = "body", 180  # while a block of the message is written
    RESULT = "result", 600
    QUIT = "quit", 30  # not in the RFC: nothing is lost when it is not answered

    @property
    def timeout_s(self) -> int:
        """Seconds."""
        return self.value[1]


class DialogueSettings(msgspec.Struct, frozen=True):
    """How to speak: the name in EHLO, SMTP or LMTP."""

    hello_name: str
    is_lmtp: bool = False
    is_tls_implicit: bool = False
    may_pipeline: bool = True
    is_plaintext_login_allowed: bool = False


class HelloAnswered(msgspec.Struct, frozen=True):
    """The server is ready and offers this; act: start_tls, authenticate, send or quit."""

    extensions: Extensions
    reply: Reply


class ServerRefused(msgspec.Struct, frozen=True):
    """The greeting or EHLO was refused; QUIT has been said and DialogueEnded follows."""

    reply: Reply


class TlsReady(msgspec.Struct, frozen=True):
    """STARTTLS was accepted: shake hands, then `tls_started`."""


class TlsRefused(msgspec.Struct, frozen=True):
    """STARTTLS was not accepted; act."""

    reply: Reply


class Authenticated(msgspec.Struct, frozen=True):
    """The login succeeded; act."""

    reply: Reply


class AuthRefused(msgspec.Struct, frozen=True):
    """The login failed, by the server or because it could not prove itself; act."""

    cause: Reply | Reason


class BodyWanted(msgspec.Struct, frozen=True):
    """The server waits for the message: `body` for each piece, then `end_body`."""


class MessageSettled(msgspec.Struct, frozen=True):
    """The message is through: one result for each recipient, in the envelope's order."""

    results: tuple[Result, ...]


class DialogueEnded(msgspec.Struct, frozen=True):
    """The connection is to be closed; `cause` is None after QUIT."""

    cause: Reply | Reason | None


DialogueEvent = (
    HelloAnswered
    | ServerRefused
    | TlsReady
    | TlsRefused
    | Authenticated
    | AuthRefused
    | BodyWanted
    | MessageSettled
    | DialogueEnded
)
