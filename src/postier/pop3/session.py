"""The server side of one POP3 connection, without the connection.

Not here: sockets, TLS, time, passwords, where messages lie; the verbs (`commands`). Sources: RFC 1939, 2449 (pipelining),
2595 §4, 5034.

The owner's loop: write `greet()`, then `next_event()` again and again. NEED_DATA: write `take_output()`, read, call
`receive(data)` or `receive_eof()`. CLOSED: write `take_output()`, close. An event of `events.Decidable`: decide by the method
that the event names, and write what it returns. Any other event is a notice.

Invariants: octets to send are handed out once, in order. While PAUSED nothing further is looked at, so answers keep the order
of the commands (RFC 2449 §6.6) and back-pressure reaches the peer. Cutting the input differently changes no event. Messages are
deleted by QUIT and by nothing else (RFC 1939 §6).
"""

from collections.abc import Iterator, Sequence
from typing import cast

import msgspec

from postier.mime.headers import split_header
from postier.mime.surrogate import surrogate
from postier.pop3 import replies
from postier.pop3.commands import line_limit, perform
from postier.pop3.dots import stuffed, top
from postier.pop3.events import (
    CLOSED,
    DECIDABLE,
    NEED_DATA,
    PAUSED,
    AuthResponse,
    AuthStarted,
    Decidable,
    Event,
    Listing,
    ListingRequested,
    MessageRequested,
    MessagesWanted,
    PasswordGiven,
    PeerGone,
    Signal,
    TlsRequested,
    UpdateRequested,
)
from postier.pop3.input import Input, LineFault
from postier.pop3.maildrop import Maildrop
from postier.pop3.replies import TERMINATOR, Refusal, ok
from postier.pop3.settings import MAX_AUTH_OCTETS, MAX_COMMANDS_BEFORE_LOGIN, SessionSettings
from postier.pop3.state import SessionState, State
from postier.sasl.base64 import decode_base64, encode_base64

# A browser made to speak to us (ALPACA): closed at once, whatever the rest of its request would do.
_HTTP_VERBS = (
    b"GET ",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"TRACE ",
    b"CONNECT ",
    b"PRI ",
)
_TLS_HANDSHAKE = b"\x16"  # first octet of a ClientHello
_LONGEST_BEGINNING = 5  # what tells a command's limit
_IS_LOGIN = (PasswordGiven, AuthStarted, AuthResponse)


class Session:
    """One connection; see the module."""

    def __init__(self, settings: SessionSettings) -> None:
        self._state = SessionState(settings)
        self._input = Input()
        self._paused: Decidable | None = None
        self._waiting = b""  # the command that needs the messages
        self._is_eof = False
        self.discarded_octets = 0  # plaintext that came after STLS

    @property
    def maildrop(self) -> Maildrop | None:
        """What was opened; None before login."""
        return self._state.maildrop

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will be read."""
        return self._state.state is State.CLOSED

    # --- octets ----------------------------------------------------------------------------------------------

    def greet(self) -> bytes:
        """The greeting; without the timestamp that would offer APOP."""
        self._state.say(ok(f"{self._state.settings.hostname} is ready"))
        return self.take_output()

    def receive(self, data: bytes) -> None:
        """Add what was read. BufferError: the owner went on reading although the session was PAUSED for long."""
        if self._state.state is State.HANDSHAKE:
            self.discarded_octets += len(data)  # not the handshake: the owner gives that to TLS
        else:
            self._input.receive(data)

    def receive_eof(self) -> None:
        """The peer closed its side, or the connection broke."""
        self._is_eof = True

    def take_output(self) -> bytes:
        """What is to be sent and was not handed out yet."""
        wire = b"".join(self._state.out)
        self._state.out.clear()
        return wire

    # --- events ----------------------------------------------------------------------------------------------

    def next_event(self) -> Event | Signal:
        """The next thing the peer asked for, or why there is none."""
        if self._paused is not None:
            return PAUSED
        while True:
            match self._state.state:
                case State.CLOSED:
                    return CLOSED
                case State.HANDSHAKE:
                    found: Event | Signal | None = PAUSED
                case State.EXCHANGE:
                    found = self._response()
                case _:
                    found = self._command()
            if found is None:
                continue
            if found is NEED_DATA or found is PAUSED:
                if not self._is_eof:
                    return cast("Signal", found)
                self._state.state = State.CLOSED
                return PeerGone()
            if type(found) in DECIDABLE:
                self._paused = cast("Decidable", found)
            return found

    def _command(self) -> Event | Signal | None:
        state = self._state
        if self._waiting:
            line, self._waiting = self._waiting, b""
            return perform(state, line)
        beginning = self._input.beginning(_LONGEST_BEGINNING)
        if beginning.startswith(_TLS_HANDSHAKE):
            return self._send_away(replies.FOREIGN_PROTOCOL)
        found = self._input.line(line_limit(beginning))
        if found is None:
            return NEED_DATA
        if isinstance(found, LineFault):
            state.user = None
            return state.blame(Refusal(found.value))
        if found.startswith(_HTTP_VERBS) and state.maildrop is None:
            return self._send_away(replies.FOREIGN_PROTOCOL)
        if state.maildrop is None:
            state.commands += 1
            if state.commands > MAX_COMMANDS_BEFORE_LOGIN:
                return self._send_away(replies.TOO_MANY_COMMANDS)
        event = perform(state, found)
        if isinstance(event, MessagesWanted):
            self._waiting = found
        return event

    def _response(self) -> Event | Signal:
        state = self._state
        found = self._input.line(MAX_AUTH_OCTETS)
        if found is None:
            return NEED_DATA
        if isinstance(found, bytes) and found != b"*":
            try:
                return AuthResponse(decode_base64(found))
            except ValueError:
                refusal = replies.NOT_BASE64
        else:  # RFC 5034 §4: cancelled
            refusal = Refusal(found.value) if isinstance(found, LineFault) else replies.AUTH_CANCELLED
        state.state = State.AUTHORIZATION
        return state.blame(refusal)

    def _send_away(self, refusal: Refusal) -> Event:
        refused = self._state.blame(refusal)
        self._state.state = State.CLOSED
        return refused

    # --- decisions -------------------------------------------------------------------------------------------

    def refuse(self, refusal: Refusal) -> bytes:
        """Refuse whatever paused the session. Returns what to send."""
        event = self._paused
        if event is None:
            raise RuntimeError("no event waits for a decision")
        state = self._state
        self._paused = None
        self._waiting = b""
        if isinstance(event, _IS_LOGIN):
            state.state = State.AUTHORIZATION  # RFC 5034 §4: as if AUTH had not been said
        elif isinstance(event, UpdateRequested):
            state.state = State.CLOSED
        state.refuse(refusal)
        return self.take_output()

    def accept_tls(self) -> bytes:
        """Let TLS begin after what this returns is sent; what came in plaintext behind STLS is dropped."""
        self._decide(TlsRequested)
        self._state.say(ok("begin TLS"))
        self._state.state = State.HANDSHAKE
        self.discarded_octets += self._input.clear()
        return self.take_output()

    def tls_started(self) -> None:
        """The handshake is done, after `accept_tls`, or (RFC 8314 §3.3) before the greeting."""
        state = self._state
        self._input.clear()
        state.state = State.AUTHORIZATION
        state.has_tls = True
        state.user = None
        state.errors = 0

    def offer(self, mechanisms: tuple[str, ...]) -> None:
        """The SASL mechanisms of this connection from now on, in the place of those of the settings."""
        self._state.settings = msgspec.structs.replace(self._state.settings, mechanisms=mechanisms)

    def challenge(self, octets: bytes) -> bytes:
        """Go on with AUTH: send a SASL challenge (not yet base64). Returns what to send."""
        self._decide(AuthStarted, AuthResponse)
        self._state.state = State.EXCHANGE
        self._state.say(b"+ %s\r\n" % encode_base64(octets))
        return self.take_output()

    def open_maildrop(self, maildrop: Maildrop) -> bytes:
        """The login succeeded and the maildrop is locked. Returns what to send."""
        self._decide(*_IS_LOGIN)
        state = self._state
        state.maildrop = maildrop
        state.state = State.TRANSACTION
        state.errors = 0
        state.say(ok(f"{maildrop.count} messages ({maildrop.size_octets} octets)"))
        return self.take_output()

    def give_messages(self, uids: Sequence[int], sizes: Sequence[int]) -> None:
        """UIDs, ascending, and sizes of the maildrop's messages."""
        self._decide(MessagesWanted)
        self._state.opened().give(uids, sizes)

    def listing(self) -> Iterator[bytes]:
        """The answer to ListingRequested in portions; the session goes on when all were taken."""
        event = self._paused
        assert isinstance(event, ListingRequested)
        maildrop = self._state.opened()
        self._state.say(ok(f"{maildrop.count} messages"))
        yield self.take_output()
        yield from maildrop.size_lines() if event.listing is Listing.SIZES else maildrop.unique_id_lines()
        yield TERMINATOR
        self._decide(ListingRequested)

    def message(self, content: bytes, header_octets: int) -> Iterator[bytes]:
        """The answer to MessageRequested in pieces; the session goes on when all were taken."""
        event = self._paused
        assert isinstance(event, MessageRequested)
        made = None if self._state.is_utf8 else surrogate(content, header_octets)
        if made is not None:  # RFC 6856 §2.1
            content, header_octets = made, split_header(made).end
        if event.lines is not None:
            content = top(content, header_octets, event.lines)
            self._state.say(ok("the top follows"))
        else:
            self._state.say(ok(f"{len(content)} octets"))
        yield self.take_output()
        yield from stuffed(content)
        if event.lines is None:
            self._state.opened().retrieved(event.number)
        self._decide(MessageRequested)

    def updated(self) -> bytes:
        """What was to be deleted is. Returns what to send; CLOSED follows."""
        self._decide(UpdateRequested)
        self._state.say(ok(f"goodbye, {self._state.opened().count} messages are left"))
        self._state.state = State.CLOSED
        return self.take_output()

    def end(self, refusal: Refusal | None = None) -> bytes:
        """End the connection from this side, with a last word or (RFC 1939 §3, autologout) without."""
        if refusal is not None and self._state.state is not State.CLOSED:
            self._state.refuse(refusal)
        self._state.state = State.CLOSED
        self._paused = None
        return self.take_output()

    def _decide(self, *kinds: type) -> None:
        if type(self._paused) not in kinds:
            raise RuntimeError(f"{self._paused!r} is not decided so")
        self._paused = None
