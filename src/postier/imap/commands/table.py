"""All verbs: how each is read, where it is allowed, and what may be said meanwhile.

To add a verb: its module, its struct in Command, its row here. Source: RFC 9051 §6, §7.5.1, §9 command.
"""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from postier.imap.commands import (
    acl,
    append,
    authenticate,
    cancel_update,
    compress,
    copy,
    create,
    delete,
    enable,
    esearch,
    expunge,
    fetch,
    id,  # noqa: A004 - the verb's name
    login,
    metadata,
    notify,
    quota,
    rename,
    search,
    select,
    sort,
    status,
    store,
    subscribe,
    thread,
    uid_batches,
    urlauth,
)
from postier.imap.commands import list as list_verb
from postier.imap.commands.argumentless import Argumentless, Word
from postier.imap.commands.argumentless import parser as argumentless
from postier.imap.reader_events import CommandLine, MessageOffered
from postier.imap.refusals import PeerError, bad, no
from postier.imap.responses import UIDREQUIRED
from postier.imap.search import Messages
from postier.imap.search_algebra import leaves
from postier.imap.state import ANY_STATE, LOGGED_IN, Feature, Session, State
from postier.imap.tokens import Cursor

Command: TypeAlias = (
    Argumentless
    | id.Id
    | authenticate.Authenticate
    | login.Login
    | enable.Enable
    | select.Select
    | create.Create
    | delete.Delete
    | rename.Rename
    | subscribe.Subscribe
    | list_verb.List
    | status.StatusQuery
    | expunge.Expunge
    | search.Search
    | sort.Sort
    | esearch.MultiSearch
    | thread.Thread
    | cancel_update.CancelUpdate
    | fetch.Fetch
    | store.Store
    | copy.Copy
    | append.Catenate
    | acl.SetAcl
    | acl.GetAcl
    | acl.ListRights
    | acl.MyRights
    | notify.Notify
    | metadata.GetMetadata
    | metadata.SetMetadata
    | quota.GetQuota
    | quota.GetQuotaRoot
    | compress.Compress
    | uid_batches.UidBatches
    | urlauth.GenUrlAuth
    | urlauth.ResetKey
    | urlauth.UrlFetch
)


class Verb(msgspec.Struct, frozen=True):
    """One row."""

    parse: Callable[[Cursor], Command]
    states: State
    may_expunge: bool = True  # RFC 9051 §7.5.1: EXPUNGE may be sent before its tagged response
    is_secret: bool = False  # its arguments are a password: never quoted, never logged
    by_number: bool = False  # of messages; refused once UIDONLY is enabled
    writes: bool = False  # refused in a mailbox that is selected read-only


_NEW, _SELECTED = State.NOT_AUTHENTICATED, State.SELECTED

VERBS: dict[bytes, Verb] = {
    b"CAPABILITY": Verb(argumentless(Word.CAPABILITY), ANY_STATE),
    b"NOOP": Verb(argumentless(Word.NOOP), ANY_STATE),
    b"LOGOUT": Verb(argumentless(Word.LOGOUT), ANY_STATE),
    b"ID": Verb(id.parse, ANY_STATE),
    b"STARTTLS": Verb(argumentless(Word.STARTTLS), _NEW),
    b"AUTHENTICATE": Verb(authenticate.parse, _NEW, is_secret=True),
    b"LOGIN": Verb(login.parse, _NEW, is_secret=True),
    b"ENABLE": Verb(enable.parse, LOGGED_IN),
    b"SELECT": Verb(select.parse, LOGGED_IN),
    b"EXAMINE": Verb(select.parse_examine, LOGGED_IN),
    b"CREATE": Verb(create.parse, LOGGED_IN),
    b"DELETE": Verb(delete.parse, LOGGED_IN),
    b"RENAME": Verb(rename.parse, LOGGED_IN),
    b"SUBSCRIBE": Verb(subscribe.parse, LOGGED_IN),
    b"UNSUBSCRIBE": Verb(subscribe.parse_unsubscribe, LOGGED_IN),
    b"LIST": Verb(list_verb.parse, LOGGED_IN),
    b"LSUB": Verb(list_verb.parse_lsub, LOGGED_IN),
    b"NAMESPACE": Verb(argumentless(Word.NAMESPACE), LOGGED_IN),
    b"STATUS": Verb(status.parse, LOGGED_IN),
    b"SETACL": Verb(acl.parse_set, LOGGED_IN),
    b"DELETEACL": Verb(acl.parse_delete, LOGGED_IN),
    b"GETACL": Verb(acl.parse_get, LOGGED_IN),
    b"LISTRIGHTS": Verb(acl.parse_list, LOGGED_IN),
    b"MYRIGHTS": Verb(acl.parse_my, LOGGED_IN),
    b"NOTIFY": Verb(notify.parse, LOGGED_IN),
    b"GETMETADATA": Verb(metadata.parse_get, LOGGED_IN),
    b"SETMETADATA": Verb(metadata.parse_set, LOGGED_IN),
    b"GETQUOTA": Verb(quota.parse, LOGGED_IN),
    b"GETQUOTAROOT": Verb(quota.parse_root, LOGGED_IN),
    b"GENURLAUTH": Verb(urlauth.parse_gen_url_auth, LOGGED_IN),
    b"RESETKEY": Verb(urlauth.parse_reset_key, LOGGED_IN),
    b"URLFETCH": Verb(
        urlauth.parse_url_fetch, LOGGED_IN, is_secret=True
    ),  # RFC 4467 §4: who has the URL may use it
    b"APPEND": Verb(append.parse, LOGGED_IN),
    b"REPLACE": Verb(append.parse_replace, _SELECTED, by_number=True, writes=True),
    b"UID REPLACE": Verb(append.parse_uid_replace, _SELECTED, writes=True),
    b"UNAUTHENTICATE": Verb(argumentless(Word.UNAUTHENTICATE), LOGGED_IN),
    b"COMPRESS": Verb(compress.parse, LOGGED_IN),
    b"UIDBATCHES": Verb(uid_batches.parse, _SELECTED),
    b"IDLE": Verb(argumentless(Word.IDLE), LOGGED_IN),
    b"CHECK": Verb(argumentless(Word.CHECK), _SELECTED),
    b"CLOSE": Verb(argumentless(Word.CLOSE), _SELECTED),
    b"UNSELECT": Verb(argumentless(Word.UNSELECT), _SELECTED),
    b"EXPUNGE": Verb(expunge.parse, _SELECTED, writes=True),
    b"UID EXPUNGE": Verb(expunge.parse_uid, _SELECTED, writes=True),
    b"SEARCH": Verb(search.parse, _SELECTED, may_expunge=False, by_number=True),
    b"UID SEARCH": Verb(search.parse_uid, _SELECTED),
    b"ESEARCH": Verb(esearch.parse, LOGGED_IN),
    b"FETCH": Verb(fetch.parse, _SELECTED, may_expunge=False, by_number=True),
    b"SORT": Verb(sort.parse, _SELECTED, may_expunge=False, by_number=True),  # RFC 5256 §3
    b"UID SORT": Verb(sort.parse_uid, _SELECTED),
    b"THREAD": Verb(thread.parse, _SELECTED, may_expunge=False, by_number=True),  # RFC 5256 §3
    b"UID THREAD": Verb(thread.parse_uid, _SELECTED),
    b"CANCELUPDATE": Verb(cancel_update.parse, _SELECTED),
    b"UID FETCH": Verb(fetch.parse_uid, _SELECTED),
    b"STORE": Verb(store.parse, _SELECTED, may_expunge=False, by_number=True, writes=True),
    b"UID STORE": Verb(store.parse_uid, _SELECTED, writes=True),
    b"COPY": Verb(copy.parser(is_uid=False, is_move=False), _SELECTED, by_number=True),
    b"UID COPY": Verb(copy.parser(is_uid=True, is_move=False), _SELECTED),
    b"MOVE": Verb(copy.parser(is_uid=False, is_move=True), _SELECTED, by_number=True, writes=True),
    b"UID MOVE": Verb(copy.parser(is_uid=True, is_move=True), _SELECTED, writes=True),
}


def parse_command(line: CommandLine, session: Session) -> Command:
    """The command, if it is known, allowed now, and well-formed; raises PeerError."""
    verb = _allowed(line.verb, session)
    cursor = Cursor(
        line.text,
        line.literals,
        tag=line.tag,
        pos=line.start,
        utf8=session.utf8,
        only_utf8=not session.may_name_charset,
        is_secret=verb.is_secret,
    )
    command = verb.parse(cursor)
    if (
        isinstance(command, search.Search | esearch.MultiSearch)
        and command.has_charset
        and not session.may_name_charset
    ):
        raise bad("CHARSET is not allowed after ENABLE UTF8=ACCEPT")  # RFC 9755 §3
    if session.uid_only and _names_numbers(command):
        raise PeerError("Message numbers are not allowed once UIDONLY is enabled", code=UIDREQUIRED)
    if Feature.QRESYNC not in session.enabled and _needs_qresync(command):
        raise bad("QRESYNC is not enabled")  # RFC 7162 §3.2.5, §3.2.6
    return command


def _names_numbers(command: Command) -> bool:
    """Whether message numbers stand where UIDs could (RFC 9586 §3.5, §3.7)."""
    if isinstance(command, search.Search | sort.Sort | thread.Thread | esearch.MultiSearch):
        return any(isinstance(leaf, Messages) and not leaf.is_uid for leaf in leaves(command.criterion))
    return isinstance(command, select.Select) and command.known is not None and bool(command.known.matches)


def _needs_qresync(command: Command) -> bool:
    return (isinstance(command, select.Select) and command.known is not None) or (
        isinstance(command, fetch.Fetch) and command.wants_vanished
    )


def parse_offer(offer: MessageOffered, session: Session, *, is_open: bool = False) -> append.AppendOffer:
    """What APPEND offers, if it is allowed now and well-formed; raises PeerError."""
    _allowed(offer.line.verb, session)
    return append.parse_offer(offer, utf8=session.utf8, is_open=is_open)


def _allowed(name: bytes, session: Session) -> Verb:
    verb = VERBS.get(name)
    shown = name[:40].decode("ascii")
    if verb is not None and verb.by_number and session.uid_only:
        raise PeerError("Message numbers are not allowed once UIDONLY is enabled", code=UIDREQUIRED)
    if verb is None:
        raise bad(f"Unknown command {shown}")
    session.require(verb.states, shown)
    if verb.writes and session.is_read_only:
        raise no("The mailbox is selected read-only")
    return verb
