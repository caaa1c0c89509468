"""SMTP and LMTP connections: the pure session joined to a stream, TLS, logins and a visit of the transfer agent.

Not here: what is accepted (the `Visit`), the protocol itself (`smtp.session`). A command has one deadline from the
moment it is awaited, however slowly its octets come; a body must keep up `MIN_BODY_RATE` on the whole, so a peer that
trickles is cut off either way.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
import structlog

from postier.accounts.login import Login, LoginRefused
from postier.mime.address import Address
from postier.sasl.exchange import Challenge
from postier.servers.conversation import StoppableConversation
from postier.servers.handshake import shake_hands
from postier.servers.logins import Attempt, Logins, Outcome, as_smtp_reason
from postier.servers.tally import NO_TALLY, Tally
from postier.smtp import reason as why
from postier.smtp.events import (
    CLOSED,
    NEED_DATA,
    AuthAborted,
    AuthResponse,
    AuthStarted,
    BodyChunk,
    BodyEnded,
    BodyRefused,
    DataStarted,
    HelloReceived,
    PeerGone,
    QuitReceived,
    RecipientNamed,
    Refused,
    SenderNamed,
    TlsFacts,
    TlsRequested,
    TransactionReset,
    VerifyAsked,
)
from postier.smtp.parameters import MailParameters, RecipientParameters
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply
from postier.smtp.session import Session
from postier.smtp.settings import SessionSettings
from postier.store.transaction import StoreError
from postier.tls.server import ServerTls
from postier.tls.stream import AcceptTls, Stream, StreamExpiredError

MIN_BODY_RATE = 1_000  # octets per second that a body must keep up beyond its time-out

Decision = Reply | Reason | None


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds a peer may take: for the handshake, for a command, within a body."""

    handshake_s: float = 30
    command_s: float = 300
    data_s: float = 300


class Visit(Protocol):
    """One connection as the transfer agent sees it; None means yes."""

    async def connected(self, ip: str, port: int) -> Reason | None:
        """The first thing; a reason is given instead of a greeting."""
        ...

    def greeted(self, hello: str) -> None:
        """The name the peer gave itself."""
        ...

    def encrypted(self, tls: TlsFacts) -> None:
        """TLS is on."""
        ...

    def logged_in(self, login: Login) -> None:
        """The peer is this account."""
        ...

    async def sender(self, reverse_path: Address | None, parameters: MailParameters) -> Decision:
        """MAIL: begins a transaction."""
        ...

    async def recipient(self, forward_path: Address, parameters: RecipientParameters) -> Decision:
        """RCPT."""
        ...

    async def body(self) -> Decision:
        """DATA or the first BDAT: may it come?"""
        ...

    def chunk(self, data: bytes) -> None:
        """A piece of the letter; never raises."""
        ...

    async def letter(self) -> Decision:
        """The letter is complete: keep it or refuse it. None or a 2yz reply only after it is stored for good."""
        ...

    def reset(self) -> None:
        """The transaction is void."""
        ...

    def refused(self, reason: Reason, line: bytes) -> None:
        """The session refused a command by itself (for the log)."""
        ...


class SmtpConversation(StoppableConversation[SessionSettings]):
    """The `Conversation` of one listener. `settings` may be replaced while running; new connections use them."""

    def __init__(
        self,
        name: str,
        settings: SessionSettings,
        timeouts: Timeouts,
        visit: Callable[[], Visit],
        tls: ServerTls | None,
        logins: Logins | None,
        tally: Tally = NO_TALLY,
    ) -> None:
        super().__init__(name, settings)
        self.tally = tally
        self.timeouts = timeouts
        self._visit = visit
        self._tls = tls
        self._logins = logins

    async def converse(self, stream: Stream) -> None:
        """See `Conversation`."""
        connection = _Connection(self, stream, self._visit(), self._tls, self._logins)
        if self.settings.is_tls_implicit and not await connection.start_tls(stream.begin_with_tls):
            return
        await connection.run()

    def refuse(self, stream: Stream, why: str) -> None:
        """See `Conversation`."""
        stream.write(f"421 4.7.0 {self.settings.hostname} {why}, try again later\r\n".encode())


class _Connection:
    """One connection under way."""

    __slots__ = (
        "_attempt",
        "_body_deadline",
        "_body_octets",
        "_in_body",
        "_logins",
        "_owner",
        "_session",
        "_stream",
        "_tls",
        "_visit",
    )

    def __init__(
        self,
        owner: SmtpConversation,
        stream: Stream,
        visit: Visit,
        tls: ServerTls | None,
        logins: Logins | None,
    ) -> None:
        self._owner = owner
        self._stream = stream
        self._visit = visit
        self._tls = tls
        self._logins = logins
        self._session = Session(owner.settings)
        self._attempt: Attempt | None = None
        self._in_body = False
        self._body_deadline = 0.0
        self._body_octets = 0

    async def run(self) -> None:
        session, stream = self._session, self._stream
        refusal = await self._visit.connected(stream.peer_ip, stream.peer_port)
        if stream.tls is None:
            await self._offer()
        if stream.has_unread:  # SECURITY 9
            session.receive(await stream.read())
        stream.write(session.greet(refusal))
        stream.expire_in(self._owner.timeouts.command_s)
        try:
            while True:
                event = session.next_event()
                if event is NEED_DATA:
                    await self._read()
                elif event is CLOSED:
                    stream.write(session.take_output())
                    return
                else:
                    await self._answer(event)
        except StreamExpiredError:
            stream.write(session.end(why.TIMEOUT))
        except Exception:  # a bug of ours: the listener logs it
            stream.write(session.end(why.FAULT))
            raise
        finally:
            self._visit.reset()

    async def _read(self) -> None:
        session, stream = self._session, self._stream
        output = session.take_output()
        if output:
            stream.write(output)
            await stream.drain()
        if self._owner.is_stopping and not self._in_body:  # a body under way may finish
            stream.write(session.end(why.SYSTEM_SHUTDOWN))
            return
        data = await stream.read_or_wake()
        if data:
            session.receive(data)
        elif data is not None:
            session.receive_eof()

    async def _answer(self, event: object) -> None:
        session, stream, visit = self._session, self._stream, self._visit
        match event:
            case BodyChunk(data):
                self._take_chunk(data)
                return
            case RecipientNamed(forward_path, parameters):
                stream.write(session.reply(await self._decide(visit.recipient(forward_path, parameters))))
            case SenderNamed(reverse_path, mail_parameters):
                stream.write(session.reply(await self._decide(visit.sender(reverse_path, mail_parameters))))
            case DataStarted():
                decision = await self._decide(visit.body())
                self._in_body = decision is None
                self._body_octets = 0
                stream.write(session.reply(decision))
                stream.expire_in(self._owner.timeouts.data_s)
                self._body_deadline = stream.deadline
                return
            case BodyEnded():
                self._in_body = False
                await self._end_of_letter()
            case BodyRefused(reason):
                self._in_body = False
                visit.refused(reason, b"")
                visit.reset()
            case HelloReceived(name, _):
                visit.greeted(name)
            case TransactionReset():
                self._in_body = False
                visit.reset()
            case TlsRequested():
                stream.write(session.reply(None))
                if not await self.start_tls(self._stream.accept_tls):
                    stream.abort()
                    session.receive_eof()
                    return
                self._visit.greeted("")
            case AuthStarted(mechanism, initial):
                await self._login(mechanism, initial)
            case AuthResponse(octets):
                await self._login_step(octets)
            case AuthAborted():
                self._attempt = None
            case VerifyAsked():
                stream.write(session.reply(None))
            case Refused(reason, line):
                visit.refused(reason, line)
            case QuitReceived() | PeerGone():
                visit.reset()
            case _:
                raise AssertionError(f"unknown event {event!r}")
        stream.expire_in(self._owner.timeouts.command_s)

    async def _decide(self, deciding: Awaitable[Decision]) -> Decision:
        """What the visit decides; later, while the store does not answer (DESIGN §3.2)."""
        try:
            return await deciding
        except StoreError as error:
            structlog.get_logger().error("store-failed", peer=self._stream.peer_ip, error=str(error))
            return why.INTERNAL_ERROR

    def _take_chunk(self, data: bytes) -> None:
        self._body_octets += len(data)
        self._visit.chunk(data)
        self._stream.deadline = self._body_deadline + self._body_octets / MIN_BODY_RATE

    async def _end_of_letter(self) -> None:
        session, stream = self._session, self._stream
        stream.expire_in(float("inf"))  # the letter is ours now; the peer waits for us
        began_at = time.monotonic()
        decision = await self._decide(self._visit.letter())
        self._owner.tally.letter(
            self._owner.name, _result(decision), self._body_octets, time.monotonic() - began_at
        )
        for _ in range(session.replies_due):
            stream.write(session.reply(decision))

    async def start_tls(self, begin: AcceptTls) -> bool:
        """Shake hands; False when it failed (the connection is of no use then)."""
        facts = await shake_hands(self._stream, begin, self._tls, self._owner.timeouts.handshake_s)
        if facts is None:
            return False
        cipher = facts.cipher()
        tls = TlsFacts(facts.version() or "", cipher[0] if cipher else "")
        self._session.tls_started(tls)
        self._visit.encrypted(tls)
        await self._offer()
        return True

    # Logins

    async def _offer(self) -> None:
        passwords = self._owner.settings.auth_mechanisms
        if self._logins is not None and passwords:
            self._session.offer(await self._logins.offered(self._stream.tls, passwords))

    async def _login(self, mechanism: str, initial: bytes | None) -> None:
        assert self._logins is not None
        self._attempt = self._logins.attempt(mechanism, self._stream.peer_ip, self._stream.tls)
        self._proceed(await self._attempt.start(initial))

    async def _login_step(self, octets: bytes) -> None:
        assert self._attempt is not None
        self._proceed(await self._attempt.step(octets))

    def _proceed(self, outcome: Outcome) -> None:
        session, stream = self._session, self._stream
        match outcome:
            case Challenge(data):
                stream.write(session.challenge(data))
            case Login():
                self._visit.logged_in(outcome)
                stream.write(session.reply(None))
            case LoginRefused():
                stream.write(session.reply(as_smtp_reason(outcome)))


def _result(decision: Decision) -> str:
    """What became of a letter, by the class of its reply."""
    match 2 if decision is None else decision.code // 100:
        case 2:
            return "accepted"
        case 4:
            return "deferred"
        case _:
            return "refused"
