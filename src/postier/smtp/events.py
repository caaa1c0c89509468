"""What the peer said, as the server's session reports it; and the three signals that are not events.

Not here: what to do about it. Those marked "decide" leave the session PAUSED until `Session.reply`; the others are
notices, already answered where an answer is due.
"""

from enum import Enum
from typing import Final, get_args

import msgspec

from postier.mime.address import Address
from postier.smtp.parameters import MailParameters, RecipientParameters
from postier.smtp.reason import Reason


class Signal(Enum):
    """Why there is no event now."""

    NEED_DATA = "need-data"  # read from the peer (after writing what is to be written)
    PAUSED = "paused"  # the last event still waits for its decision
    CLOSED = "closed"  # write what is to be written, then close the connection


NEED_DATA: Final = Signal.NEED_DATA
PAUSED: Final = Signal.PAUSED
CLOSED: Final = Signal.CLOSED


class TlsFacts(msgspec.Struct, frozen=True):
    """What the handshake gave: for the Received field, the log and hooks."""

    version: str = ""
    cipher: str = ""
    server_name: str = ""


def _octets(data: bytes | None) -> str:
    return "nothing" if data is None else f"{len(data)} octets"


class HelloReceived(msgspec.Struct, frozen=True, gc=False):
    """HELO, EHLO or LHLO was answered; any transaction is gone. `is_extended` is False for HELO."""

    name: str
    is_extended: bool


class TlsRequested(msgspec.Struct, frozen=True):
    """STARTTLS. Decide: None says 220; then upgrade the connection and call `tls_started`."""


class AuthStarted(msgspec.Struct, frozen=True, gc=False):
    """AUTH. Decide: `challenge(octets)` to go on, or reply: None says 235, a reason ends it.

    `initial` is the decoded initial response, b"" for "=", None if there was none.
    """

    mechanism: str
    initial: bytes | None

    def __repr__(self) -> str:
        return f"AuthStarted(mechanism={self.mechanism!r}, {_octets(self.initial)})"  # no password in a log


class AuthResponse(msgspec.Struct, frozen=True, gc=False):
    """The decoded answer to a challenge. Decide as for AuthStarted."""

    data: bytes

    def __repr__(self) -> str:
        return f"AuthResponse({_octets(self.data)})"


class AuthAborted(msgspec.Struct, frozen=True):
    """The exchange ended without a result: cancelled, not base64, or a line over the limit. Forget its state."""

    reason: Reason


class SenderNamed(msgspec.Struct, frozen=True):
    """MAIL. Decide: None says 250 and opens the transaction. `reverse_path` None is the null path `<>`."""

    reverse_path: Address | None
    parameters: MailParameters


class RecipientNamed(msgspec.Struct, frozen=True):
    """RCPT. Decide: None says 250. Bare `<Postmaster>` has the session's host name as its domain."""

    forward_path: Address
    parameters: RecipientParameters


class DataStarted(msgspec.Struct, frozen=True, gc=False):
    """DATA, or the first BDAT. Decide: None goes on (354 for DATA), a reason refuses the message unseen."""

    is_chunked: bool


class BodyChunk(msgspec.Struct, frozen=True, gc=False):
    """A piece of the message: dots unstuffed, every line end CRLF, never NUL. Together the chunks end in CRLF."""

    data: bytes


class BodyEnded(msgspec.Struct, frozen=True, gc=False):
    """The message is complete. Decide: None says 250; in LMTP once for each accepted recipient, in order."""

    size_bytes: int
    is_ascii: bool


class BodyRefused(msgspec.Struct, frozen=True):
    """The message broke a rule and was answered so. Throw away its chunks; the transaction is over."""

    reason: Reason


class TransactionReset(msgspec.Struct, frozen=True):
    """An open transaction was dropped by RSET, a new greeting, STARTTLS or a wrong command amid BDAT."""


class VerifyAsked(msgspec.Struct, frozen=True, gc=False):
    """VRFY. Decide: None says 252, which tells nothing."""

    argument: str


class Refused(msgspec.Struct, frozen=True):
    """The session answered a command with an error by itself. `line` is its beginning, for the log."""

    reason: Reason
    line: bytes


class QuitReceived(msgspec.Struct, frozen=True):
    """QUIT was answered; CLOSED follows."""


class PeerGone(msgspec.Struct, frozen=True):
    """The connection ended without QUIT; a transaction that was open is void (RFC 5321 §4.1.1.10)."""

    in_transaction: bool


Decidable = (
    TlsRequested
    | AuthStarted
    | AuthResponse
    | SenderNamed
    | RecipientNamed
    | DataStarted
    | BodyEnded
    | VerifyAsked
)
Notice = (
    HelloReceived
    | AuthAborted
    | BodyChunk
    | BodyRefused
    | TransactionReset
    | Refused
    | QuitReceived
    | PeerGone
)
Event = Decidable | Notice
DECIDABLE: Final = frozenset(get_args(Decidable))
