"""The life of one connection: greeting, commands one after the other, farewell.

Not here: what a command does (the modules of the verbs). Source: RFC 9051 §3, §5.5, §7.1. Invariants: a command's answer is
complete before the next one is looked at, except that pipelined APPENDs are filed together; a fault of ours ends this
connection only, with BYE.
"""

from typing import assert_never

import structlog

from postier.imap.commands.acl import GetAcl, ListRights, MyRights, SetAcl
from postier.imap.commands.append import Catenate
from postier.imap.commands.argumentless import Argumentless, Word
from postier.imap.commands.authenticate import Authenticate
from postier.imap.commands.cancel_update import CancelUpdate
from postier.imap.commands.compress import Compress
from postier.imap.commands.copy import Copy
from postier.imap.commands.create import Create
from postier.imap.commands.delete import Delete
from postier.imap.commands.enable import Enable
from postier.imap.commands.esearch import MultiSearch
from postier.imap.commands.expunge import Expunge
from postier.imap.commands.fetch import Fetch
from postier.imap.commands.id import Id
from postier.imap.commands.list import List
from postier.imap.commands.login import Login
from postier.imap.commands.metadata import GetMetadata, SetMetadata
from postier.imap.commands.notify import Notify
from postier.imap.commands.quota import GetQuota, GetQuotaRoot
from postier.imap.commands.rename import Rename
from postier.imap.commands.search import CharsetError, Search
from postier.imap.commands.select import Select
from postier.imap.commands.sort import Sort
from postier.imap.commands.status import StatusQuery
from postier.imap.commands.store import Store
from postier.imap.commands.subscribe import Subscribe
from postier.imap.commands.table import VERBS, Command, parse_command
from postier.imap.commands.thread import Thread
from postier.imap.commands.uid_batches import UidBatches
from postier.imap.commands.urlauth import GenUrlAuth, ResetKey, UrlFetch
from postier.imap.reader_events import (
    NEED_DATA,
    AnswerLine,
    AppendEnded,
    CommandLine,
    ContinuationWanted,
    Event,
    MessageChunk,
    MessageEnded,
    MessageOffered,
    Refused,
    Waiting,
)
from postier.imap.refusals import PeerError
from postier.imap.responses import (
    INUSE,
    SERVERBUG,
    UNAVAILABLE,
    ResponseCode,
    Status,
    bye,
    continuation,
    status_line,
)
from postier.imap.state import State, Step
from postier.mailbox.refusals import MailboxRefusedError
from postier.servers.imap import (
    append,
    authenticate,
    condstore,
    contexts,
    esearch,
    events,
    fetch,
    greetings,
    idle,
    mailboxes,
    metadata,
    notify,
    quota,
    search,
    select,
    session_verbs,
    sharing,
    sort,
    store,
    thread,
    transfer,
    urlauth,
)
from postier.servers.imap.connection import Connection, Done, EndError
from postier.servers.imap.progress import Progress
from postier.servers.imap.selected import MailboxGoneError
from postier.store.transaction import ConflictError, StoreError
from postier.tls.stream import StreamExpiredError

LOG = structlog.get_logger()
_REMOVING = frozenset([b"EXPUNGE", b"UID EXPUNGE", b"MOVE", b"UID MOVE"])
_UNWATCHED = frozenset([b"IDLE", b"LOGIN", b"AUTHENTICATE", b"STARTTLS"])  # their length is not ours


async def converse(connection: Connection) -> None:
    """Speak with the peer until one of both has ended."""
    stream, settings = connection.stream, connection.owner.settings
    try:
        if settings.is_tls_implicit and not await authenticate.start_tls(connection, stream.begin_with_tls):
            return
        if not settings.is_tls_implicit:
            await authenticate.learn_mechanisms(connection)
        stream.expire_in(settings.timeouts.login_s)
        connection.send(greetings.greeting(connection))
        while True:
            if connection.happened:
                await events.settle(connection)
            event = connection.reader.next_event()
            if event is NEED_DATA:
                await append.settle(connection)
                if connection.happened:
                    continue
                while connection.watching is not None and connection.has_news:  # more may come meanwhile
                    connection.has_news = False
                    await notify.tell(connection)
                await connection.receive()
            else:
                await _take(connection, event)
    except EndError as end:
        connection.send(end.farewell)
    except MailboxGoneError:
        connection.send(_mailbox_gone().farewell)
    except StreamExpiredError:
        if stream.is_blocked:  # it takes nothing, so it would not take a farewell
            stream.abort()
        connection.send(bye("Autologout; idle for too long"))
    except Exception:  # STYLE 15: a bug of ours
        LOG.exception("connection-failed", peer=stream.peer_ip, account=str(connection.address or ""))
        connection.send(bye("Internal error", SERVERBUG))
    finally:
        append.drop(connection)
        notify.stop(connection)
        connection.write_out()
        if connection.happened:
            await events.settle(connection)
        if connection.account_id:
            LOG.info(
                "imap-ended",
                peer=stream.peer_ip,
                account=str(connection.address),
                commands=connection.commands,
                fetched=connection.fetched,
                appended=connection.appended,
                sent_bytes=connection.sent_bytes,
            )


async def _take(connection: Connection, event: Event) -> None:
    """Deal with one event."""
    match event:
        case MessageChunk(data):
            append.chunk(connection, data)
            return
        case MessageOffered():
            await append.offered(connection, event)
            return
        case MessageEnded():
            await append.message_ended(connection)
            return
        case AppendEnded():
            await append.ended(connection, event)
            connection.expect_command()
            return
        case CommandLine():
            await append.settle(connection)
            if connection.happened:
                await events.settle(connection)
            connection.work()
            await run(connection, event)
        case ContinuationWanted():
            await append.settle(connection)
            connection.send(continuation())
        case Refused():
            append.drop(connection)
            await append.settle(connection)
            if event.is_fatal:
                raise EndError(event.reply())
            connection.refuse(event.reply(), is_bad=event.status is Status.BAD)
        case AnswerLine() | Waiting():  # asked for by nobody here
            raise AssertionError(f"unexpected event {event!r}")
        case _:
            assert_never(event)
    connection.expect_command()


async def run(connection: Connection, line: CommandLine) -> None:
    """Run one command and answer it."""
    tag = line.tag
    connection.commands += 1
    selected = connection.selected
    was_withholding = selected is not None and selected.is_withholding
    done: Done | None
    try:
        if selected is not None and selected.is_foreign:
            await sharing.still_allowed(connection)
        if line.verb in _UNWATCHED:
            done = await _execute(connection, line)
        else:
            with Progress(connection, tag):
                done = await _execute(connection, line)
    except PeerError as refusal:
        if isinstance(refusal, CharsetError) and refusal.clears_saved:
            search.clear_saved(connection)
        if refusal.status is Status.BAD:
            connection.refuse(refusal.line(tag), is_bad=True)
            return
        done = Done(refusal.text, refusal.code, refusal.status)
    except MailboxRefusedError as refusal:
        done = Done(_sentence(str(refusal)), ResponseCode(refusal.refusal.value.encode()), Status.NO)
    except ConflictError:
        done = Done("Somebody else changed this at the same time; try again", INUSE, Status.NO)
    except StoreError:
        done = Done("The server can't do this now; try again later", UNAVAILABLE, Status.NO)
    except MailboxGoneError:
        raise _mailbox_gone() from None
    if done is None:
        connection.errors = 0
        return
    if selected is not None and selected is connection.selected:
        is_told = await tell_news(
            connection, may_expunge=VERBS[line.verb].may_expunge, is_asked=line.verb in _REMOVING
        )
        must_tell = done.tells_modseq or was_withholding or not is_told
        done = condstore.completed(connection, done, must_tell=must_tell)
    if connection.session.tells_metadata:
        await metadata.tell_changes(connection)
    connection.errors = 0
    connection.send(
        status_line(done.status, done.text, tag=tag, code=done.code, utf8=connection.session.utf8)
    )
    if connection.session.state is State.LOGOUT:
        raise EndError


async def tell_news(connection: Connection, *, may_expunge: bool, is_asked: bool = False) -> bool:
    """At the end of a command: what happened in the selected mailbox; whether it could be told."""
    assert connection.selected is not None
    try:
        await contexts.news(connection, may_expunge=may_expunge, is_asked=is_asked)
        return True
    except StoreError:
        return False  # it is told at the end of a later command
    except MailboxGoneError:
        raise _mailbox_gone() from None


def _mailbox_gone() -> EndError:
    return EndError(bye("The selected mailbox was deleted"))  # RFC 2180 §3.3


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


async def _execute(connection: Connection, line: CommandLine) -> Done | None:
    """How it ended; None if it was answered already."""
    command: Command = parse_command(line, connection.session)
    match command:
        case Argumentless(_, word):
            return await _execute_word(connection, line.tag, word)
        case Fetch():
            return await fetch.fetch(connection, command)
        case Store():
            return await store.store(connection, command)
        case Search():
            return await search.search(connection, command)
        case MultiSearch():
            return await esearch.esearch(connection, command)
        case Sort():
            return await sort.sort(connection, command)
        case Thread():
            return await thread.thread(connection, command)
        case CancelUpdate():
            return contexts.cancel(connection, command)
        case Copy():
            return await transfer.copy(connection, command)
        case Expunge():
            return await transfer.expunge(connection, command)
        case Select():
            await select.select(connection, command)
            return None
        case List():
            return await mailboxes.list_(connection, command)
        case StatusQuery():
            return await mailboxes.status(connection, command)
        case Create():
            return await mailboxes.create(connection, command)
        case Delete():
            return await mailboxes.delete(connection, command)
        case Rename():
            return await mailboxes.rename(connection, command)
        case Subscribe():
            return await mailboxes.subscribe(connection, command)
        case UidBatches():
            return await select.batches(connection, command)
        case Catenate():
            await append.catenated(connection, command)
            return None
        case Compress():
            session_verbs.compress(connection, command.tag)
            return None
        case SetAcl():
            return await sharing.set_acl(connection, command)
        case GetAcl():
            return await sharing.get_acl(connection, command)
        case ListRights():
            return await sharing.list_rights(connection, command)
        case MyRights():
            return await sharing.my_rights(connection, command)
        case Notify():
            return await notify.notify(connection, command)
        case GetMetadata():
            return await metadata.get_metadata(connection, command)
        case SetMetadata():
            return await metadata.set_metadata(connection, command)
        case GetQuota():
            return await quota.get_quota(connection, command)
        case GetQuotaRoot():
            return await quota.get_quota_root(connection, command)
        case GenUrlAuth():
            return await urlauth.gen_url_auth(connection, command)
        case ResetKey():
            return await urlauth.reset_key(connection, command)
        case UrlFetch():
            return await urlauth.url_fetch(connection, command)
        case Login():
            return await authenticate.login(connection, command)
        case Authenticate():
            return await authenticate.authenticate(connection, command)
        case Enable():
            return greetings.enable(connection, command)
        case Id():
            return greetings.identify(connection, command)
        case _:
            assert_never(command)


async def _execute_word(connection: Connection, tag: bytes, word: Word) -> Done | None:
    match word:
        case Word.NOOP | Word.CHECK:
            return Done(f"{word.name} completed")
        case Word.CAPABILITY:
            return greetings.capability(connection)
        case Word.NAMESPACE:
            return greetings.namespace(connection)
        case Word.IDLE:
            return await idle.idle(connection)
        case Word.CLOSE:
            return await select.close(connection)
        case Word.UNSELECT:
            return select.unselect(connection)
        case Word.STARTTLS:
            await authenticate.starttls(connection, tag)
            return None
        case Word.UNAUTHENTICATE:
            session_verbs.unauthenticate(connection, tag)
            return None
        case Word.LOGOUT:
            connection.send(bye("Logging out"))
            connection.session.step(Step.LOGGED_OUT)
            return Done("LOGOUT completed")
        case _:
            assert_never(word)
