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

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final

import msgspec

from postier.sasl.base64 import decode_base64, encode_base64
from postier.sasl.exchange import ClientExchange, SaslError
from postier.smtp import reason as why
from postier.smtp.body import DotStuffer
from postier.smtp.envelope import (
    Envelope,
    EnvelopeRecipient,
    Result,
    mail_parameters,
    message_obstacle,
    refused_recipient,
    result_of,
)
from postier.smtp.events import CLOSED, NEED_DATA, PAUSED, Signal
from postier.smtp.extensions import Extensions
from postier.smtp.parameters import format_mail_parameters, format_recipient_parameters
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply, ReplyError, ReplyReader

MAX_AUTH_COMMAND_OCTETS: Final = 512  # RFC 4954 §4: a longer initial response waits for the challenge
# RFC 5321 §3.2: a server without extensions says one of these to EHLO; others (550, 554) mean the client
_NO_EHLO: Final = frozenset({500, 501, 502, 504})
_PASSWORD_MECHANISMS: Final = frozenset({"PLAIN", "LOGIN"})


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
_Answer = Callable[[Reply], None]


class _Message:
    """The message in progress."""

    def __init__(self, envelope: Envelope) -> None:
        self.recipients = envelope.recipients
        self.results: list[Result | None] = [None] * len(envelope.recipients)
        self.accepted: list[int] = []
        self.is_open = False  # MAIL was accepted
        self.stuffer: DotStuffer | None = None  # the body is being sent
        self.is_sent = False  # the final dot is out

    def settle(self, cause: Reply | Reason) -> tuple[Result, ...]:
        """Give every recipient without a result this one."""
        return tuple(
            result if result is not None else result_of(recipient, cause)
            for recipient, result in zip(self.recipients, self.results, strict=True)
        )


class Dialogue:
    """One connection; see the module."""

    def __init__(self, settings: DialogueSettings) -> None:
        self._settings = settings
        self._reader = ReplyReader()
        self._out: list[bytes] = []
        self._events: deque[DialogueEvent] = deque()
        self._expected: deque[tuple[Awaiting, _Answer]] = deque()
        self._script: deque[tuple[bytes, Awaiting, _Answer]] = deque()  # not said yet: no PIPELINING
        self._message: _Message | None = None
        self._exchange: ClientExchange | None = None
        self._is_closed = False
        self._is_quitting = False
        self._needs_reset = False
        self._is_shaking_hands = False
        self.extensions = Extensions()
        self.is_tls = settings.is_tls_implicit
        self.is_authenticated = False
        self.discarded_octets = 0  # plaintext behind the reply to STARTTLS: somebody tried to inject replies
        self._expect(Awaiting.GREETING, self._greeted)

    # --- octets and events -----------------------------------------------------------------------------------

    @property
    def awaiting(self) -> Awaiting | None:
        """What is being waited for, with its timeout; None when it is the owner's turn."""
        if self._expected:
            return self._expected[0][0]
        return Awaiting.BODY if self._message is not None and self._message.stuffer is not None else None

    def receive(self, data: bytes) -> None:
        """Add what was read."""
        if self._is_shaking_hands:
            self.discarded_octets += len(data)
        elif not self._is_closed:
            self._reader.receive(data)

    def receive_eof(self) -> None:
        """The connection is gone; replies that arrived before it still count."""
        self._read_replies()
        sent = self._message is not None and self._message.is_sent
        text = "Connection lost after the message was sent" if sent else "Connection lost"
        self._end(None if self._is_quitting else why.CONNECTION_LOST.with_text(text))

    def give_up(self, reason: Reason) -> None:
        """End the connection from this side, e.g. TIMEOUT; the message in progress is settled by it."""
        self._end(reason)

    def take_output(self) -> bytes:
        """What is to be sent and was not handed out yet."""
        wire = b"".join(self._out)
        self._out.clear()
        return wire

    def next_event(self) -> DialogueEvent | Signal:
        """The next thing that happened, or why there is none."""
        if not self._events:
            self._read_replies()
        if self._events:
            return self._events.popleft()
        if self._is_closed:
            return CLOSED
        return NEED_DATA if self._expected else PAUSED

    def _read_replies(self) -> None:
        try:
            while not (self._events or self._is_closed) and (reply := self._reader.next_reply()) is not None:
                self._take(reply)
        except ReplyError as error:
            self._end(why.CONNECTION_LOST.with_text(f"The server does not speak SMTP: {error}"))

    def _take(self, reply: Reply) -> None:
        if reply.code == 421 or not self._expected:
            # RFC 5321 §4.2.3: 421 answers any command and none. Another reply that nobody asked for leaves no way
            # to tell which reply belongs to what; amid the body it is the server's last word on the message.
            if self._message is not None and self._message.stuffer is not None and not reply.is_positive:
                self._end(reply)
            else:
                self._end(
                    reply if reply.code == 421 else why.CONNECTION_LOST.with_text(f"Unasked reply: {reply}")
                )
            return
        _, answer = self._expected.popleft()
        answer(reply)
        if self._script and not self._expected:
            command, awaiting, answer = self._script.popleft()
            self._say(command, awaiting, answer)

    def _expect(self, awaiting: Awaiting, answer: _Answer) -> None:
        self._expected.append((awaiting, answer))

    def _say(self, command: bytes, awaiting: Awaiting, answer: _Answer) -> None:
        if b"\r" in command or b"\n" in command or b"\0" in command:
            raise ValueError("a command cannot carry CR, LF or NUL")
        self._out.append(command + b"\r\n")
        self._expect(awaiting, answer)

    def _end(self, cause: Reply | Reason | None) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._expected.clear()
        self._script.clear()
        if self._message is not None:
            self._settle(cause or why.CONNECTION_LOST)
        self._events.append(DialogueEnded(cause))

    def _check_turn(self) -> None:
        if self._is_closed or self._expected or self._message is not None or self._is_shaking_hands:
            raise RuntimeError("not the owner's turn")

    # --- greeting, TLS, login --------------------------------------------------------------------------------

    def _greeted(self, reply: Reply) -> None:
        if not reply.is_positive:
            self._refused(reply)
        else:
            self._hello()

    def _hello(self) -> None:
        verb = "LHLO" if self._settings.is_lmtp else "EHLO"
        self._say(
            f"{verb} {self._settings.hello_name}".encode("ascii"), Awaiting.COMMAND, self._hello_answered
        )

    def _hello_answered(self, reply: Reply) -> None:
        if reply.is_positive:
            self.extensions = Extensions.of(reply)
            self._events.append(HelloAnswered(self.extensions, reply))
        elif reply.code in _NO_EHLO and not self._settings.is_lmtp:
            self._say(
                f"HELO {self._settings.hello_name}".encode("ascii"), Awaiting.COMMAND, self._helo_answered
            )
        else:
            self._refused(reply)

    def _helo_answered(self, reply: Reply) -> None:
        if reply.is_positive:
            self.extensions = Extensions()
            self._events.append(HelloAnswered(self.extensions, reply))
        else:
            self._refused(reply)

    def _refused(self, reply: Reply) -> None:
        self._events.append(ServerRefused(reply))
        self._quit()

    def start_tls(self) -> bytes:
        """Say STARTTLS; TlsReady or TlsRefused follows."""
        self._check_turn()
        if self.is_tls or not self.extensions.has("STARTTLS"):
            raise RuntimeError("TLS is on already or not offered")
        self._say(b"STARTTLS", Awaiting.COMMAND, self._tls_answered)
        return self.take_output()

    def _tls_answered(self, reply: Reply) -> None:
        if not reply.is_positive:
            self._events.append(TlsRefused(reply))
            return
        # RFC 3207 §6: what the server, or somebody in between, sent after it in plaintext is worth nothing
        self.discarded_octets += self._reader.buffered_octets
        self._reader = ReplyReader()
        self._is_shaking_hands = True
        self._events.append(TlsReady())

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
        self._say(command, Awaiting.COMMAND, self._auth_answered)
        return self.take_output()

    def _auth_answered(self, reply: Reply) -> None:
        exchange = self._exchange
        assert exchange is not None
        if reply.code == 334:
            try:
                response = encode_base64(exchange.step(decode_base64(reply.text.encode())))
            except (SaslError, ValueError):
                self._say(b"*", Awaiting.COMMAND, self._auth_cancelled)  # RFC 4954 §4
            else:
                self._say(response, Awaiting.COMMAND, self._auth_answered)
        elif reply.is_positive and exchange.is_satisfied:
            self.is_authenticated = True
            self._events.append(Authenticated(reply))
        else:
            # a 235 before the server has proved itself is an impostor's: RFC 5802 §5
            self._events.append(AuthRefused(why.AUTH_FAILED if reply.is_positive else reply))

    def _auth_cancelled(self, _: Reply) -> None:
        self._events.append(AuthRefused(why.AUTH_FAILED.with_text("The server failed to prove itself")))

    # --- a message -------------------------------------------------------------------------------------------

    def send(self, envelope: Envelope) -> bytes:
        """Begin a message; BodyWanted or MessageSettled follows. ValueError: the envelope has no recipient."""
        self._check_turn()
        if not envelope.recipients:
            raise ValueError("an envelope needs a recipient")
        message = self._message = _Message(envelope)
        obstacle = message_obstacle(envelope, self.extensions, is_tls=self.is_tls)
        if obstacle is not None:
            self._settle(obstacle)
            return b""
        offers_utf8 = self.extensions.has("SMTPUTF8")
        script = self._script
        if self._needs_reset:
            script.append((b"RSET", Awaiting.COMMAND, self._reset_answered))
        parameters = mail_parameters(envelope, self.extensions, is_authenticated=self.is_authenticated)
        sender = envelope.reverse_path if envelope.reverse_path is not None else ""
        command = f"MAIL FROM:<{sender}>{format_mail_parameters(parameters)}"
        script.append((command.encode(), Awaiting.COMMAND, self._mail_answered))
        for index, recipient in enumerate(envelope.recipients):
            if not (offers_utf8 or recipient.address.is_ascii):
                message.results[index] = result_of(recipient, why.NON_ASCII_RECIPIENT)
            else:
                script.append(
                    (self._rcpt(recipient, smtputf8=offers_utf8), Awaiting.COMMAND, self._rcpt_answer(index))
                )
        if None not in message.results:
            script.clear()
            self._settle(why.NON_ASCII_RECIPIENT)
            return b""
        script.append((b"DATA", Awaiting.DATA, self._data_answered))
        if self._settings.may_pipeline and self.extensions.has("PIPELINING"):
            while script:  # RFC 2920 §3.1: DATA may end the group
                self._say(*script.popleft())
        else:
            self._say(*script.popleft())
        return self.take_output()

    def _rcpt(self, recipient: EnvelopeRecipient, *, smtputf8: bool) -> bytes:
        words = ""
        if self.extensions.has("DSN"):
            words = format_recipient_parameters(recipient.parameters, smtputf8=smtputf8)
        return f"RCPT TO:<{recipient.address}>{words}".encode()

    def _reset_answered(self, reply: Reply) -> None:
        self._needs_reset = not reply.is_positive

    def _mail_answered(self, reply: Reply) -> None:
        message = self._in_progress()
        if reply.is_positive:
            message.is_open = self._needs_reset = True
        else:
            message.results = [
                result or result_of(recipient, reply)
                for recipient, result in zip(message.recipients, message.results, strict=True)
            ]
            self._stop_early()

    def _rcpt_answer(self, index: int) -> _Answer:
        def answered(reply: Reply) -> None:
            message = self._in_progress()
            if reply.is_positive and message.is_open:
                message.accepted.append(index)
            elif message.results[index] is None:
                recipient = message.recipients[index]
                others = bool(message.accepted)
                message.results[index] = refused_recipient(recipient, reply, others_accepted=others)
            if not message.accepted and None not in message.results:
                self._stop_early()

        return answered

    def _stop_early(self) -> None:
        """No recipient is left: DATA is not said, unless it has been."""
        if self._script or not self._expected:
            self._script.clear()
            self._settle(why.NO_VALID_RECIPIENTS)

    def _data_answered(self, reply: Reply) -> None:
        message = self._in_progress()
        if not reply.is_intermediate:
            self._settle(reply if not reply.is_positive else why.CONNECTION_LOST)
            if reply.is_positive:
                self._end(why.CONNECTION_LOST.with_text(f"Nonsense in answer to DATA: {reply}"))
        elif message.accepted:
            message.stuffer = DotStuffer()
            self._events.append(BodyWanted())
        else:
            # RFC 2920 §3.1: DATA was pipelined and accepted though no recipient was: a single dot
            self._say(b".", Awaiting.RESULT, lambda _: self._settle(why.NO_VALID_RECIPIENTS))

    def body(self, piece: bytes) -> bytes:
        """Wire form of the next piece of the message; ValueError: it is not canonical, so `give_up` and close."""
        stuffer = self._in_progress().stuffer
        if stuffer is None:
            raise RuntimeError("no body is wanted")
        return stuffer.stuff(piece)

    def end_body(self) -> bytes:
        """The end of the message; MessageSettled follows."""
        message = self._in_progress()
        if message.stuffer is None:
            raise RuntimeError("no body is wanted")
        end = message.stuffer.finish()
        message.stuffer = None
        message.is_sent = True
        if self._settings.is_lmtp:
            for index in message.accepted:  # RFC 2033 §4.2: one reply a recipient, in order
                self._expect(Awaiting.RESULT, self._recipient_result(index))
        else:
            self._expect(Awaiting.RESULT, self._result)
        return end

    def _result(self, reply: Reply) -> None:
        self._needs_reset = False  # RFC 5321 §4.1.1.4: any result ends the transaction
        if reply.is_intermediate:
            self._end(why.CONNECTION_LOST.with_text(f"Nonsense in answer to the message: {reply}"))
        else:
            self._settle(reply)

    def _recipient_result(self, index: int) -> _Answer:
        def answered(reply: Reply) -> None:
            message = self._in_progress()
            self._needs_reset = False
            message.results[index] = result_of(message.recipients[index], reply)
            if None not in message.results:
                self._settle(reply)

        return answered

    def _settle(self, cause: Reply | Reason) -> None:
        message, self._message = self._in_progress(), None
        self._events.append(MessageSettled(message.settle(cause)))

    def _in_progress(self) -> _Message:
        if self._message is None:
            raise RuntimeError("no message is in progress")
        return self._message

    # --- the end ---------------------------------------------------------------------------------------------

    def quit(self) -> bytes:
        """Say QUIT; DialogueEnded follows."""
        self._check_turn()
        self._quit()
        return self.take_output()

    def _quit(self) -> None:
        self._is_quitting = True
        self._say(b"QUIT", Awaiting.QUIT, lambda _: self._end(None))


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
