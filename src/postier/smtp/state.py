"""What a server's session knows: the peer, its transaction, its counters, and the octets waiting to be sent.

Not here: the verbs (`commands`), the order of things (`session`). Invariants: `reset` is the only way a transaction
ends, so nothing of one message ever reaches the next (the result of a message resets it, whatever it is).
"""

from enum import Enum

import msgspec

from postier.mime.address import Address
from postier.smtp.body import ChunkedBody, DotStuffedBody
from postier.smtp.events import Event, Refused, TlsFacts, TransactionReset
from postier.smtp.input import MAX_LOGGED_OCTETS
from postier.smtp.reason import NO_VALID_RECIPIENTS, TOO_MANY_ERRORS, TOO_MANY_RECIPIENTS, Reason
from postier.smtp.replies import reply_of
from postier.smtp.settings import Role, SessionSettings

MAX_VERB_OCTETS = 10  # longer words are no verbs and may be base64

# refusals that are the fate of a recipient or a message, not a client's mistake
_BLAMELESS = frozenset({TOO_MANY_RECIPIENTS.name, NO_VALID_RECIPIENTS.name})


class Mode(Enum):
    """What the next octets are."""

    COMMAND = "command"
    AUTH = "auth"  # a response to a SASL challenge
    DATA = "data"  # dot-stuffed message
    CHUNK = "chunk"  # octets of a BDAT
    TLS = "tls"  # the handshake: nothing for us
    CLOSED = "closed"


class Chunk:
    """The BDAT whose octets are being read."""

    __slots__ = ("is_last", "is_silent", "refusal", "remaining", "replies", "reply", "size_bytes")

    def __init__(self, size_bytes: int, *, is_last: bool) -> None:
        self.size_bytes = self.remaining = size_bytes
        self.is_last = is_last
        self.refusal: Reason | None = None  # discard the octets, then say this
        self.reply: bytes | None = None  # the same, where the owner has decided
        self.replies = 1  # how often the result of the message is told: in LMTP once a recipient
        self.is_silent = False  # say nothing: LMTP, LAST, no recipient


def loggable(line: bytes) -> bytes:
    """What of a refused line may stand in a log: not what may be a password, in AUTH or sent as a command."""
    verb = line.partition(b" ")[0]
    if not verb.isalpha() or len(verb) > MAX_VERB_OCTETS:
        return b""
    return verb if verb.upper() == b"AUTH" else line[:MAX_LOGGED_OCTETS]


class SessionState:
    """The mutable heart of a session; `Session` and the verbs of `commands` work on it."""

    __slots__ = (
        "body",
        "chunk",
        "chunks",
        "close_reason",
        "errors",
        "hello",
        "idle",
        "in_transaction",
        "is_authenticated",
        "is_smtputf8",
        "mode",
        "out",
        "pending",
        "recipients",
        "reverse_path",
        "settings",
        "tls",
    )

    def __init__(self, settings: SessionSettings) -> None:
        self.settings = settings
        self.mode = Mode.COMMAND
        self.out: list[bytes] = []
        self.pending: list[Event] = []  # events that follow the one just returned
        self.hello = ""
        self.tls: TlsFacts | None = TlsFacts() if settings.is_tls_implicit else None
        self.is_authenticated = False
        self.errors = 0
        self.idle = 0
        self.close_reason: Reason | None = None
        self.in_transaction = False
        self.reverse_path: Address | None = None
        self.is_smtputf8 = False
        self.recipients: list[Address] = []
        self.chunks = 0
        self.chunk: Chunk | None = None
        self.body: DotStuffedBody | ChunkedBody | None = None

    @property
    def may_mail(self) -> bool:
        """Whether MAIL is in place but for its argument: greeted, and TLS and login where the listener wants them."""
        settings = self.settings
        return (
            bool(self.hello)
            and not (settings.is_tls_required and self.tls is None)
            and not (settings.needs_auth and not self.is_authenticated)
        )

    @property
    def is_lmtp(self) -> bool:
        """Whether each recipient gets its own reply after the message (RFC 2033 §4.2)."""
        return self.settings.role is Role.LMTP

    def offer(self, mechanisms: tuple[str, ...]) -> None:
        """Offer these SASL mechanisms from now on."""
        self.settings = msgspec.structs.replace(self.settings, auth_mechanisms=mechanisms)

    def say(self, wire: bytes) -> None:
        """Queue octets for the peer."""
        self.out.append(wire)

    def refuse(self, reason: Reason, line: bytes = b"") -> Refused:
        """Answer with an error and count it; closes the session where the reason or the count says so."""
        self.out.append(reply_of(reason).encode())
        if reason.closes:
            self.close(reason)
        elif reason.name not in _BLAMELESS:
            self.blame()
        return Refused(reason, loggable(line))

    def refuse_and_close(self, reason: Reason, line: bytes) -> Refused:
        """Answer with an error after which the octets of the peer cannot be trusted to be commands."""
        self.out.append(reply_of(reason).encode())
        self.close(reason)
        return Refused(reason, loggable(line))

    def blame(self) -> None:
        """Count an error of the client; the last one it may make is followed by 421."""
        self.errors += 1
        if self.errors >= self.settings.max_errors and self.mode is not Mode.CLOSED:
            self.out.append(reply_of(TOO_MANY_ERRORS).encode())
            self.close(TOO_MANY_ERRORS)
            self.pending.append(Refused(TOO_MANY_ERRORS, b""))

    def close(self, reason: Reason | None) -> None:
        """Nothing more is read."""
        self.mode = Mode.CLOSED
        self.close_reason = reason

    def reset(self) -> None:
        """End the transaction: reverse-path, forward-paths and message are gone (RFC 5321 §4.1.1.5)."""
        self.in_transaction = self.is_smtputf8 = False
        self.reverse_path = None
        self.recipients = []
        self.chunks = 0
        self.body = None

    def abandon(self) -> None:
        """End the transaction, if one is open, for another cause than its message's result: its owner is told."""
        if self.in_transaction:
            self.reset()
            self.pending.append(TransactionReset())
