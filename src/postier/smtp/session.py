"""The server side of one SMTP or LMTP connection, without the connection.

Not here: sockets, TLS, time (the owner calls `end(TIMEOUT)`), what to accept (the owner's replies), the verbs
(`commands`). Sources: RFC 5321, 2033 (LMTP), 2920 (pipelining), 3030 (BDAT), 3207 (STARTTLS), 4954 (AUTH).

The owner's loop: write `greet()`, then `next_event()` again and again. NEED_DATA: write `take_output()`, read, call
`receive(data)` or `receive_eof()`. CLOSED: write `take_output()`, close; a transaction still open is void. An event of `events.Decidable`: decide, then
write what `reply(...)` returns. Any other event is a notice.

Invariants: octets to send are handed out once, in order, by whichever of greet, reply, challenge, end and
take_output is called next. While PAUSED nothing further is looked at, so replies keep the order of the commands
(RFC 2920 §3.2) and back-pressure reaches the peer. Cutting the input differently changes no event but the cuts
between BodyChunks. Memory: settings.MAX_BUFFERED_OCTETS of input, and the largest chunk is what was received at once.
"""

from typing import cast

from postier.mime.address import Address
from postier.sasl.base64 import decode_base64, encode_base64
from postier.smtp import commands
from postier.smtp import reason as why
from postier.smtp.body import ChunkedBody, DotStuffedBody
from postier.smtp.decisions import decide
from postier.smtp.events import (
    CLOSED,
    DECIDABLE,
    NEED_DATA,
    PAUSED,
    AuthAborted,
    AuthResponse,
    AuthStarted,
    BodyChunk,
    BodyEnded,
    BodyRefused,
    Decidable,
    Event,
    PeerGone,
    Refused,
    Signal,
    TlsFacts,
)
from postier.smtp.input import Input, LineFault
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply, reply_of
from postier.smtp.settings import (
    MAX_AUTH_OCTETS,
    MAX_COMMAND_OCTETS,
    Role,
    SessionSettings,
)
from postier.smtp.state import Mode, SessionState
from postier.smtp.syntax import CONTROL, FAST_MAIL, FAST_RECIPIENT, fast_address, split_command

# A browser made to speak to us (ALPACA): closed at once, whatever the rest of its request would do.
_HTTP_VERBS = frozenset(
    {b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"PRI"}
)
_TLS_HANDSHAKE = b"\x16"  # first octet of a ClientHello
_CARRIES_MAIL = frozenset({b"RCPT", b"DATA", b"BDAT"})


class Session:
    """One connection; see the module."""

    def __init__(self, settings: SessionSettings) -> None:
        self._state = SessionState(settings)
        self._input = Input()
        self._paused: Decidable | None = None
        self._replies_due = 0
        self._is_greeted = False
        self._is_eof = False
        self.is_early_talker = False  # octets came before the greeting
        self.has_pipelined_early = (
            False  # octets came before the reply to EHLO or DATA: RFC 2920 §3.1 forbids it
        )
        self.discarded_octets = 0  # plaintext that came after STARTTLS

    # --- what the owner may ask ------------------------------------------------------------------------------

    @property
    def hello(self) -> str:
        """The name of the last HELO, EHLO or LHLO, or ""."""
        return self._state.hello

    @property
    def tls(self) -> TlsFacts | None:
        """What the handshake gave, None without TLS."""
        return self._state.tls

    @property
    def is_authenticated(self) -> bool:
        """Whether a login succeeded."""
        return self._state.is_authenticated

    @property
    def in_transaction(self) -> bool:
        """Whether MAIL was accepted and its message has no result yet."""
        return self._state.in_transaction

    @property
    def reverse_path(self) -> Address | None:
        """The accepted reverse-path; None is the null path, or no transaction."""
        return self._state.reverse_path

    @property
    def recipients(self) -> tuple[Address, ...]:
        """The accepted recipients, in order; after BodyEnded in LMTP this is the order of the replies."""
        return tuple(self._state.recipients)

    @property
    def replies_due(self) -> int:
        """How many replies the event that paused the session still wants: 0, 1, or in LMTP one a recipient."""
        return self._replies_due

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will be read."""
        return self._state.mode is Mode.CLOSED

    @property
    def close_reason(self) -> Reason | None:
        """Why the session ended the connection; None after QUIT or when the peer left."""
        return self._state.close_reason

    # --- octets ----------------------------------------------------------------------------------------------

    def greet(self, refusal: Reason | None = None) -> bytes:
        """The greeting, or the refusal that stands in its place and closes (RFC 5321 §3.1 554, RFC 7504 §3 521)."""
        state = self._state
        settings = state.settings
        self._is_greeted = True
        self.is_early_talker = len(self._input) > 0
        if refusal is None and self.is_early_talker and settings.refuses_early_talkers:
            refusal = why.EARLY_TALKER
        if refusal is not None:
            state.say(reply_of(refusal).encode())
            state.close(refusal)
        else:
            protocol = "LMTP" if settings.role is Role.LMTP else "ESMTP"
            state.say(f"220 {settings.hostname} {protocol} {settings.software}\r\n".encode())
        return self.take_output()

    def receive(self, data: bytes) -> None:
        """Add what was read. BufferError: the owner went on reading although the session was PAUSED for long."""
        if self._state.mode is Mode.TLS:
            self.discarded_octets += len(data)  # not the handshake: the owner gives that to TLS
        else:
            self._input.receive(data)

    def receive_eof(self) -> None:
        """The peer closed its side, or the connection broke."""
        self._is_eof = True

    def take_output(self) -> bytes:
        """What is to be sent and was not handed out yet."""
        out = self._state.out
        if len(out) == 1:
            return out.pop()
        wire = b"".join(out)
        out.clear()
        return wire

    # --- events ----------------------------------------------------------------------------------------------

    def next_event(self) -> Event | Signal:
        """The next thing the peer said, or why there is none."""
        if self._paused is not None:
            return PAUSED
        state = self._state
        while True:
            mode = state.mode
            found: Event | Signal | None
            if state.pending:
                found = state.pending.pop(0)
            elif mode is Mode.COMMAND:
                found = self._command()
            elif mode is Mode.DATA:
                found = self._data()
            elif mode is Mode.CHUNK:
                found = self._chunk()
            elif mode is Mode.AUTH:
                found = self._auth_line()
            else:
                found = CLOSED if mode is Mode.CLOSED else NEED_DATA
            if found is None:
                continue
            if found is NEED_DATA:
                if not self._is_eof:
                    return PAUSED if mode is Mode.TLS else NEED_DATA
                in_transaction = state.in_transaction
                state.reset()
                state.close(None)
                return PeerGone(in_transaction)
            if type(found) in DECIDABLE:
                self._paused = cast("Decidable", found)
                self._replies_due = len(state.recipients) if state.is_lmtp and type(found) is BodyEnded else 1
            return found

    def _command(self) -> Event | Signal | None:
        state = self._state
        buffer, at = self._input.buffer, self._input.at
        fast = FAST_RECIPIENT if state.in_transaction else FAST_MAIL
        match = fast.match(buffer, at)
        if (
            match is not None
            and match.end() - at <= MAX_COMMAND_OCTETS
            and not self._input.is_skipping
            and state.may_mail
        ):
            local, domain, words = match.groups()
            address = fast_address(local, domain)
            if address is not None:
                self._input.at = match.end()
                if state.in_transaction:
                    return commands.recipient(state, address, words or b"")
                if not self._count_idle():
                    return None
                return commands.mail(state, address, words or b"", is_ascii=True)
        limit = MAX_AUTH_OCTETS if buffer[at : at + 5].upper() == b"AUTH " else MAX_COMMAND_OCTETS
        line = self._line(limit, why.LINE_TOO_LONG)
        return self._perform(line) if isinstance(line, bytes) else line

    def _perform(self, line: bytes) -> Event | None:
        state = self._state
        verb, argument = split_command(line)
        if verb in _HTTP_VERBS:
            return state.refuse(why.FOREIGN_PROTOCOL, line)
        if CONTROL.search(line):
            return state.refuse(why.SYNTAX, line)
        if verb not in _CARRIES_MAIL and not self._count_idle():
            return None
        event = commands.perform(state, verb, argument)
        if verb in {b"EHLO", b"HELO", b"LHLO"} and self._input:
            self.has_pipelined_early = True
        return event

    def _count_idle(self) -> bool:
        """Whether the client may send another command that does not move mail."""
        state = self._state
        state.idle += 1
        if state.idle <= state.settings.max_idle_commands:
            return True
        state.pending.append(state.refuse(why.TOO_MANY_COMMANDS))
        return False

    def _line(self, limit: int, too_long: Reason) -> bytes | Event | Signal:
        if self._input.starts_with(_TLS_HANDSHAKE):
            return self._state.refuse(why.FOREIGN_PROTOCOL)
        line = self._input.line(limit)
        if line is None:
            return NEED_DATA
        beginning = self._input.beginning if self._state.mode is Mode.COMMAND else b""
        if line is LineFault.TOO_LONG:
            return self._state.refuse(too_long, beginning)  # RFC 5321 §4.5.3.1.9
        if line is LineFault.BARE_NEWLINE:
            # RFC 5321 §2.3.8. What the peer holds for one line and we for two would let it smuggle commands.
            return self._state.refuse_and_close(why.BARE_NEWLINE_COMMAND, beginning)
        return line

    def _auth_line(self) -> Event | Signal:
        state = self._state
        line = self._line(MAX_AUTH_OCTETS, why.AUTH_LINE_TOO_LONG)
        if isinstance(line, Refused):  # RFC 4954 §4: 500 5.5.6
            if state.mode is Mode.AUTH:
                state.mode = Mode.COMMAND
            return AuthAborted(line.reason)
        if not isinstance(line, bytes):
            return line
        if line == b"*":  # RFC 4954 §4: cancelled
            return commands.abort_auth(state, why.AUTH_CANCELLED)
        try:
            return AuthResponse(decode_base64(line))
        except ValueError:
            return commands.abort_auth(state, why.AUTH_ENCODING)

    def _data(self) -> Event | Signal:
        state = self._state
        body = state.body
        assert isinstance(body, DotStuffedBody)
        octets = self._input
        if not octets:
            return NEED_DATA
        piece, octets.at, ended = body.take(octets.buffer, octets.at)
        if ended:
            state.mode = Mode.COMMAND
            end = self._end_of_body(len(state.recipients) if state.is_lmtp else 1)
            if not piece:
                return end
            state.pending.append(end)
        return BodyChunk(piece) if piece else NEED_DATA

    def _chunk(self) -> Event | Signal | None:
        state = self._state
        chunk = state.chunk
        assert chunk is not None
        octets = self._input.take(chunk.remaining)
        chunk.remaining -= len(octets)
        body = state.body
        piece = b""
        if isinstance(body, ChunkedBody):  # None: the octets of a refused chunk
            piece = body.take(octets)
        if chunk.remaining:
            return BodyChunk(piece) if piece else NEED_DATA
        state.mode = Mode.COMMAND
        if piece:
            state.pending.append(BodyChunk(piece))
        if chunk.refusal is not None:
            refused = state.refuse(chunk.refusal)
            for _ in range(1, chunk.replies):
                state.say(reply_of(chunk.refusal).encode())
            state.pending.append(refused)
        elif chunk.reply is not None:
            state.say(chunk.reply)
        elif isinstance(body, ChunkedBody):
            if chunk.is_last and (rest := body.finish()):
                state.pending.append(BodyChunk(rest))
            if chunk.is_last or body.fault is not None:
                state.pending.append(self._end_of_body(chunk.replies))
            else:
                state.say(b"250 2.0.0 %d octets received\r\n" % chunk.size_bytes)
        return None

    def _end_of_body(self, replies: int) -> BodyEnded | BodyRefused:
        """The last event of a message; a fault is answered here, once for each reply that is due."""
        state = self._state
        body = state.body
        assert body is not None
        fault = body.fault
        if fault is None:
            return BodyEnded(body.size_bytes, body.is_ascii)
        for _ in range(replies):
            state.say(reply_of(fault).encode())
        state.reset()
        state.blame()
        return BodyRefused(fault)

    # --- decisions -------------------------------------------------------------------------------------------

    def reply(self, decision: Reply | Reason | None = None) -> bytes:
        """Decide the event that paused the session; None is the default given at the event. Returns what to send.

        In LMTP a BodyEnded takes one call for each recipient (`replies_due`); a 421 closes.
        """
        event = self._paused
        if event is None:
            raise RuntimeError("no event waits for a reply")
        self._replies_due -= 1
        is_last = self._replies_due <= 0
        if is_last:
            self._paused = None
        decide(self._state, event, decision, is_last=is_last)
        mode = self._state.mode
        if mode is Mode.DATA and self._input:
            self.has_pipelined_early = True
        elif mode is Mode.TLS:
            # RFC 3207 §6: whatever came in plaintext behind STARTTLS was put there by somebody else
            self.discarded_octets += self._input.clear()
        elif mode is Mode.CLOSED:
            self._paused = None
        return self.take_output()

    def challenge(self, octets: bytes) -> bytes:
        """Go on with AUTH: send a SASL challenge (not yet base64). Returns what to send."""
        is_auth = isinstance(self._paused, AuthStarted | AuthResponse)
        if not is_auth:
            raise RuntimeError("no AUTH is going on")
        self._paused = None
        self._state.mode = Mode.AUTH
        self._state.say(b"334 %s\r\n" % encode_base64(octets))
        return self.take_output()

    def tls_started(self, facts: TlsFacts) -> None:
        """The handshake is done: the session is new (RFC 3207 §4.2), no EHLO, no login, no plaintext left.

        It follows the reply to STARTTLS, or (RFC 8314 §3.3) comes before the greeting.
        """
        state = self._state
        is_first = state.settings.is_tls_implicit and not self._is_greeted
        if state.mode is not Mode.TLS and not is_first:
            raise RuntimeError("no STARTTLS was answered")
        state.mode = Mode.COMMAND
        state.tls = facts
        state.hello = ""
        state.is_authenticated = False
        self._input.clear()

    def offer(self, mechanisms: tuple[str, ...]) -> None:
        """The SASL mechanisms of this connection from now on, in the place of those of the settings."""
        self._state.offer(mechanisms)

    def end(self, reason: Reason) -> bytes:
        """End the connection from this side: TIMEOUT, SYSTEM_SHUTDOWN, TOO_MANY_ERRORS... Returns what to send."""
        state = self._state
        if state.mode is not Mode.CLOSED:
            state.say(reply_of(reason).encode())
            state.reset()
            state.close(reason)
        self._paused = None
        return self.take_output()
