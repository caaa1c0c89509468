"""What the owner's decision on an event does to the session.

Not here: which events there are (`events`), reading (`session`). Sources: RFC 5321 §4.1.4, RFC 2033 §4.2, RFC 3030 §2,
RFC 3207 §4.2, RFC 4954 §4. Invariant: after the last reply to a message nothing of its transaction is left.
"""

from typing import Final, assert_never

from postier.smtp.body import DotStuffedBody
from postier.smtp.events import (
    AuthResponse,
    AuthStarted,
    BodyEnded,
    DataStarted,
    Decidable,
    RecipientNamed,
    SenderNamed,
    TlsRequested,
    VerifyAsked,
)
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply, reply_of
from postier.smtp.state import Mode, SessionState

_AUTH_DONE = b"235 2.7.0 Authentication successful\r\n"  # RFC 4954 §6
_DEFAULTS: Final[dict[type[Decidable], tuple[bytes, int]]] = {
    TlsRequested: (b"220 2.0.0 Ready to start TLS\r\n", 220),
    AuthStarted: (_AUTH_DONE, 235),
    AuthResponse: (_AUTH_DONE, 235),
    SenderNamed: (b"250 2.1.0 Sender OK\r\n", 250),
    RecipientNamed: (b"250 2.1.5 Recipient OK\r\n", 250),
    DataStarted: (b"354 End data with <CRLF>.<CRLF>\r\n", 354),
    BodyEnded: (b"250 2.0.0 Message accepted\r\n", 250),
    VerifyAsked: (b"252 2.5.0 Cannot verify, send mail and see\r\n", 252),
}

_CLOSING: Final = frozenset({421, 521})  # RFC 5321 §4.2.3, RFC 7504 §3


def decide(state: SessionState, event: Decidable, decision: Reply | Reason | None, *, is_last: bool) -> None:
    """Say the reply and draw its consequences; `is_last` is False while an LMTP message has more replies to come."""
    if decision is None:
        wire, code = _DEFAULTS[type(event)]
    else:
        reply = reply_of(decision) if isinstance(decision, Reason) else decision
        wire, code = reply.encode(), reply.code
    is_positive = code < 400
    match event:
        case SenderNamed():
            state.say(wire)
            if is_positive:
                state.in_transaction = True
                state.reverse_path = event.reverse_path
                state.is_smtputf8 = event.parameters.smtputf8
        case RecipientNamed():
            state.say(wire)
            if is_positive:
                state.recipients.append(event.forward_path)
        case DataStarted():
            _data_started(state, event, wire, code)
        case BodyEnded():
            state.say(wire)
            if is_positive:
                state.errors = state.idle = 0
            if is_last:
                state.reset()
        case TlsRequested():
            state.say(wire)
            if is_positive:
                state.abandon()
                state.mode = Mode.TLS
        case AuthStarted() | AuthResponse():
            state.say(wire)
            state.mode = Mode.COMMAND
            state.is_authenticated = is_positive
            if not is_positive:
                state.blame()
        case VerifyAsked():
            state.say(wire)
        case _:
            assert_never(event)
    if code in _CLOSING:
        state.close(decision if isinstance(decision, Reason) else None)


def _data_started(state: SessionState, event: DataStarted, wire: bytes, code: int) -> None:
    if event.is_chunked:
        # RFC 3030 §2: no go-ahead, and a refusal is told when the octets are through
        if code >= 400:
            assert state.chunk is not None
            state.chunk.reply = wire
            state.reset()
            if code in _CLOSING:
                state.say(wire)
        return
    state.say(wire)
    if code < 400:
        state.body = DotStuffedBody(state.settings.max_message_bytes)
        state.mode = Mode.DATA
    else:
        state.reset()
