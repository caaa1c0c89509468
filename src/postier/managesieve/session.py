"""The server side of one ManageSieve connection, without the connection.

Not here: sockets, TLS, time, passwords, scripts; how commands are read (`reader`, `commands`). Source: RFC 5804.

The owner's loop: write `greet()`, then `next_event()` again and again. NEED_DATA: write `take_output()`, read, call
`receive(data)` or `receive_eof()`. CLOSED: write `take_output()`, close. An event of `events.Decidable`: decide by the method
that the event names, and write what it returns. Any other event is a notice.

Invariants: octets to send are handed out once, in order. While PAUSED nothing further is looked at, so answers keep the order
of the commands and back-pressure reaches the peer. Cutting the input differently changes no event. At most one script and a line
are held.
"""

from collections.abc import Sequence
from typing import cast

import msgspec

from postier.managesieve import answers
from postier.managesieve.answers import Answer, Status, bye, no, string
from postier.managesieve.commands import VERBS, State, fits, literal_limit
from postier.managesieve.events import (
    CLOSED,
    DECIDABLE,
    NEED_DATA,
    PAUSED,
    AuthResponse,
    AuthStarted,
    Decidable,
    Event,
    PeerGone,
    Refused,
    Signal,
    TlsRequested,
    Unauthenticated,
)
from postier.managesieve.reader import Atom, Fault, Line, Reader, Token
from postier.managesieve.settings import MAX_COMMANDS_BEFORE_LOGIN, SessionSettings
from postier.sasl.base64 import decode_base64, encode_base64

IMPLEMENTATION = "Postier"  # no version: it would tell whom to attack
_HTTP_VERBS = frozenset(b"GET POST PUT HEAD DELETE OPTIONS PATCH TRACE CONNECT PRI".split())
_TLS_HANDSHAKE = b"\x16"  # first octet of a ClientHello


class Session:
    """One connection; see the module."""

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = settings
        self._state = State.NON_AUTHENTICATED
        self._reader = Reader()
        self._paused: Decidable | None = None
        self._out: list[bytes] = []
        self._has_tls = False
        self._owner = ""
        self._errors = 0  # in a row
        self._commands = 0  # before login
        self._is_eof = False
        self.discarded_octets = 0  # plaintext that came after STARTTLS

    @property
    def may_login(self) -> bool:
        """Whether passwords may cross this connection."""
        return self._has_tls or self._settings.is_plaintext_login_allowed

    # --- octets ----------------------------------------------------------------------------------------------

    def greet(self) -> bytes:
        """RFC 5804 §1.7: the capabilities come unasked."""
        self._say_capabilities(f"{self._settings.hostname} is ready")
        return self.take_output()

    def receive(self, data: bytes) -> None:
        """Add what was read. BufferError: the owner went on reading although the session was PAUSED for long."""
        if self._state is State.HANDSHAKE:
            self.discarded_octets += len(data)  # not the handshake: the owner gives that to TLS
        else:
            self._reader.receive(data)

    def receive_eof(self) -> None:
        """The peer closed its side, or the connection broke."""
        self._is_eof = True

    def take_output(self) -> bytes:
        """What is to be sent and was not handed out yet."""
        wire = b"".join(self._out)
        self._out.clear()
        return wire

    # --- events ----------------------------------------------------------------------------------------------

    def next_event(self) -> Event | Signal:
        """The next thing the peer asked for, or why there is none."""
        if self._paused is not None:
            return PAUSED
        while True:
            if self._state is State.CLOSED:
                return CLOSED
            found: Event | Signal | None = PAUSED if self._state is State.HANDSHAKE else self._next()
            if found is None:
                continue
            if found is NEED_DATA or found is PAUSED:
                if not self._is_eof:
                    return cast("Signal", found)
                self._state = State.CLOSED
                return PeerGone()
            if type(found) in DECIDABLE:
                self._paused = cast("Decidable", found)
            return found

    def _next(self) -> Event | Signal | None:
        if self._reader.beginning == _TLS_HANDSHAKE:
            return self._send_away("this is a ManageSieve server")
        line = self._reader.next_line(self._literal_limit)
        if line is None:
            return NEED_DATA
        if line.fault is Fault.ENDLESS:
            return self._send_away(line.fault.value)
        if self._state is State.EXCHANGE:
            return self._response(line)
        if self._state is State.NON_AUTHENTICATED:
            self._commands += 1
            if self._commands > MAX_COMMANDS_BEFORE_LOGIN:
                return self._send_away("too many commands before a login")
        return self._perform(line)

    def _literal_limit(self, tokens: Sequence[Token]) -> int:
        return literal_limit(tokens, self._state, self._settings.max_script_octets)

    def _perform(self, line: Line) -> Event | None:
        name = line.tokens[0].upper() if line.tokens else b""
        if name in _HTTP_VERBS and not self._owner:
            return self._send_away("this is a ManageSieve server")  # a browser (ALPACA)
        verb = VERBS.get(name) if line.tokens and isinstance(line.tokens[0], Atom) else None
        if verb is not None and self._state not in verb.states:
            is_early = self._state is State.NON_AUTHENTICATED
            return self._blame(answers.LOG_IN_FIRST if is_early else answers.LOGGED_IN_ALREADY)
        if line.fault is not None:
            too_large = line.fault is Fault.STRING_TOO_LARGE and verb is not None and verb.script_at >= 0
            return self._blame(answers.SCRIPT_TOO_LARGE if too_large else no(line.fault.value))
        if verb is None:
            return self._blame(answers.UNKNOWN_COMMAND)
        arguments = line.tokens[1:]
        if not fits(verb, arguments):
            return self._blame(answers.BAD_ARGUMENTS)
        found = verb.parse(arguments) if verb.parse is not None else self._own_command(name, arguments)
        if isinstance(found, Answer):
            return self._blame(found)
        if not isinstance(found, Refused):
            self._errors = 0
        return found

    def _own_command(self, name: bytes, arguments: Sequence[Token]) -> Event | None:
        match name:
            case b"AUTHENTICATE":
                return self._authenticate(arguments)
            case b"STARTTLS":
                if self._has_tls:
                    return self._blame(answers.TLS_ACTIVE)
                return TlsRequested() if self._settings.is_tls_available else self._blame(answers.NO_TLS)
            case b"CAPABILITY":
                self._say_capabilities()
            case b"NOOP":
                self._out.append(answers.tag(arguments[0]) if arguments else Answer(text="Done").encode())
            case b"UNAUTHENTICATE":
                self._owner, self._state, self._commands = "", State.NON_AUTHENTICATED, 0
                self._out.append(Answer(text="Done").encode())
                return Unauthenticated()
            case _:
                self._out.append(
                    Answer(text="Goodbye").encode()
                )  # eid7825: OK, and nothing more is looked at
                self._state = State.CLOSED
        return None

    def _authenticate(self, arguments: Sequence[Token]) -> Event:
        if not self.may_login:
            return self._blame(answers.TLS_FIRST)
        mechanism = arguments[0].decode("latin-1").upper()
        if mechanism not in self._settings.mechanisms:
            return self._blame(answers.MECHANISM_UNKNOWN)
        if len(arguments) == 1:
            return AuthStarted(mechanism, None)
        try:
            return AuthStarted(mechanism, decode_base64(arguments[1]))
        except ValueError:
            return self._blame(answers.NOT_BASE64)

    def _response(self, line: Line) -> Event:
        self._state = State.NON_AUTHENTICATED
        if line.fault is not None or len(line.tokens) != 1 or isinstance(line.tokens[0], Atom):
            return self._blame(no((line.fault or Fault.SYNTAX).value))
        if line.tokens[0] == b"*":  # RFC 5804 §2.1: cancelled
            return self._blame(answers.AUTH_CANCELLED)
        try:
            return AuthResponse(decode_base64(line.tokens[0]))
        except ValueError:
            return self._blame(answers.NOT_BASE64)

    def _blame(self, answer: Answer) -> Refused:
        """Refuse a fault of the client; one that does nothing but err is sent away."""
        self._errors += 1
        if self._errors >= self._settings.max_errors:
            return self._send_away("too many errors")
        self._out.append(answer.encode())
        return Refused(answer)

    def _send_away(self, text: str) -> Refused:
        answer = bye(text)
        self._out.append(answer.encode())
        self._state = State.CLOSED
        return Refused(answer)

    def _say_capabilities(self, text: str = "") -> None:
        """RFC 5804 §1.7."""
        settings = self._settings
        lines = [
            ("IMPLEMENTATION", IMPLEMENTATION),
            ("SASL", " ".join(settings.mechanisms if self.may_login else ())),
            ("SIEVE", " ".join(settings.extensions)),
            ("MAXREDIRECTS", str(settings.max_redirects)),
            ("LANGUAGE", "en"),
            ("VERSION", "1.0"),
        ]
        if settings.notify_methods:
            lines.append(("NOTIFY", " ".join(settings.notify_methods)))
        if settings.list_schemes:
            lines.append(("EXTLISTS", " ".join(settings.list_schemes)))
        if self._owner:
            lines.append(("OWNER", self._owner))
        self._out += [b'"%s" %s\r\n' % (name.encode(), string(value.encode())) for name, value in lines]
        self._out.append(b'"UNAUTHENTICATE"\r\n')
        if settings.is_tls_available and not self._has_tls and not self._owner:
            self._out.append(b'"STARTTLS"\r\n')
        self._out.append(Answer(text=text).encode())

    # --- decisions -------------------------------------------------------------------------------------------

    def answer(self, answer: Answer) -> bytes:
        """Decide the event that paused the session. Returns what to send."""
        if self._paused is None:
            raise RuntimeError("no event waits for a decision")
        self._paused = None
        if answer.status is Status.BYE:
            self._state = State.CLOSED
        self._out.append(answer.encode())
        return self.take_output()

    def accept_tls(self) -> bytes:
        """Let TLS begin after what this returns is sent; what came in plaintext behind STARTTLS is dropped."""
        self._decide(TlsRequested)
        self._out.append(Answer(text="begin TLS").encode())
        self._state = State.HANDSHAKE
        self.discarded_octets += self._reader.clear()
        return self.take_output()

    def tls_started(self) -> bytes:
        """The handshake is done, after `accept_tls` (returns the capabilities, RFC 5804 §2.2) or before the greeting."""
        is_first = self._state is not State.HANDSHAKE
        self._reader.clear()
        self._state = State.NON_AUTHENTICATED
        self._has_tls = True
        self._errors = self._commands = 0
        if not is_first:
            self._say_capabilities()
        return self.take_output()

    def offer(self, mechanisms: tuple[str, ...]) -> None:
        """The SASL mechanisms of this connection from now on, in the place of those of the settings."""
        self._settings = msgspec.structs.replace(self._settings, mechanisms=mechanisms)

    def challenge(self, octets: bytes) -> bytes:
        """Go on with AUTHENTICATE: send a SASL challenge (not yet base64). Returns what to send."""
        self._decide(AuthStarted, AuthResponse)
        self._state = State.EXCHANGE
        self._out.append(string(encode_base64(octets)) + b"\r\n")
        return self.take_output()

    def authenticated(self, owner: str) -> bytes:
        """The login succeeded. Returns what to send."""
        self._decide(AuthStarted, AuthResponse)
        self._state, self._owner, self._errors = State.AUTHENTICATED, owner, 0
        self._out.append(Answer(text="Logged in").encode())
        return self.take_output()

    def end(self, answer: Answer | None = None) -> bytes:
        """End the connection from this side. Returns what to send."""
        if answer is not None and self._state is not State.CLOSED:
            self._out.append(answer.encode())
        self._state = State.CLOSED
        self._paused = None
        return self.take_output()

    def _decide(self, *kinds: type) -> None:
        if type(self._paused) not in kinds:
            raise RuntimeError(f"{self._paused!r} is not decided so")
        self._paused = None
