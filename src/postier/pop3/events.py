"""What the peer asked for, as the session reports it; and the three signals that are not events.

Not here: what the session answers by itself. Those of `Decidable` leave the session PAUSED until they are decided by the
method of `Session` that is named; the others are notices, already answered.
"""

import enum
from typing import Final, get_args

import msgspec

from postier.pop3.replies import Refusal


class Signal(enum.Enum):
    """Why there is no event now."""

    NEED_DATA = "need-data"  # read from the peer (after writing what is to be written)
    PAUSED = "paused"  # the last event still waits for its decision
    CLOSED = "closed"  # write what is to be written, then close the connection


NEED_DATA: Final = Signal.NEED_DATA
PAUSED: Final = Signal.PAUSED
CLOSED: Final = Signal.CLOSED


class Listing(enum.Enum):
    """What a listing of the whole maildrop shows."""

    SIZES = "LIST"
    UNIQUE_IDS = "UIDL"


class TlsRequested(msgspec.Struct, frozen=True):
    """STLS. `accept_tls` and `tls_started`, or `refuse`."""


class PasswordGiven(msgspec.Struct, frozen=True):
    """USER and PASS. `open_maildrop`, or `refuse`."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"PasswordGiven({self.user!r})"  # never the password in a log


class AuthStarted(msgspec.Struct, frozen=True):
    """AUTH of an offered mechanism. `challenge`, `open_maildrop`, or `refuse`."""

    mechanism: str
    initial: bytes | None

    def __repr__(self) -> str:
        return f"AuthStarted({self.mechanism!r})"


class AuthResponse(msgspec.Struct, frozen=True):
    """The answer to a challenge. As AuthStarted."""

    data: bytes

    def __repr__(self) -> str:
        return f"AuthResponse({len(self.data)} octets)"


class MessagesWanted(msgspec.Struct, frozen=True):
    """A command needs the messages, which nothing did before. `give_messages`, or `refuse`; the command then goes on."""


class ListingRequested(msgspec.Struct, frozen=True):
    """LIST or UIDL of everything. `listing`."""

    listing: Listing


class MessageRequested(msgspec.Struct, frozen=True):
    """RETR, or TOP when `lines` is not None. `message`, or `refuse`."""

    number: int
    uid: int
    lines: int | None


class UpdateRequested(msgspec.Struct, frozen=True):
    """QUIT after login (RFC 1939 §6). `updated`, or `refuse`; CLOSED follows either."""

    deleted: tuple[int, ...]  # UIDs, ascending
    retrieved: tuple[int, ...]  # UIDs of those that stay


class Refused(msgspec.Struct, frozen=True):
    """A command was refused for its own fault."""

    refusal: Refusal


class PeerGone(msgspec.Struct, frozen=True):
    """The peer ended without QUIT: nothing is deleted."""


Decidable = (
    TlsRequested
    | PasswordGiven
    | AuthStarted
    | AuthResponse
    | MessagesWanted
    | ListingRequested
    | MessageRequested
    | UpdateRequested
)
Event = Decidable | Refused | PeerGone
DECIDABLE: Final = frozenset(get_args(Decidable))
