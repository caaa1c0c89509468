"""APPEND: messages come in, several commands of a pipeline are filed in one write.

Not here: filing (`append_filing`), the spool (`mta.spool`). Source: RFC 9051 §6.3.12; RFC 3502 (several
messages in one command). Invariants: a command's messages are filed together or not at all; commands are answered in
their order, after their messages are durable; what a connection holds is bounded: a message that is coming in by
`Spool`, finished ones by `PENDING_BYTES` together with the largest message.
"""

import asyncio
import functools

from postier.accounts.accounts import account_info
from postier.accounts.refusals import NotFoundError
from postier.imap.commands.append import AppendMessage
from postier.imap.commands.table import parse_offer
from postier.imap.reader_events import MessageOffered
from postier.imap.refusals import PeerError, no
from postier.imap.responses import LIMIT, OVERQUOTA, UNAVAILABLE, Status, bye, status_line
from postier.mailbox.filing import MAX_FILED_AT_ONCE
from postier.mailbox.refusals import MailboxRefusedError
from postier.mime.index import MessageIndex, index_message
from postier.mta.spool import Spool
from postier.servers.imap import contexts
from postier.servers.imap.append_filing import Append, Piece, file_appends, refusal_of, unavailable
from postier.servers.imap.connection import Connection, EndError
from postier.servers.imap.selected import MailboxGoneError
from postier.servers.imap.transfer import target_id
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

    __slots__ = ("current", "message", "octets", "pending", "spool", "started_at")

    def __init__(self, connection: Connection) -> None:
        self.pending: list[Append] = []
        self.current: Append | None = None  # a command that is coming in
        self.message: AppendMessage | None = None
        self.spool = Spool(connection.owner.spool_folder)
        self.octets = 0
        self.started_at = 0.0


async def offered(connection: Connection, event: MessageOffered) -> None:
    """A message is announced: take it or refuse it."""
    if event.is_synchronizing or connection.append is None or _is_full(connection.append):
        await settle(connection)
    appending = connection.append = connection.append or Appending(connection)
    try:
        message = parse_offer(event, connection.session)
        await _check(connection, message, event)
    except PeerError as refusal:
        await _refuse(connection, event.line.tag, refusal)
        return
    if appending.current is None:
        assert message.mailbox is not None
        connection.commands += 1
        appending.current = Append(message.tag, message.mailbox, [])
    appending.current.size_bytes += message.size_bytes
    appending.message = message
    appending.octets = 0
    connection.send(connection.reader.accept_message())
    if event.is_synchronizing:
        connection.write_out()
    connection.stream.expire_in(connection.owner.settings.timeouts.data_s)
    appending.started_at = connection.stream.deadline


def chunk(connection: Connection, data: bytes) -> None:
    """A part of the message."""
    appending = connection.append
    assert appending is not None
    assert appending.current is not None
    appending.octets += len(data)
    connection.stream.deadline = appending.started_at + appending.octets / MIN_RATE
    if appending.current.failure is not None:
        return
    try:
        appending.spool.add(data)
    except OSError:  # the disk is full, or worse; what is still to come is dropped
        appending.spool.discard()
        appending.current.failure = unavailable()


async def message_ended(connection: Connection) -> None:
    """The message is whole."""
    appending = connection.append
    assert appending is not None
    current, message = appending.current, appending.message
    assert current is not None
    assert message is not None
    if current.failure is not None:
        return
    try:
        content = appending.spool.content()
    except OSError:
        current.failure = unavailable()
        return
    read = functools.partial(_read, content)
    if len(content) > INLINE_BYTES:
        connection.work()
        index, drafted = await asyncio.get_running_loop().run_in_executor(None, read)
    else:
        index, drafted = read()
    now_us = connection.owner.now_us()
    received_at_us = now_us if message.internal_s is None else message.internal_s * 1_000_000
    current.pieces.append(Piece(index, drafted, received_at_us, message.flags.system, message.flags.keywords))


async def ended(connection: Connection) -> None:
    """The command is complete; it is answered when the pipeline pauses."""
    appending = connection.append
    assert appending is not None
    assert appending.current is not None
    appending.pending.append(appending.current)
    appending.current = appending.message = None
    if _is_full(appending):
        await settle(connection)


def drop(connection: Connection) -> None:
    """The command that is coming in is void."""
    appending = connection.append
    if appending is not None:
        appending.spool.discard()
        appending.current = appending.message = None


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
            await contexts.news(connection, may_expunge=True)
        except StoreError:
            pass  # it is told at the end of a later command
        except MailboxGoneError:
            raise EndError(bye("The selected mailbox was deleted")) from None
    for append, done in zip(appends, answers, strict=True):
        connection.send(status_line(done.status, done.text, tag=append.tag, code=done.code))
    connection.errors = 0
    await connection.drain()
    if appending.current is None:
        connection.expect_command()
    else:
        connection.stream.deadline = appending.started_at + appending.octets / MIN_RATE


async def _check(connection: Connection, message: AppendMessage, event: MessageOffered) -> None:
    """Refuse what can be refused before the octets come. Raises PeerError."""
    if not message.size_bytes:
        raise no("The message is empty")  # RFC 3502 §6.3.11
    store = connection.store
    current = connection.append.current if connection.append else None
    if current is not None:
        if len(current.pieces) >= MAX_FILED_AT_ONCE:
            raise no(f"At most {MAX_FILED_AT_ONCE} messages in one APPEND", LIMIT)
        if current.size_bytes + message.size_bytes > (
            MULTIAPPEND_MESSAGES * connection.owner.settings.message_bytes
        ):
            raise no("The messages of one APPEND are too large together", LIMIT)
    if not store.may_hold(message.size_bytes):
        raise no("There is no room for messages now; try again later", UNAVAILABLE)
    if not event.is_synchronizing and message.size_bytes < QUOTA_ASKED_BYTES:
        return  # it comes anyway, and is refused when it is filed
    mailbox = message.mailbox if current is None else current.mailbox
    assert mailbox is not None
    try:
        await store.read(_admits, connection, mailbox, message.size_bytes)
    except MailboxRefusedError as refusal:
        done = refusal_of(refusal)
        raise no(done.text, done.code) from None
    except StoreError:
        done = unavailable()
        raise no(done.text, done.code) from None


def _admits(tx: ReadTx, connection: Connection, mailbox: str, size_bytes: int) -> None:
    target_id(tx, connection.account_id, mailbox)
    assert connection.address is not None
    try:
        account = account_info(tx, connection.address)
    except NotFoundError:
        raise no("The account is gone", UNAVAILABLE) from None
    if account.quota_bytes is not None and account.used_bytes + size_bytes > account.quota_bytes:
        raise no(f"There is no room for {size_bytes} octets more", OVERQUOTA)


async def _refuse(connection: Connection, tag: bytes, refusal: PeerError) -> None:
    """Answer an offer with a refusal; the commands before it are answered first."""
    drop(connection)
    connection.reader.refuse_message()
    await settle(connection)
    connection.refuse(refusal.line(tag), is_bad=refusal.status is Status.BAD)
    connection.expect_command()


def _read(content: bytes) -> tuple[MessageIndex, BlobDraft]:
    return index_message(content), draft(content)


def _is_full(appending: Appending) -> bool:
    pending = appending.pending
    return len(pending) >= PENDING_COMMANDS or sum(each.size_bytes for each in pending) >= PENDING_BYTES
