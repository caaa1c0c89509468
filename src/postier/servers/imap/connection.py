"""The state of one connection, and what every verb needs of it: to send, to wait for the peer, to read the store.

Not here: the order of things (`dialogue`), the open mailbox (`selected`). Invariants: output is gathered and written once
a command; while a command runs no deadline is set but for the peer to take what was sent.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from postier.imap.capabilities import Offer, capabilities
from postier.imap.lexer import CommandReader
from postier.imap.reader_events import NEED_DATA, AnswerLine, Refused
from postier.imap.responses import UNAVAILABLE, ResponseCode, Status, bye
from postier.imap.state import Session
from postier.mailbox.filing import MAX_FILED_AT_ONCE
from postier.mime.address import Address
from postier.mta.sieving.events import Events, Happened
from postier.servers.imap.compression import BrokenDeflateError, Compression
from postier.servers.imap.gathering import Gathering
from postier.servers.imap.selected import Selected
from postier.servers.imap.settings import ImapSettings
from postier.servers.logins import Logins
from postier.store.transaction import Store
from postier.tls.server import ServerTls
from postier.tls.stream import Stream

if TYPE_CHECKING:
    from postier.servers.imap.append import Appending
    from postier.servers.imap.idle import Idlers
    from postier.servers.imap.metadata import Seen
    from postier.servers.imap.notify import Watching


class Done(msgspec.Struct, frozen=True):
    """How a command ended: what its tagged response says; `tells_modseq`: HIGHESTMODSEQ goes with it."""

    text: str
    code: ResponseCode | None = None
    status: Status = Status.OK
    tells_modseq: bool = False


class EndError(Exception):
    """The connection is over; `farewell` is the last thing written."""

    def __init__(self, farewell: bytes = b"") -> None:
        super().__init__(farewell)
        self.farewell = farewell


class Owner(Protocol):
    """What all connections of a listener share (`conversation`)."""

    settings: ImapSettings
    store: Store
    logins: Logins
    tls: ServerTls | None
    spool_folder: Path
    idlers: "Idlers"
    gathering: Gathering
    events: Events | None

    @property
    def is_stopping(self) -> bool:
        """Whether the server says goodbye."""
        ...

    def now_us(self) -> int:
        """Microseconds since 1970."""
        ...


class Connection:
    """One connection under way."""

    __slots__ = (
        "_out",
        "account_id",
        "address",
        "append",
        "appended",
        "commands",
        "compression",
        "downgraded",
        "errors",
        "failed_logins",
        "fetched",
        "happened",
        "has_news",
        "mechanisms",
        "metadata_seen",
        "owner",
        "progress",
        "reader",
        "refolded_id",
        "selected",
        "sent_bytes",
        "session",
        "stream",
        "watching",
    )

    def __init__(self, owner: Owner, stream: Stream) -> None:
        self.owner = owner
        self.stream = stream
        self.reader = CommandReader()
        self.session = Session()
        self.account_id = 0
        self.address: Address | None = None
        self.selected: Selected | None = None
        self.append: Appending | None = None
        self.happened: list[Happened] = []  # what scripts may follow, in the commands since they ran
        self.has_news = False  # somebody changed the account while this connection is in IDLE
        self.refolded_id = 0  # the account whose search texts have today's form
        self.mechanisms: tuple[str, ...] = ()  # of AUTHENTICATE (`authenticate.learn_mechanisms`)
        self.errors = 0  # in a row
        self.failed_logins = 0
        self.commands = 0
        self.fetched = 0  # messages whose octets were sent
        self.appended = 0
        self.downgraded: list[int] = []  # UIDs of which the command that runs has shown surrogates
        self.sent_bytes = 0
        self.watching: Watching | None = None  # NOTIFY
        self.metadata_seen: Seen | None = None  # up to where changes of annotations are told
        self.compression: Compression | None = None
        self.progress: tuple[int, int] | None = (
            None  # of the command that runs: how much is done, of how much
        )
        self._out: list[bytes] | None = None

    @property
    def store(self) -> Store:
        """The store."""
        return self.owner.store

    @property
    def capabilities(self) -> tuple[bytes, ...]:
        """What this connection is offered now."""
        settings = self.owner.settings
        may_login = self.may_login
        extra = []
        if settings.message_limit:
            extra.append(b"MESSAGELIMIT=%d" % settings.message_limit)
        if self.save_limit != settings.message_limit:  # RFC 9738 §3: saving has a limit of its own
            extra.append(b"SAVELIMIT=%d" % self.save_limit)
        if settings.offers_unauthenticate:
            extra.append(b"UNAUTHENTICATE")
        if settings.sieve_url:
            extra.append(b"IMAPSIEVE=" + settings.sieve_url.encode("ascii"))
        offer = Offer(
            mechanisms=self.mechanisms if may_login else (),
            can_starttls=self.can_starttls,
            may_login=may_login,
            message_bytes=settings.message_bytes,
            extra=tuple(extra),
        )
        return capabilities(self.session.state, offer)

    @property
    def takes_raw_headers(self) -> bool:
        """Whether 8-bit header fields may be sent and stored as they stand (RFC 9755 §4, §8)."""
        return self.session.utf8 or self.owner.settings.has_raw_headers

    @property
    def save_limit(self) -> int:
        """How many messages one command may file: an APPEND, or a COPY into another account (RFC 9738 §3)."""
        return min(MAX_FILED_AT_ONCE, self.owner.settings.message_limit or MAX_FILED_AT_ONCE)

    @property
    def can_starttls(self) -> bool:
        """Whether TLS may be started."""
        return self.owner.settings.has_starttls and self.stream.tls is None

    @property
    def may_login(self) -> bool:
        """Whether passwords may cross this connection (RFC 9051 §11.7)."""
        return self.stream.tls is not None or self.owner.settings.is_plaintext_login_allowed

    def opened(self) -> Selected:
        """The selected mailbox; the verb's row in the table has seen to it that there is one."""
        assert self.selected is not None
        return self.selected

    # Output

    def send(self, data: bytes) -> None:
        """Add to what is written next."""
        if not data:
            return
        if self._out is None:
            self._out = [data]
        else:
            self._out.append(data)

    def send_all(self, pieces: list[bytes]) -> None:
        """The same for several; the list is taken."""
        if self._out is None:
            self._out = pieces
        else:
            self._out += pieces

    def write_out(self) -> None:
        """Write what was gathered."""
        if self._out is not None:
            data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
            self._out = None
            if self.compression is not None:
                data = self.compression.deflated(data)
            self.sent_bytes += len(data)
            self.stream.write(data)

    async def drain(self) -> None:
        """Write, wait until the peer has taken most of it, and let other connections have their turn.

        Raises StreamExpiredError, EndError if the peer is gone.
        """
        self.write_out()
        stream = self.stream
        stream.expire_in(self.owner.settings.timeouts.data_s)
        await stream.drain()
        stream.expire_in(float("inf"))
        if stream.is_closed:
            raise EndError
        await asyncio.sleep(0)

    def refuse(self, reply: bytes, *, is_bad: bool) -> None:
        """Answer with a refusal. Raises EndError when a client does nothing but err."""
        self.send(reply)
        if is_bad:
            self.errors += 1
            if self.errors >= self.owner.settings.max_errors:
                raise EndError(bye("Too many errors"))

    # Input

    async def receive(self) -> None:
        """Wait for octets and give them to the reader; returns without any when there is something else to do.

        Raises EndError when the peer is gone or the server stops, StreamExpiredError.
        """
        stream = self.stream
        self.write_out()
        await stream.drain()
        self._end_at_shutdown()
        compression = self.compression
        if compression is not None and compression.has_more:
            await asyncio.sleep(0)
            self.reader.receive(self._inflated(compression, b""))
            return
        data = await stream.read_or_wake()
        if data:
            self.reader.receive(data if compression is None else self._inflated(compression, data))
        elif data is not None:
            raise EndError
        else:
            self._end_at_shutdown()

    @staticmethod
    def _inflated(compression: Compression, data: bytes) -> bytes:
        try:
            return compression.inflated(data)
        except BrokenDeflateError:
            raise EndError(bye("The compressed octets are broken")) from None

    def _end_at_shutdown(self) -> None:
        if self.owner.is_stopping and self.append is None:  # a message under way may finish
            raise EndError(bye("The server is shutting down", UNAVAILABLE))

    async def answer(self) -> bytes:
        """The next line, which is no command (`reader.expect_answer` was called). Raises as `receive`."""
        while True:
            event = self.reader.next_event()
            if isinstance(event, AnswerLine):
                return event.data
            if isinstance(event, Refused):
                raise EndError(event.reply())
            assert event is NEED_DATA
            await self.receive()

    def expect_command(self) -> None:
        """The peer's turn: before login its deadline stands since the connection was made."""
        if self.account_id:
            self.stream.expire_in(self.owner.settings.timeouts.idle_s)

    def work(self) -> None:
        """Our turn: the peer waits for us."""
        if self.account_id:
            self.stream.expire_in(float("inf"))

    def account_changed(self, _modseq: int = 0) -> None:
        """Called by the store while this connection is in IDLE."""
        self.has_news = True
        self.stream.interrupt()
