"""ManageSieve connections: the pure core joined to a stream, logins and the stored scripts.

Not here: the protocol (`managesieve.session`), scripts in the store (`accounts.scripts`), what makes a script right: whoever binds a
`ScriptChecker`. Source: RFC 5804. Invariants: no script is stored that the checker refuses; no error of the store leaves a command
(NO (TRYLATER)); a change is answered after its commit; checking runs beside the event loop.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol, assert_never

import msgspec
import structlog

from postier.accounts.login import Login, LoginRefused
from postier.accounts.refusals import NotFoundError
from postier.accounts.scripts import (
    ScriptProblem,
    activate_script,
    delete_script,
    list_scripts,
    put_script,
    room_for_script,
    script_content,
)
from postier.mailbox.script_names import rename_script_and_references
from postier.managesieve.answers import SCRIPT_TOO_LARGE, Answer, Code, bye, literal, no, string
from postier.managesieve.events import (
    CLOSED,
    NEED_DATA,
    PAUSED,
    AuthResponse,
    AuthStarted,
    Event,
    PeerGone,
    Refused,
    ScriptActivated,
    ScriptCommand,
    ScriptDeleted,
    ScriptOffered,
    ScriptPut,
    ScriptRenamed,
    ScriptsListed,
    ScriptWanted,
    SpaceAsked,
    TlsRequested,
    Unauthenticated,
)
from postier.managesieve.session import Session
from postier.managesieve.settings import SessionSettings
from postier.sasl.exchange import Challenge
from postier.servers.conversation import StoppableConversation
from postier.servers.handshake import shake_hands
from postier.servers.logins import Attempt, Logins, Outcome
from postier.servers.sliced_input import SlicedInput
from postier.store.transaction import ConflictError, Store, StoreError
from postier.tls.server import ServerTls
from postier.tls.stream import AcceptTls, Stream, StreamExpiredError

LOG = structlog.get_logger()
MAX_SLICE_OCTETS = 16_384  # of input looked at before others have their turn

_STORE_AWAY = no("the scripts can't be reached now, try again later", Code.TRY_LATER)
_CODES = {
    ScriptProblem.NONEXISTENT: Code.NONEXISTENT,
    ScriptProblem.ALREADY_EXISTS: Code.ALREADY_EXISTS,
    ScriptProblem.ACTIVE: Code.ACTIVE,
    ScriptProblem.TOO_MANY: Code.QUOTA_MAX_SCRIPTS,
    ScriptProblem.TOO_LARGE: Code.QUOTA,
}


class ScriptChecker(Protocol):
    """The Sieve engine, as this server needs it."""

    def problems(self, content: bytes) -> Sequence[str]:
        """What is wrong with a script, each with its line; none if it can be run. Called from a thread."""
        ...


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds a peer may take: for the handshake, until it has logged in, silent afterwards."""

    handshake_s: float = 30
    login_s: float = 300
    idle_s: float = 1800  # RFC 5804 §1.2: at least 30 minutes


class ManageSieveConversation(StoppableConversation[SessionSettings]):
    """The `Conversation` of one listener (`servers.listener`); `settings` may be replaced while running."""

    def __init__(
        self,
        name: str,
        settings: SessionSettings,
        timeouts: Timeouts,
        store: Store,
        logins: Logins,
        checker: ScriptChecker,
        tls: ServerTls | None,
    ) -> None:
        super().__init__(name, settings)
        self.timeouts = timeouts
        self.store = store
        self.logins = logins
        self.checker = checker
        self.tls = tls

    async def converse(self, stream: Stream) -> None:
        """See `Conversation`."""
        await _Connection(self, stream).converse()

    def refuse(self, stream: Stream, why: str) -> None:
        """See `Conversation`."""
        stream.write(bye(f"{why}, try again later", Code.TRY_LATER).encode())


class _Connection:
    """One connection under way."""

    def __init__(self, owner: ManageSieveConversation, stream: Stream) -> None:
        self._owner = owner
        self._stream = stream
        self._timeouts = owner.timeouts
        self._session = Session(owner.settings)
        self._attempt: Attempt | None = None
        self._mechanism = ""
        self._account_id = 0
        self._address = ""
        self._failed_logins = 0
        self._input = SlicedInput(stream, MAX_SLICE_OCTETS)

    async def converse(self) -> None:
        """From the greeting to the end."""
        session, stream = self._session, self._stream
        try:
            await self._speak()
        except StreamExpiredError:
            if stream.is_blocked:  # it takes nothing, so it would not take a farewell
                stream.abort()
            stream.write(session.end(bye("idle for too long")))
        except Exception:  # STYLE 15: a bug of ours
            LOG.exception("connection-failed", peer=stream.peer_ip, account=self._address)
            stream.write(session.end(bye("internal error", Code.TRY_LATER)))

    async def _speak(self) -> None:
        session, stream = self._session, self._stream
        if self._owner.settings.is_tls_implicit and not await self._start_tls(stream.begin_with_tls):
            return
        if not self._owner.settings.is_tls_implicit:
            await self._offer()
        stream.expire_in(self._timeouts.login_s)
        stream.write(session.greet())
        while True:
            event = session.next_event()
            stream.write(session.take_output())
            if event is CLOSED:
                return
            if event is NEED_DATA:
                await self._receive()
                continue
            assert event is not PAUSED
            await self._take(event)

    async def _receive(self) -> None:
        """Wait for octets. Raises StreamExpiredError."""
        stream, session = self._stream, self._session
        if self._account_id:
            stream.expire_in(self._timeouts.idle_s)
        await stream.drain()
        octets = await self._input.take(lambda: self._owner.is_stopping)
        if octets is None:
            stream.write(session.end(bye("the server is shutting down", Code.TRY_LATER)))
            return
        if octets == b"":
            session.receive_eof()
            return
        if self._account_id:
            stream.expire_in(float("inf"))  # our turn
        session.receive(octets)

    async def _take(self, event: Event) -> None:
        match event:
            case Refused() | PeerGone():
                return
            case Unauthenticated():
                self._account_id, self._address = 0, ""
                self._stream.expire_in(self._timeouts.login_s)
            case TlsRequested():
                await self._starttls()
            case AuthStarted(mechanism, initial):
                self._mechanism = mechanism
                self._attempt = self._owner.logins.attempt(mechanism, self._stream.peer_ip, self._stream.tls)
                await self._step(await self._attempt.start(initial))
            case AuthResponse(data):
                assert self._attempt is not None
                await self._step(await self._attempt.step(data))
            case _:
                try:
                    self._answer(await self._run(event))
                except (StoreError, ConflictError, NotFoundError):
                    self._answer(_STORE_AWAY)

    def _answer(self, answer: Answer) -> None:
        self._stream.write(self._session.answer(answer))

    # Becoming somebody

    async def _start_tls(self, begin: AcceptTls) -> bool:
        if await shake_hands(self._stream, begin, self._owner.tls, self._timeouts.handshake_s) is None:
            self._session.end()
            return False
        await self._offer()
        self._stream.write(self._session.tls_started())
        return True

    async def _offer(self) -> None:
        offered = await self._owner.logins.offered(self._stream.tls, self._owner.settings.mechanisms)
        self._session.offer(offered)

    async def _starttls(self) -> None:
        self._stream.write(self._session.accept_tls())
        self._input.drop()
        await self._start_tls(self._stream.accept_tls)

    async def _step(self, outcome: Outcome) -> None:
        assert self._attempt is not None
        if isinstance(outcome, Challenge):
            self._stream.write(self._session.challenge(outcome.data))
        else:
            self._login(outcome, self._attempt.name)

    def _login(self, found: Login | LoginRefused, name: str) -> None:
        stream = self._stream
        if not isinstance(found, Login):
            self._refuse_login(found, name)
            return
        if stream.is_expired:
            raise StreamExpiredError
        self._account_id, self._address = found.account_id, str(found.address)
        LOG.info(
            "managesieve-login",
            peer=stream.peer_ip,
            account=self._address,
            mechanism=self._mechanism,
            tls=stream.tls is not None,
        )
        stream.write(self._session.authenticated(self._address))

    def _refuse_login(self, refused: LoginRefused, name: str) -> None:
        LOG.info(
            "managesieve-login-refused",
            peer=self._stream.peer_ip,
            name=name[:256],
            mechanism=self._mechanism,
            reason=refused.problem.name.lower(),
        )
        self._failed_logins += 1
        is_last = self._failed_logins >= self._owner.settings.max_errors
        code = Code.TRY_LATER if refused.problem.is_temporary else None
        self._answer((bye if is_last else no)(refused.problem.value, code))

    # Scripts

    async def _run(self, command: ScriptCommand) -> Answer:
        store, account_id = self._owner.store, self._account_id
        match command:
            case SpaceAsked(name, size_octets):
                if size_octets > self._owner.settings.max_script_octets:
                    return SCRIPT_TOO_LARGE
                return _ended(await store.read(room_for_script, account_id, name, size_octets))
            case ScriptPut(name, content):
                return await self._check(content) or _ended(
                    await store.write(put_script, account_id, name, content)
                )
            case ScriptOffered(content):
                return await self._check(content) or Answer()
            case ScriptsListed():
                lines = [
                    string(each.name.encode()) + (b" ACTIVE\r\n" if each.is_active else b"\r\n")
                    for each in await store.read(list_scripts, account_id)
                ]
                return Answer(data=b"".join(lines))
            case ScriptWanted(name):
                found = await store.read(script_content, account_id, name)
                if found is None:
                    return _ended(ScriptProblem.NONEXISTENT)
                return Answer(data=literal(found) + b"\r\n")
            case ScriptActivated(name):
                return _ended(await store.write(activate_script, account_id, name))
            case ScriptDeleted(name):
                return _ended(await store.write(delete_script, account_id, name))
            case ScriptRenamed(old, new):
                return _ended(await store.write(rename_script_and_references, account_id, old, new))
            case _:
                assert_never(command)

    async def _check(self, content: bytes) -> Answer | None:
        """None for a script that is right."""
        problems = await asyncio.to_thread(self._owner.checker.problems, content)
        return no("\r\n".join(problems)) if problems else None


def _ended(problem: ScriptProblem | None) -> Answer:
    return Answer() if problem is None else no(problem.value, _CODES[problem])
