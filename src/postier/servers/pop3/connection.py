"""One POP3 connection: the pure core joined to a stream, logins and the delivery agent.

Not here: the protocol (`pop3.session`), the maildrop and its lock (`mailbox.maildrop`), passwords (`accounts.login`). Sources:
RFC 1939, RFC 2595 §4, RFC 8314. Invariants: one task per connection, and a second one that prolongs the lock once there is
one; a portion of a listing or a piece of a message is mostly taken by the peer before the next is made; no error of the
store leaves a command (-ERR [SYS/TEMP]); QUIT is answered after the commit; however a session ends, its lock does.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterable
from typing import Protocol, assert_never

import msgspec
import structlog

from postier.accounts.login import Login, LoginProblem, LoginRefused
from postier.mailbox.maildrop import (
    LockedMaildrop,
    keep_maildrop,
    leave_maildrop,
    lock_maildrop,
    maildrop_message,
    maildrop_messages,
    update_maildrop,
)
from postier.mailbox.refusals import MailboxRefusedError
from postier.mime.address import Address
from postier.pop3.events import (
    CLOSED,
    NEED_DATA,
    PAUSED,
    AuthResponse,
    AuthStarted,
    Event,
    ListingRequested,
    MessageRequested,
    MessagesWanted,
    PasswordGiven,
    PeerGone,
    Refused,
    TlsRequested,
    UpdateRequested,
)
from postier.pop3.maildrop import Maildrop
from postier.pop3.replies import Code, Refusal
from postier.pop3.session import Session
from postier.pop3.settings import SessionSettings
from postier.sasl.exchange import Challenge, Credentials
from postier.servers.handshake import shake_hands
from postier.servers.logins import Attempt, Logins, Outcome
from postier.servers.sliced_input import SlicedInput
from postier.store.transaction import ConflictError, Store, StoreError
from postier.tls.server import ServerTls
from postier.tls.stream import AcceptTls, Stream, StreamExpiredError

LOG = structlog.get_logger()
PROLONG_S = 30.0  # a third of the lock's lease
MAX_SLICE_OCTETS = (
    4_096  # of commands answered before others have their turn; so answers to them are bounded too
)
BULK_MESSAGES = 1_000  # from so many on an update runs beside the event loop

_STORE_AWAY = Refusal("the mailbox can't be reached now, try again later", Code.TEMPORARY)
_IN_USE = Refusal("another POP3 session has this maildrop open", Code.IN_USE)
_LOCK_LOST = Refusal("the lock on the maildrop ran out; nothing was deleted", Code.TEMPORARY)
_MESSAGE_GONE = Refusal("this message was moved away meanwhile")
_UNREADABLE = Refusal("this message can't be read now", Code.TEMPORARY)
_STOPPING = Refusal("the server is shutting down", Code.TEMPORARY)
_FAULT = Refusal("internal error", Code.TEMPORARY)
_CODES = {
    LoginProblem.WRONG: Code.AUTH,  # RFC 3206 §6: what is the credentials' fault, and nothing else
    LoginProblem.LIMITED: Code.TEMPORARY,
    LoginProblem.BUSY: Code.TEMPORARY,
    LoginProblem.UNAVAILABLE: Code.TEMPORARY,
    LoginProblem.NOT_PERMITTED: Code.AUTH,
}


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds a peer may take: for the handshake, until it has logged in, silent afterwards, to take what is sent."""

    handshake_s: float = 30
    login_s: float = 300
    idle_s: float = 600  # RFC 1939 §3
    data_s: float = 300


class Owner(Protocol):
    """What all connections of a listener share (`conversation`)."""

    settings: SessionSettings
    timeouts: Timeouts
    store: Store
    logins: Logins
    tls: ServerTls | None
    is_stopping: bool


class Connection:
    """One connection under way."""

    def __init__(self, owner: Owner, stream: Stream) -> None:
        self._owner = owner
        self._stream = stream
        self._timeouts = owner.timeouts
        self._session = Session(owner.settings)
        self._attempt: Attempt | None = None
        self._mechanism = ""
        self._lock_owner = ""
        self._locked: LockedMaildrop | None = None
        self._address: Address | None = None
        self._tasks = asyncio.TaskGroup()
        self._keeper: asyncio.Task[None] | None = None
        self._input = SlicedInput(stream, MAX_SLICE_OCTETS)
        self._failed_logins = 0
        self._retrieved = self._deleted = self._sent_bytes = 0

    async def converse(self) -> None:
        """From the greeting to the end; whatever happens the maildrop is unlocked."""
        session, stream = self._session, self._stream
        try:
            async with self._tasks:
                try:
                    await self._speak()
                finally:
                    if self._keeper is not None:
                        self._keeper.cancel()
        except* StreamExpiredError:
            if stream.is_blocked:  # it takes nothing
                stream.abort()
            session.end()  # RFC 1939 §3: no last word
        except* Exception:  # STYLE 15: a bug of ours
            LOG.exception("connection-failed", peer=stream.peer_ip, account=str(self._address or ""))
            self._write(session.end(_FAULT))
        finally:
            if self._locked is not None:
                await self._leave(self._locked)
            if self._address is not None:
                LOG.info(
                    "pop3-ended",
                    peer=stream.peer_ip,
                    account=str(self._address),
                    retrieved=self._retrieved,
                    deleted=self._deleted,
                    sent_bytes=self._sent_bytes,
                )

    async def _speak(self) -> None:
        session, stream = self._session, self._stream
        if self._owner.settings.is_tls_implicit and not await self._start_tls(stream.begin_with_tls):
            return
        if not self._owner.settings.is_tls_implicit:
            await self._offer()
        stream.expire_in(self._timeouts.login_s)
        self._write(session.greet())
        while True:
            event = session.next_event()
            if event is CLOSED:
                self._write(session.take_output())
                return
            if event is NEED_DATA:
                if not await self._receive():
                    return
                continue
            assert event is not PAUSED
            await self._take(event)

    async def _receive(self) -> bool:
        """Wait for octets; False when the server stops."""
        stream, session = self._stream, self._session
        self._write(session.take_output())
        if self._locked is not None:
            stream.expire_in(self._timeouts.idle_s)
        await stream.drain()
        octets = await self._input.take(lambda: self._owner.is_stopping)
        if octets is None:
            self._write(session.end(_STOPPING))
            return False
        if octets == b"":
            session.receive_eof()
            return True
        if self._locked is not None:
            stream.expire_in(float("inf"))  # our turn
        session.receive(octets)
        return True

    async def _take(self, event: Event) -> None:
        session = self._session
        match event:
            case Refused() | PeerGone():
                return
            case TlsRequested():
                await self._stls()
            case PasswordGiven(user, password):
                self._mechanism = "USER"
                given = Credentials("", user, password)
                found = await self._owner.logins.authenticate(given, self._stream.peer_ip, "USER")
                await self._login(found, user)
            case AuthStarted(mechanism, initial):
                self._mechanism = mechanism
                self._attempt = self._owner.logins.attempt(mechanism, self._stream.peer_ip, self._stream.tls)
                await self._step(await self._attempt.start(initial))
            case AuthResponse(data):
                assert self._attempt is not None
                await self._step(await self._attempt.step(data))
            case MessagesWanted():
                await self._give_messages()
            case ListingRequested():
                await self._send(session.listing())
            case MessageRequested():
                await self._send_message(event)
            case UpdateRequested():
                await self._update(event)
            case _:
                assert_never(event)

    # Output

    def _write(self, data: bytes) -> None:
        self._sent_bytes += len(data)
        self._stream.write(data)

    async def _send(self, pieces: Iterable[bytes]) -> None:
        """Write pieces, each when the peer has taken most of those before. Raises StreamExpiredError."""
        stream = self._stream
        for piece in pieces:
            self._write(piece)
            if stream.is_blocked:
                stream.expire_in(self._timeouts.data_s)
                await stream.drain()
                stream.expire_in(float("inf"))
        await asyncio.sleep(0)  # others have their turn

    # Becoming somebody

    async def _start_tls(self, begin: AcceptTls) -> bool:
        if await shake_hands(self._stream, begin, self._owner.tls, self._timeouts.handshake_s) is None:
            return False
        self._session.tls_started()
        await self._offer()
        return True

    async def _offer(self) -> None:
        offered = await self._owner.logins.offered(self._stream.tls, self._owner.settings.mechanisms)
        self._session.offer(offered)

    async def _stls(self) -> None:
        self._write(self._session.accept_tls())
        self._input.drop()
        if not await self._start_tls(self._stream.accept_tls):
            self._session.end()

    async def _step(self, outcome: Outcome) -> None:
        assert self._attempt is not None
        if isinstance(outcome, Challenge):
            self._write(self._session.challenge(outcome.data))
        else:
            await self._login(outcome, self._attempt.name)

    async def _login(self, found: Login | LoginRefused, name: str) -> None:
        stream = self._stream
        if not isinstance(found, Login):
            self._refuse_login(found, name)
            return
        if stream.is_expired:
            raise StreamExpiredError
        self._lock_owner = secrets.token_hex(16)
        try:
            locked = await self._owner.store.write(
                lock_maildrop, found.account_id, self._lock_owner, actor_id=found.account_id
            )
        except (StoreError, MailboxRefusedError, ConflictError, LookupError):
            self._write(self._session.refuse(_STORE_AWAY))
            return
        if locked is None:
            LOG.info("pop3-maildrop-in-use", peer=stream.peer_ip, account=str(found.address))
            self._write(self._session.refuse(_IN_USE))
            return
        self._locked, self._address = locked, found.address
        stream.expire_in(float("inf"))
        self._keeper = self._tasks.create_task(self._keep(locked.account_id))
        LOG.info(
            "pop3-login",
            peer=stream.peer_ip,
            account=str(found.address),
            mechanism=self._mechanism,
            tls=stream.tls is not None,
        )
        maildrop = Maildrop(locked.uidvalidity, locked.message_count, locked.size_bytes)
        self._write(self._session.open_maildrop(maildrop))

    def _refuse_login(self, refused: LoginRefused, name: str) -> None:
        LOG.info(
            "pop3-login-refused",
            peer=self._stream.peer_ip,
            name=name[:256],
            mechanism=self._mechanism,
            reason=refused.problem.name.lower(),
        )
        self._write(self._session.refuse(Refusal(refused.problem.value, _CODES[refused.problem])))
        self._failed_logins += 1
        if self._failed_logins >= self._owner.settings.max_errors:
            self._write(self._session.end())

    # The maildrop

    async def _keep(self, account_id: int) -> None:
        """Prolong the lock until the session ends."""
        while True:
            await asyncio.sleep(PROLONG_S)
            with contextlib.suppress(StoreError):  # QUIT will find out whether it is still there
                await self._owner.store.write(keep_maildrop, account_id, self._lock_owner)

    async def _leave(self, locked: LockedMaildrop) -> None:
        self._locked = None
        with contextlib.suppress(StoreError):  # the lease ends by itself
            await self._owner.store.write(leave_maildrop, locked.account_id, self._lock_owner)

    async def _give_messages(self) -> None:
        assert self._locked is not None
        try:
            uids, sizes = await self._owner.store.read_bulk(maildrop_messages, self._locked)
        except StoreError:
            self._write(self._session.refuse(_STORE_AWAY))
            return
        self._session.give_messages(uids, sizes)

    async def _send_message(self, asked: MessageRequested) -> None:
        assert self._locked is not None
        store = self._owner.store
        try:
            found = await store.read(maildrop_message, self._locked, asked.uid)
            if found is None:
                self._write(self._session.refuse(_MESSAGE_GONE))
                return
            content = await store.read_blob(found.blob_id)
        except (StoreError, KeyError):
            LOG.exception("content-unreadable", account=str(self._address), uid=asked.uid)
            self._write(self._session.refuse(_UNREADABLE))
            return
        await self._send(self._session.message(content, found.header_bytes))
        self._retrieved += asked.lines is None

    async def _update(self, asked: UpdateRequested) -> None:
        """Before QUIT is answered the lock is ended: the next session may begin at once."""
        assert self._locked is not None
        if asked.deleted or asked.retrieved:
            store = self._owner.store
            is_bulk = len(asked.deleted) + len(asked.retrieved) >= BULK_MESSAGES
            write = store.write_bulk if is_bulk else store.write
            try:
                is_done = await write(
                    update_maildrop, self._locked, self._lock_owner, asked.deleted, asked.retrieved
                )
            except (StoreError, LookupError):
                self._write(self._session.refuse(_STORE_AWAY))
                return
            if not is_done:
                self._write(self._session.refuse(_LOCK_LOST))
                return
            self._locked = None
            self._deleted = len(asked.deleted)
        else:
            await self._leave(self._locked)
        self._write(self._session.updated())
