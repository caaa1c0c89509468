"""What the peer asked for, as the session reports it; and the three signals that are not events.

Those of `Decidable` leave the session PAUSED until they are decided by the method of `Session` that is named; the others are
notices, already answered.
"""

import enum
from typing import Final, get_args

import msgspec

from postier.managesieve.answers import Answer


class Signal(enum.Enum):
    """Why there is no event now."""

    NEED_DATA = "need-data"  # read from the peer (after writing what is to be written)
    PAUSED = "paused"  # the last event still waits for its decision
    CLOSED = "closed"  # write what is to be written, then close the connection


NEED_DATA: Final = Signal.NEED_DATA
PAUSED: Final = Signal.PAUSED
CLOSED: Final = Signal.CLOSED


class TlsRequested(msgspec.Struct, frozen=True):
    """STARTTLS. `accept_tls` and `tls_started`, or `answer`."""


class AuthStarted(msgspec.Struct, frozen=True):
    """AUTHENTICATE of an offered mechanism. `challenge`, `authenticated`, or `answer`."""

    mechanism: str
    initial: bytes | None

    def __repr__(self) -> str:
        return f"AuthStarted({self.mechanism!r})"


class AuthResponse(msgspec.Struct, frozen=True):
    """The answer to a challenge. As AuthStarted."""

    data: bytes

    def __repr__(self) -> str:
        return f"AuthResponse({len(self.data)} octets)"


class SpaceAsked(msgspec.Struct, frozen=True):
    """HAVESPACE. `answer`, as all that follow."""

    name: str
    size_octets: int


class ScriptPut(msgspec.Struct, frozen=True):
    """PUTSCRIPT."""

    name: str
    content: bytes


class ScriptOffered(msgspec.Struct, frozen=True):
    """CHECKSCRIPT."""

    content: bytes


class ScriptsListed(msgspec.Struct, frozen=True):
    """LISTSCRIPTS."""


class ScriptActivated(msgspec.Struct, frozen=True):
    """SETACTIVE; "" for no script at all."""

    name: str


class ScriptWanted(msgspec.Struct, frozen=True):
    """GETSCRIPT."""

    name: str


class ScriptDeleted(msgspec.Struct, frozen=True):
    """DELETESCRIPT."""

    name: str


class ScriptRenamed(msgspec.Struct, frozen=True):
    """RENAMESCRIPT."""

    old: str
    new: str


class Unauthenticated(msgspec.Struct, frozen=True):
    """UNAUTHENTICATE: the peer is nobody again."""


class Refused(msgspec.Struct, frozen=True):
    """A command was refused for its own fault."""

    answer: Answer


class PeerGone(msgspec.Struct, frozen=True):
    """The peer ended without LOGOUT."""


ScriptCommand = (
    SpaceAsked
    | ScriptPut
    | ScriptOffered
    | ScriptsListed
    | ScriptActivated
    | ScriptWanted
    | ScriptDeleted
    | ScriptRenamed
)
Decidable = TlsRequested | AuthStarted | AuthResponse | ScriptCommand
Event = Decidable | Unauthenticated | Refused | PeerGone
DECIDABLE: Final = frozenset(get_args(Decidable))
