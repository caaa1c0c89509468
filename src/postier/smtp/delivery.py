"""One message on the client's side: MAIL, RCPT, DATA, the body, and a result for every recipient.

Not here: the connection before and after it (`dialogue`). Sources: RFC 5321 §3.3, RFC 2920 §3.1, RFC 2033 §4.2.
Invariants: it ends in one MessageSettled whatever happens; before the reply to the final dot nothing is delivered.
"""

from postier.smtp import reason as why
from postier.smtp.body import DotStuffer
from postier.smtp.client_events import Awaiting, BodyWanted, MessageSettled
from postier.smtp.conversation import Answer, Conversation
from postier.smtp.envelope import (
    Envelope,
    Result,
    mail_parameters,
    message_obstacle,
    recipient_parameters,
    refused_recipient,
    result_of,
)
from postier.smtp.extensions import Extensions
from postier.smtp.parameters import format_mail_parameters, format_recipient_parameters
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply

_NONSENSE = why.CONNECTION_LOST.with_text("The server answered nonsense")


class Delivery:
    """The message in progress."""

    def __init__(self, envelope: Envelope, conversation: Conversation, *, is_lmtp: bool) -> None:
        self._envelope = envelope
        self._conversation = conversation
        self._is_lmtp = is_lmtp
        self._recipients = envelope.recipients
        self._results: list[Result | None] = [None] * len(envelope.recipients)
        self._accepted: list[int] = []
        self._stuffer: DotStuffer | None = None
        self.is_sent = False  # the final dot is out
        self.is_settled = False
        self.needs_reset = False  # MAIL was accepted and no message has ended its transaction

    @property
    def is_sending(self) -> bool:
        """Whether the body is wanted."""
        return self._stuffer is not None

    def begin(
        self,
        extensions: Extensions,
        *,
        is_tls: bool,
        is_authenticated: bool,
        may_pipeline: bool,
        must_reset: bool,
    ) -> None:
        """Say the envelope, or settle at once where the server cannot take the message."""
        envelope = self._envelope
        self.needs_reset = must_reset
        obstacle = message_obstacle(envelope, extensions, is_tls=is_tls)
        if obstacle is not None:
            self.settle(obstacle)
            return
        script: list[tuple[bytes, Awaiting, Answer]] = []
        if must_reset:
            script.append((b"RSET", Awaiting.COMMAND, self._reset_answered))
        parameters = mail_parameters(envelope, extensions, is_authenticated=is_authenticated)
        sender = envelope.reverse_path if envelope.reverse_path is not None else ""
        command = f"MAIL FROM:<{sender}>{format_mail_parameters(parameters)}"
        script.append((command.encode(), Awaiting.COMMAND, self._mail_answered))
        utf8 = extensions.has("SMTPUTF8")
        for index, recipient in enumerate(self._recipients):
            if not (utf8 or recipient.address.is_ascii):
                self._results[index] = result_of(recipient, why.NON_ASCII_RECIPIENT)  # RFC 6531 §3.5
                continue
            wanted = recipient_parameters(envelope, recipient, extensions)
            words = format_recipient_parameters(wanted, smtputf8=utf8)
            command = f"RCPT TO:<{recipient.address}>{words}"
            script.append((command.encode(), Awaiting.COMMAND, self._rcpt_answer(index)))
        if None not in self._results:
            self.settle(why.NON_ASCII_RECIPIENT)
            return
        script.append((b"DATA", Awaiting.DATA, self._data_answered))  # RFC 2920 §3.1: the last of its group
        self._conversation.play(script, is_pipelined=may_pipeline and extensions.has("PIPELINING"))

    def _reset_answered(self, _: Reply) -> None:
        self.needs_reset = False

    def _mail_answered(self, reply: Reply) -> None:
        if reply.is_positive:
            self.needs_reset = True
            return
        for index, recipient in enumerate(self._recipients):
            self._results[index] = self._results[index] or result_of(recipient, _negative(reply))
        self._stop_early()

    def _rcpt_answer(self, index: int) -> Answer:
        def answered(reply: Reply) -> None:
            if self._results[index] is None:  # MAIL was accepted
                if reply.is_positive:
                    self._accepted.append(index)
                    return
                recipient = self._recipients[index]
                cause = _negative(reply)
                self._results[index] = (
                    refused_recipient(recipient, cause, others_accepted=bool(self._accepted))
                    if isinstance(cause, Reply)
                    else result_of(recipient, cause)
                )
            self._stop_early()

        return answered

    def _stop_early(self) -> None:
        """No recipient is left, so DATA is not said, unless it has been."""
        if None not in self._results and self._conversation.may_stop:
            self._conversation.stop()
            self.settle(why.NO_VALID_RECIPIENTS)

    def _data_answered(self, reply: Reply) -> None:
        if not reply.is_intermediate:
            self.settle(_negative(reply))
        elif self._accepted:
            self._stuffer = DotStuffer()
            self._conversation.events.append(BodyWanted())
        else:
            # RFC 2920 §3.1: DATA was pipelined and accepted though no recipient was: a single dot
            self._conversation.say(b".", Awaiting.RESULT, self._result)

    def body(self, piece: bytes) -> bytes:
        """Wire form of the next piece; ValueError: not canonical."""
        if self._stuffer is None:
            raise RuntimeError("no body is wanted")
        return self._stuffer.stuff(piece)

    def end_body(self) -> bytes:
        """The end of data."""
        if self._stuffer is None:
            raise RuntimeError("no body is wanted")
        end = self._stuffer.finish()
        self._stuffer = None
        self.is_sent = True
        if self._is_lmtp:
            for index in self._accepted:  # RFC 2033 §4.2: one reply a recipient, in order
                self._conversation.expect(Awaiting.RESULT, self._recipient_result(index))
        else:
            self._conversation.expect(Awaiting.RESULT, self._result)
        return end

    def _result(self, reply: Reply) -> None:
        self.needs_reset = False  # RFC 5321 §4.1.1.4: any result ends the transaction
        self.settle(reply if reply.is_positive else _negative(reply))

    def _recipient_result(self, index: int) -> Answer:
        def answered(reply: Reply) -> None:
            self.needs_reset = False
            self._results[index] = result_of(
                self._recipients[index], reply if reply.is_positive else _negative(reply)
            )
            if None not in self._results:
                self.settle(reply)

        return answered

    def settle(self, cause: Reply | Reason) -> None:
        """Give every recipient without a result this one, and say so."""
        self.is_settled = True
        self._stuffer = None
        results = tuple(
            result if result is not None else result_of(recipient, cause)
            for recipient, result in zip(self._recipients, self._results, strict=True)
        )
        self._conversation.events.append(MessageSettled(results))


def _negative(reply: Reply) -> Reply | Reason:
    """The reply if it is a refusal; one that makes no sense here only defers."""
    return _NONSENSE if reply.code < 400 else reply
