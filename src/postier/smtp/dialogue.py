"""The client side of one SMTP or LMTP connection, without the connection.

Not here: sockets, TLS, time, DNS, retries, which TLS is good enough. Sources: RFC 5321 §3 and §4.3.2, RFC 2920 §3.1
(pipelining), 3207 (STARTTLS), 4954 (AUTH), 2033 (LMTP).

The owner's loop: `next_event()` again and again. NEED_DATA: write `take_output()`, read within
`awaiting.timeout_s`, call `receive(data)`, `receive_eof()` or `give_up(reason)`. PAUSED: the owner is to act: one of
`start_tls`, `authenticate`, `send`, `quit`; after BodyWanted `body` and `end_body`; after TlsReady the handshake and
`tls_started`. Each of them returns octets to write. CLOSED: write `take_output()`, close.

Invariants: replies are matched to commands by counting (RFC 2920 §3.1); a message in progress always ends in one
MessageSettled with one result a recipient, whatever happens to the connection; before the reply to the final dot
nothing counts as delivered; no CR or LF but CRLF is ever put on the wire.
"""

from typing import Final

import msgspec

from postier.sasl.base64 import decode_base64, encode_base64
from postier.sasl.exchange import ClientExchange, SaslError
from postier.smtp import reason as why
from postier.smtp.client_events import (
    Authenticated,
    AuthRefused,
    Awaiting,
    DialogueEnded,
    DialogueEvent,
    DialogueSettings,
    HelloAnswered,
    ServerRefused,
    TlsReady,
    TlsRefused,
)
from postier.smtp.conversation import Conversation
from postier.smtp.delivery import Delivery
from postier.smtp.envelope import Envelope
from postier.smtp.events import CLOSED, NEED_DATA, PAUSED, Signal
from postier.smtp.extensions import Extensions
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply, ReplyError, ReplyReader

MAX_AUTH_COMMAND_OCTETS: Final = 512  # RFC 4954 §4: a longer initial response waits for the challenge
# RFC 5321 §3.2: a server without extensions says one of these to EHLO; others (550, 554) mean the client
_NO_EHLO: Final = frozenset({500, 501, 502, 504})
_PASSWORD_MECHANISMS: Final = frozenset({"PLAIN", "LOGIN"})


class Dialogue:
    """One connection; see the module."""

    def __init__(self, settings: DialogueSettings) -> None:
        self._settings = settings
        self._conversation = Conversation()
        self._delivery: Delivery | None = None  # the message in progress, or the last one
        self._exchange: ClientExchange | None = None
        self._is_closed = False
        self._is_eof = False
        self._is_quitting = False
        self._is_shaking_hands = False
        self.extensions = Extensions()
        self.is_tls = settings.is_tls_implicit
        self.is_authenticated = False
        self.discarded_octets = 0  # plaintext behind the reply to STARTTLS: somebody tried to inject replies
        self._conversation.expect(Awaiting.GREETING, self._greeted)

    # --- octets and events -----------------------------------------------------------------------------------

    @property
    def awaiting(self) -> Awaiting | None:
        """What is being waited for, with its timeout; None when it is the owner's turn."""
        if self._conversation.expected:
            return self._conversation.expected[0][0]
        return Awaiting.BODY if self._delivery is not None and self._delivery.is_sending else None

    def receive(self, data: bytes) -> None:
        """Add what was read."""
        if self._is_shaking_hands:
            self.discarded_octets += len(data)
        elif not self._is_closed:
            self._conversation.reader.receive(data)

    def receive_eof(self) -> None:
        """The connection is gone; replies that arrived before it still count."""
        self._is_eof = True

    def give_up(self, reason: Reason) -> None:
        """End the connection from this side, e.g. TIMEOUT; the message in progress is settled by it."""
        self._end(reason)

    def take_output(self) -> bytes:
        """What is to be sent and was not handed out yet."""
        return self._conversation.take_output()

    def next_event(self) -> DialogueEvent | Signal:
        """The next thing that happened, or why there is none."""
        events = self._conversation.events
        if not events:
            self._read_replies()
        if not events and self._is_eof:
            self._end(self._loss())
        if events:
            return events.popleft()
        if self._is_closed:
            return CLOSED
        return NEED_DATA if self._conversation.expected else PAUSED

    def _read_replies(self) -> None:
        conversation = self._conversation
        try:
            while not (conversation.events or self._is_closed):
                reply = conversation.reader.next_reply()
                if reply is None:
                    return
                if reply.code == 421 or not conversation.expected:
                    self._unasked(reply)
                else:
                    conversation.answer(reply)
        except ReplyError as error:
            self._end(why.CONNECTION_LOST.with_text(f"The server does not speak SMTP: {error}"))

    def _unasked(self, reply: Reply) -> None:
        """RFC 5321 §4.2.3: 421 answers any command and none; a refusal amid the body is the last word on it.

        Any other reply that nobody asked for leaves no way to tell which reply belongs to what.
        """
        is_amid_body = self._delivery is not None and self._delivery.is_sending
        if reply.code == 421 or (is_amid_body and reply.code >= 400):
            self._end(reply)
        else:
            self._end(why.CONNECTION_LOST.with_text(f"Unasked reply: {reply}"))

    def _loss(self) -> Reason | None:
        if self._is_quitting:
            return None
        if self._delivery is not None and self._delivery.is_sent and not self._delivery.is_settled:
            return why.CONNECTION_LOST.with_text("Connection lost after the message was sent")
        return why.CONNECTION_LOST

    def _end(self, cause: Reply | Reason | None) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._conversation.end()
        if self._delivery is not None and not self._delivery.is_settled:
            self._delivery.settle(cause or why.CONNECTION_LOST)
        self._conversation.events.append(DialogueEnded(cause))

    def _check_turn(self) -> None:
        is_busy = self._delivery is not None and not self._delivery.is_settled
        if self._is_closed or self._conversation.expected or is_busy or self._is_shaking_hands:
            raise RuntimeError("not the owner's turn")

    # --- greeting, TLS, login --------------------------------------------------------------------------------

    def _greeted(self, reply: Reply) -> None:
        if not reply.is_positive:
            self._refused(reply)
        else:
            self._hello()

    def _hello(self) -> None:
        verb = "LHLO" if self._settings.is_lmtp else "EHLO"
        self._conversation.say(
            f"{verb} {self._settings.hello_name}".encode("ascii"), Awaiting.COMMAND, self._hello_answered
        )

    def _hello_answered(self, reply: Reply) -> None:
        if reply.is_positive:
            self.extensions = Extensions.of(reply)
            self._conversation.events.append(HelloAnswered(self.extensions, reply))
        elif reply.code in _NO_EHLO and not self._settings.is_lmtp:
            self._conversation.say(
                f"HELO {self._settings.hello_name}".encode("ascii"), Awaiting.COMMAND, self._helo_answered
            )
        else:
            self._refused(reply)

    def _helo_answered(self, reply: Reply) -> None:
        if reply.is_positive:
            self.extensions = Extensions()
            self._conversation.events.append(HelloAnswered(self.extensions, reply))
        else:
            self._refused(reply)

    def _refused(self, reply: Reply) -> None:
        self._conversation.events.append(ServerRefused(reply))
        self._quit()

    def start_tls(self) -> bytes:
        """Say STARTTLS; TlsReady or TlsRefused follows."""
        self._check_turn()
        if self.is_tls or not self.extensions.has("STARTTLS"):
            raise RuntimeError("TLS is on already or not offered")
        self._conversation.say(b"STARTTLS", Awaiting.COMMAND, self._tls_answered)
        return self.take_output()

    def _tls_answered(self, reply: Reply) -> None:
        if not reply.is_positive:
            self._conversation.events.append(TlsRefused(reply))
            return
        # RFC 3207 §6: what the server, or somebody in between, sent after it in plaintext is worth nothing
        self.discarded_octets += self._conversation.reader.buffered_octets
        self._conversation.reader = ReplyReader()
        self._is_shaking_hands = True
        self._conversation.events.append(TlsReady())

    def tls_started(self) -> bytes:
        """The handshake is done: forget what was offered and greet again (RFC 3207 §4.2)."""
        if not self._is_shaking_hands:
            raise RuntimeError("no STARTTLS was accepted")
        self._is_shaking_hands = False
        self.is_tls = True
        self.extensions = Extensions()
        self._hello()
        return self.take_output()

    def authenticate(self, exchange: ClientExchange) -> bytes:
        """Log in; Authenticated or AuthRefused follows."""
        self._check_turn()
        if exchange.name in _PASSWORD_MECHANISMS and not (
            self.is_tls or self._settings.is_plaintext_login_allowed
        ):
            raise RuntimeError("a password is not sent without TLS")
        self._exchange = exchange
        command = b"AUTH " + exchange.name.encode("ascii")
        initial = exchange.start()
        if initial is not None:
            whole = command + b" " + (encode_base64(initial) or b"=")  # RFC 4954 §4
            if len(whole) + 2 <= MAX_AUTH_COMMAND_OCTETS:
                command = whole
            else:
                self._exchange = _LateStart(exchange, initial)
        self._conversation.say(command, Awaiting.COMMAND, self._auth_answered)
        return self.take_output()

    def _auth_answered(self, reply: Reply) -> None:
        exchange = self._exchange
        assert exchange is not None
        if reply.code == 334:
            try:
                response = encode_base64(exchange.step(decode_base64(reply.text.encode())))
            except (SaslError, ValueError):
                self._conversation.say(b"*", Awaiting.COMMAND, self._auth_cancelled)  # RFC 4954 §4
            else:
                self._conversation.say(response, Awaiting.COMMAND, self._auth_answered)
        elif reply.is_positive and exchange.is_satisfied:
            self.is_authenticated = True
            self._conversation.events.append(Authenticated(reply))
        else:
            # a 235 before the server has proved itself is an impostor's: RFC 5802 §5
            self._conversation.events.append(AuthRefused(why.AUTH_FAILED if reply.is_positive else reply))

    def _auth_cancelled(self, _: Reply) -> None:
        self._conversation.events.append(
            AuthRefused(why.AUTH_FAILED.with_text("The server failed to prove itself"))
        )

    # --- a message -------------------------------------------------------------------------------------------

    def send(self, envelope: Envelope) -> bytes:
        """Begin a message; BodyWanted or MessageSettled follows. ValueError: the envelope has no recipient."""
        self._check_turn()
        if not envelope.recipients:
            raise ValueError("an envelope needs a recipient")
        must_reset = self._delivery is not None and self._delivery.needs_reset
        delivery = self._delivery = Delivery(envelope, self._conversation, is_lmtp=self._settings.is_lmtp)
        delivery.begin(
            self.extensions,
            is_tls=self.is_tls,
            is_authenticated=self.is_authenticated,
            may_pipeline=self._settings.may_pipeline,
            must_reset=must_reset,
        )
        return self.take_output()

    def body(self, piece: bytes) -> bytes:
        """Wire form of the next piece of the message; ValueError: it is not canonical, so `give_up` and close."""
        if self._delivery is None:
            raise RuntimeError("no body is wanted")
        return self._delivery.body(piece)

    def end_body(self) -> bytes:
        """The end of the message; MessageSettled follows."""
        if self._delivery is None:
            raise RuntimeError("no body is wanted")
        return self._delivery.end_body()

    # --- the end ---------------------------------------------------------------------------------------------

    def quit(self) -> bytes:
        """Say QUIT; DialogueEnded follows."""
        self._check_turn()
        self._quit()
        return self.take_output()

    def _quit(self) -> None:
        self._is_quitting = True
        self._conversation.say(b"QUIT", Awaiting.QUIT, lambda _: self._end(None))


class _LateStart(msgspec.Struct):
    """A client exchange whose initial response was too long for the AUTH command (RFC 4954 §4)."""

    inner: ClientExchange
    initial: bytes | None

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def is_satisfied(self) -> bool:
        return self.initial is None and self.inner.is_satisfied

    def start(self) -> None:
        return

    def step(self, challenge: bytes) -> bytes:
        if self.initial is None:
            return self.inner.step(challenge)
        initial, self.initial = self.initial, None
        return initial
