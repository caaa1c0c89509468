"""APPEND: messages come in, several commands of a pipeline are filed in one write.

Not here: filing (`append_filing`), URLs (`urls`), the spool (`mta.spool`). Source: RFC 9051 §6.3.12; RFC 3502 (several
messages in one command); RFC 3516 §4.4; RFC 4469; RFC 8508. Invariants: a command's messages are filed together or not at all; commands are answered in
their order, after their messages are durable; what a connection holds is bounded: a message that is coming in by
`Spool`, finished ones by `PENDING_BYTES` together with the largest message.
"""

import asyncio
import functools

from postier.imap.commands.append import (
    AddUrl,
    AppendOffer,
    Begin,
    Catenate,
    End,
    Literal,
    Step,
    parse_rest,
)
from postier.imap.commands.table import parse_offer
from postier.imap.reader_events import AppendEnded, MessageOffered
from postier.imap.refusals import PeerError, bad, no
from postier.imap.responses import (
    LIMIT,
    OVERQUOTA,
    TOOBIG,
    UNAVAILABLE,
    UNKNOWN_CTE,
    Status,
    bye,
    message_limit,
    status_line,
)
from postier.imap.urls import MAX_URL_BYTES
from postier.mailbox.quota import usage_of
from postier.mailbox.refusals import MailboxRefusedError
from postier.mime.binary import without_nul
from postier.mime.index import MessageIndex, index_message
from postier.mime.part import load_parts
from postier.mta.spool import Spool
from postier.servers.imap import condstore, contexts
from postier.servers.imap.append_filing import (
    Append,
    Piece,
    file_appends,
    refusal_of,
    replaced,
    unavailable,
)
from postier.servers.imap.connection import Connection, Done, EndError
from postier.servers.imap.selected import MailboxGoneError
from postier.servers.imap.transfer import target
from postier.servers.imap.urls import octets_of
from postier.store.blobs import BlobDraft, draft
from postier.store.transaction import ReadTx, StoreError

PENDING_BYTES = 1 << 20
PENDING_COMMANDS = 200
MULTIAPPEND_MESSAGES = 2  # of the largest size: what one command may bring together
INLINE_BYTES = 256 << 10  # a larger message is read (MIME, hash) beside the loop
QUOTA_ASKED_BYTES = 64 << 10  # for larger messages the quota is asked before they come
MIN_RATE = 1_000  # octets per second that a message must keep up beyond its time-out


class Appending:
    """The APPENDs of one connection that are not answered yet."""

    __slots__ = ("current", "head", "is_open", "literal", "octets", "part", "pending", "spool", "started_at")

    def __init__(self, connection: Connection) -> None:
        self.pending: list[Append] = []
        self.current: Append | None = None  # a command that is coming in
        self.head: Begin | None = None  # of the message that is coming in
        self.is_open = False  # CATENATE's list is
        self.literal = Literal.MESSAGE  # what comes in
        self.part: list[bytes] = []  # of a URL that comes as a literal
        self.spool = Spool(connection.owner.spool_folder)
        self.octets = 0
        self.started_at = 0.0


async def offered(connection: Connection, event: MessageOffered) -> None:
    """A message is announced: take it or refuse it."""
    if event.is_synchronizing or connection.append is None or _is_full(connection.append):
        await settle(connection)
    appending = connection.append = connection.append or Appending(connection)
    try:
        offer = parse_offer(event, connection.session, is_open=appending.is_open)
        await _take(connection, offer.steps, offer.tag)
        await _check(connection, offer, event)
    except PeerError as refusal:
        await _refuse(connection, event.line.tag, refusal)
        return
    current = appending.current
    assert current is not None
    current.size_bytes += offer.size_bytes
    appending.literal = offer.literal
    appending.is_open = offer.literal is not Literal.MESSAGE
    appending.octets = 0
    connection.send(connection.reader.accept_message())
    if event.is_synchronizing:
        connection.write_out()
    connection.stream.expire_in(connection.owner.settings.timeouts.data_s)
    appending.started_at = connection.stream.deadline


async def _take(connection: Connection, steps: tuple[Step, ...], tag: bytes) -> None:
    """What the client said between literals. Raises PeerError."""
    appending = connection.append
    assert appending is not None
    for step in steps:
        match step:
            case Begin():
                await _begin(connection, appending, step, tag)
            case AddUrl(url):
                appending.is_open = True
                await _add_url(connection, appending, url)
            case End():
                appending.is_open = False
                await _whole(connection, appending)


async def _begin(connection: Connection, appending: Appending, head: Begin, tag: bytes) -> None:
    if appending.current is None:
        assert head.mailbox is not None
        connection.commands += 1
        appending.current = Append(tag, head.mailbox, [])
        if head.replaces is not None:
            appending.current.replaces = await replaced(connection, head)
    elif len(appending.current.pieces) >= connection.save_limit:
        limit = connection.save_limit
        raise no(f"At most {limit} messages in one APPEND", message_limit(limit))
    appending.head = head


async def _add_url(connection: Connection, appending: Appending, url: str) -> None:
    """A failure is told at the end of the command: what follows it comes anyway."""
    current = appending.current
    assert current is not None
    if current.failure is not None:
        return
    try:
        octets = await octets_of(connection, url)
    except PeerError as refusal:
        current.failure = Done(refusal.text, refusal.code, refusal.status)
        return
    current.size_bytes += len(octets)
    _spool(connection, appending, octets)


def _spool(connection: Connection, appending: Appending, data: bytes) -> None:
    current = appending.current
    assert current is not None
    if appending.spool.size_bytes + len(data) > connection.owner.settings.message_bytes:
        current.failure = Done("The message is too large", TOOBIG, Status.NO)
    elif current.size_bytes > MULTIAPPEND_MESSAGES * connection.owner.settings.message_bytes:
        current.failure = Done("The messages of one APPEND are too large together", LIMIT, Status.NO)
    else:
        try:
            appending.spool.add(data)
            return
        except OSError:  # the disk is full, or worse; what is still to come is dropped
            current.failure = unavailable()
    appending.spool.discard()


def chunk(connection: Connection, data: bytes) -> None:
    """A part of the message."""
    appending = connection.append
    assert appending is not None
    assert appending.current is not None
    appending.octets += len(data)
    connection.stream.deadline = appending.started_at + appending.octets / MIN_RATE
    if appending.literal is Literal.URL:
        appending.part.append(data)
    elif appending.current.failure is None:
        _spool(connection, appending, data)


async def message_ended(connection: Connection) -> None:
    """The literal is whole."""
    appending = connection.append
    assert appending is not None
    match appending.literal:
        case Literal.MESSAGE:
            await _whole(connection, appending)
        case Literal.URL:
            url, appending.part = b"".join(appending.part), []
            await _add_url(connection, appending, url.decode("ascii", "replace"))
        case Literal.TEXT:
            pass


async def _whole(connection: Connection, appending: Appending) -> None:
    """The message is whole."""
    current, head = appending.current, appending.head
    assert current is not None
    assert head is not None
    if current.failure is not None:
        return
    try:
        content = appending.spool.content()
    except OSError:
        current.failure = unavailable()
        return
    if not content:
        current.failure = Done("The message is empty", None, Status.NO)
        return
    read = functools.partial(_read, content)
    if len(content) > INLINE_BYTES:
        connection.work()
        found = await asyncio.get_running_loop().run_in_executor(None, read)
    else:
        found = read()
    if found is None:
        current.failure = Done("A NUL stands where it can't be encoded", UNKNOWN_CTE, Status.NO)
        return
    index, _ = found
    if not connection.takes_raw_headers and not content[: index.header_size].isascii():
        current.failure = Done(
            "A header with 8-bit characters needs ENABLE UTF8=ACCEPT", None, Status.NO
        )  # RFC 9755 §4
        return
    now_us = connection.owner.now_us()
    received_at_us = now_us if head.internal_s is None else head.internal_s * 1_000_000
    current.pieces.append(Piece(*found, received_at_us, head.flags.system, head.flags.keywords))


async def ended(connection: Connection, event: AppendEnded) -> None:
    """The command is complete; it is answered when the pipeline pauses."""
    appending = connection.append
    assert appending is not None
    assert appending.current is not None
    try:
        if appending.is_open != (event.rest is not None):
            raise bad("Expected the end of APPEND")
        if event.rest is not None:
            await _take(connection, parse_rest(event.rest, utf8=connection.session.utf8), event.tag)
    except PeerError as refusal:
        drop(connection)
        await settle(connection)
        connection.refuse(refusal.line(event.tag), is_bad=refusal.status is Status.BAD)
        return
    await _enqueue(connection, appending)


async def catenated(connection: Connection, command: Catenate) -> None:
    """A command without a literal, which came as a line; answered when the pipeline pauses. Raises PeerError."""
    appending = connection.append = connection.append or Appending(connection)
    try:
        await _take(connection, command.steps, command.tag)
    except PeerError:
        drop(connection)
        connection.append = None
        raise
    connection.commands -= 1  # it was counted as a line already
    await _enqueue(connection, appending)


async def _enqueue(connection: Connection, appending: Appending) -> None:
    current = appending.current
    assert current is not None
    appending.current = appending.head = None
    appending.pending.append(current)
    if _is_full(appending) or current.replaces is not None:
        await settle(connection)


def drop(connection: Connection) -> None:
    """The command that is coming in is void."""
    appending = connection.append
    if appending is not None:
        appending.spool.discard()
        appending.current = appending.head = None
        appending.is_open = False
        appending.part.clear()


async def settle(connection: Connection) -> None:
    """File what is complete and answer it. Raises EndError."""
    appending = connection.append
    if appending is None:
        return
    appends, appending.pending = appending.pending, []
    if appending.current is None:
        connection.append = None
    if not appends:
        return
    connection.work()
    await connection.owner.gathering.join(id(connection))
    answers = await file_appends(connection, appends)
    selected = connection.selected
    if selected is not None:
        try:
            await contexts.news(
                connection,
                may_expunge=True,
                is_asked=any(append.replaces is not None for append in appends),
            )
        except StoreError:
            pass  # it is told at the end of a later command
        except MailboxGoneError:
            raise EndError(bye("The selected mailbox was deleted")) from None
    for append, done in zip(appends, answers, strict=True):
        ended_so = condstore.completed(connection, done, must_tell=done.tells_modseq)
        connection.send(status_line(ended_so.status, ended_so.text, tag=append.tag, code=ended_so.code))
    connection.errors = 0
    await connection.drain()
    if appending.current is None:
        connection.expect_command()
    else:
        connection.stream.deadline = appending.started_at + appending.octets / MIN_RATE


async def _check(connection: Connection, message: AppendOffer, event: MessageOffered) -> None:
    """Refuse what can be refused before the octets come. Raises PeerError."""
    if not message.size_bytes and message.literal is Literal.MESSAGE:
        raise no("The message is empty")  # RFC 3502 §6.3.11
    if message.literal is Literal.URL and message.size_bytes > MAX_URL_BYTES:
        raise no("The URL is too long", LIMIT)
    store = connection.store
    assert connection.append is not None
    current = connection.append.current
    assert current is not None
    if (
        current.size_bytes + message.size_bytes
        > MULTIAPPEND_MESSAGES * connection.owner.settings.message_bytes
    ):
        raise no("The messages of one APPEND are too large together", LIMIT)
    if not store.may_hold(message.size_bytes):
        raise no("There is no room for messages now; try again later", UNAVAILABLE)
    if not event.is_synchronizing and message.size_bytes < QUOTA_ASKED_BYTES:
        return  # it comes anyway, and is refused when it is filed
    if current.replaces is not None:
        return  # RFC 8508 §3.4: only what it takes more counts
    try:
        await store.read(_admits, connection, current.mailbox, message.size_bytes)
    except MailboxRefusedError as refusal:
        done = refusal_of(refusal)
        raise no(done.text, done.code) from None
    except StoreError:
        done = unavailable()
        raise no(done.text, done.code) from None


def _admits(tx: ReadTx, connection: Connection, mailbox: str, size_bytes: int) -> None:
    place = target(tx, connection.account_id, mailbox)
    usage = usage_of(tx, place.account_id)
    if usage.quota_bytes is not None and usage.used_bytes + size_bytes > usage.quota_bytes:
        raise no(f"There is no room for {size_bytes} octets more", OVERQUOTA)


async def _refuse(connection: Connection, tag: bytes, refusal: PeerError) -> None:
    """Answer an offer with a refusal; the commands before it are answered first."""
    drop(connection)
    connection.reader.refuse_message()
    await settle(connection)
    connection.refuse(refusal.line(tag), is_bad=refusal.status is Status.BAD)
    connection.expect_command()


def _read(content: bytes) -> tuple[MessageIndex, BlobDraft] | None:
    """None if it holds a NUL that can't be encoded away (RFC 3516 §4.4)."""
    index = index_message(content)
    if b"\0" in content:
        encoded = without_nul(content, load_parts(index.parts))
        if encoded is None:
            return None
        return index_message(encoded), draft(encoded)
    return index, draft(content)


def _is_full(appending: Appending) -> bool:
    pending = appending.pending
    return len(pending) >= PENDING_COMMANDS or sum(each.size_bytes for each in pending) >= PENDING_BYTES
