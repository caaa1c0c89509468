"""Every verb, from octets to struct; where it is legal; and that any octets give a command or a refusal."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.commands import (
    acl,
    append,
    argumentless,
    authenticate,
    cancel_update,
    compress,
    copy,
    create,
    delete,
    enable,
    esearch,
    expunge,
    login,
    metadata,
    notify,
    quota,
    rename,
    select,
    status,
    store,
    subscribe,
    thread,
    uid_batches,
    urlauth,
)
from postier.imap.commands import fetch as fetch_verb
from postier.imap.commands import id as id_verb
from postier.imap.commands import search as search_verb
from postier.imap.commands import sort as sort_verb
from postier.imap.commands.argumentless import Argumentless, Word
from postier.imap.commands.list import List, ListReturn, ListSelect
from postier.imap.commands.status import StatusItem
from postier.imap.commands.store import FlagChange
from postier.imap.commands.table import VERBS, parse_command, parse_offer
from postier.imap.fetch_items import Column, FetchItems
from postier.imap.flags import SEEN, FlagList
from postier.imap.lexer import CommandReader
from postier.imap.mailbox_filters import MailboxFilter, Scope
from postier.imap.reader_events import (
    AFTER_LOGIN,
    AnswerLine,
    AppendEnded,
    CommandLine,
    MessageOffered,
    Refused,
)
from postier.imap.refusals import PeerError
from postier.imap.resync import Known, Match
from postier.imap.rights import parse_rights
from postier.imap.search import All, Flags, ModSeq
from postier.imap.search_results import Return, Wanted
from postier.imap.sets import SAVED_RESULT, parse_set
from postier.imap.sorting import SortField, SortKey
from postier.imap.state import Session, State
from postier.imap.thread_tree import Algorithm

LEGAL = {  # a state in which the verb is allowed
    name: next(state for state in State if state in verb.states) for name, verb in VERBS.items()
}


def session(state, *, utf8=False):
    found = Session()
    found.state = state
    if utf8:
        found.enable([b"IMAP4REV2"])
    return found


def read(data):
    reader = CommandReader(AFTER_LOGIN)
    reader.receive(data)
    event = reader.next_event()
    while not isinstance(event, CommandLine | MessageOffered):
        event = reader.next_event()
    return event


def parse(text, state=None, *, utf8=False):
    line = read(b"t " + text + b"\r\n")
    return parse_command(line, session(state or LEGAL[line.verb], utf8=utf8))


ONE = parse_set(b"1")

TRANSCRIPT = [
    *[(word.value.lower(), Argumentless(b"t", word)) for word in Word],
    (b"ID NIL", id_verb.Id(b"t", {})),
    (b"ID ()", id_verb.Id(b"t", {})),
    (b'ID ("Name" "x" "os" NIL)', id_verb.Id(b"t", {"name": "x", "os": None})),
    (b"AUTHENTICATE plain", authenticate.Authenticate(b"t", "PLAIN", None)),
    (b"AUTHENTICATE PLAIN =", authenticate.Authenticate(b"t", "PLAIN", b"")),
    (b"AUTHENTICATE PLAIN AGE9", authenticate.Authenticate(b"t", "PLAIN", b"\0a=")),
    (b"LOGIN fred {3+}\r\n\xc3\xa4b", login.Login(b"t", "fred", "äb")),
    (b"ENABLE imap4rev2 X", enable.Enable(b"t", (b"IMAP4REV2", b"X"))),
    (b"SELECT inbox", select.Select(b"t", "INBOX", is_examine=False)),
    (b'EXAMINE "a b"', select.Select(b"t", "a b", is_examine=True)),
    (b"SELECT a (condstore)", select.Select(b"t", "a", is_examine=False, wants_modseq=True)),
    (b"CREATE a/b/", create.Create(b"t", "a/b")),
    (b"CREATE x (USE (\\Sent \\trash))", create.Create(b"t", "x", ("\\Sent", "\\Trash"))),
    (b"DELETE x", delete.Delete(b"t", "x")),
    (b"RENAME a &U,BTFw-", rename.Rename(b"t", "a", "台北")),
    (b"RENAME INBOX b", rename.Rename(b"t", "INBOX", "b")),
    (b"SUBSCRIBE a", subscribe.Subscribe(b"t", "a", is_subscribed=True)),
    (b"UNSUBSCRIBE a", subscribe.Subscribe(b"t", "a", is_subscribed=False)),
    (b'LIST "" *', List(b"t", "", ("*",))),
    (b'LIST "" ""', List(b"t", "", ("",))),
    (b"LIST a/ {1+}\r\n%", List(b"t", "a/", ("%",))),
    (b'LIST () "" (a* "")', List(b"t", "", ("a*",), is_extended=True)),
    (
        b'LIST (SUBSCRIBED RECURSIVEMATCH REMOTE) "" % RETURN (CHILDREN STATUS (MESSAGES SIZE))',
        List(
            b"t",
            "",
            ("%",),
            ListSelect.SUBSCRIBED | ListSelect.RECURSIVEMATCH | ListSelect.REMOTE,
            ListReturn.SUBSCRIBED | ListReturn.CHILDREN,
            (StatusItem.MESSAGES, StatusItem.SIZE),
            is_extended=True,
        ),
    ),
    (
        b'LIST (SPECIAL-USE) "" * RETURN (SPECIAL-USE)',
        List(b"t", "", ("*",), ListSelect.SPECIAL_USE, ListReturn.SPECIAL_USE, is_extended=True),
    ),
    (b'LIST "" * RETURN ()', List(b"t", "", ("*",), is_extended=True)),
    (b'LIST "" &bad', List(b"t", "", ())),  # RFC 9051 §6.3.9: silently nothing
    (b'LSUB "" *', List(b"t", "", ("*",), ListSelect.SUBSCRIBED, is_lsub=True)),
    (
        b"STATUS a (MESSAGES unseen MESSAGES)",
        status.StatusQuery(b"t", "a", (StatusItem.MESSAGES, StatusItem.UNSEEN)),
    ),
    (
        b"STATUS a (UIDNEXT UIDVALIDITY DELETED RECENT)",
        status.StatusQuery(
            b"t", "a", (StatusItem.UIDNEXT, StatusItem.UIDVALIDITY, StatusItem.DELETED, StatusItem.RECENT)
        ),
    ),
    (b"SETACL a bob -rw", acl.SetAcl(b"t", "a", "bob", acl.RightsChange.REMOVE, parse_rights("rw"))),
    (b'SETACL a bob ""', acl.SetAcl(b"t", "a", "bob", acl.RightsChange.REPLACE, frozenset())),
    (b"SETACL a anyone +d", acl.SetAcl(b"t", "a", "anyone", acl.RightsChange.ADD, parse_rights("te"))),
    (
        b"DELETEACL a bob",
        acl.SetAcl(b"t", "a", "bob", acl.RightsChange.REPLACE, frozenset(), is_delete=True),
    ),
    (b"GETACL a", acl.GetAcl(b"t", "a")),
    (b"LISTRIGHTS a bob", acl.ListRights(b"t", "a", "bob")),
    (b"MYRIGHTS a", acl.MyRights(b"t", "a")),
    (b"NOTIFY NONE", notify.Notify(b"t")),
    (
        b"NOTIFY SET STATUS (selected (MessageNew (UID) MessageExpunge)) (subtree (a b) (MailboxName)) (personal NONE)",
        notify.Notify(
            b"t",
            (
                notify.EventGroup(
                    MailboxFilter(Scope.SELECTED),
                    notify.Event.MESSAGE_NEW | notify.Event.MESSAGE_EXPUNGE,
                    FetchItems((Column.UID,)),
                ),
                notify.EventGroup(MailboxFilter(Scope.SUBTREE, ("a", "b")), notify.Event.MAILBOX_NAME),
                notify.EventGroup(MailboxFilter(Scope.PERSONAL), notify.Event(0)),
            ),
            wants_status=True,
        ),
    ),
    (b'GETMETADATA "" /shared/comment', metadata.GetMetadata(b"t", "", ("/shared/comment",))),
    (
        b"GETMETADATA (DEPTH infinity MAXSIZE 5) a (/private/Vendor/x /shared)",
        metadata.GetMetadata(b"t", "a", ("/private/vendor/x", "/shared"), metadata.Depth.ALL, 5),
    ),
    (
        b"SETMETADATA a (/private/comment ~{3+}\r\nx\0y /shared/comment NIL)",
        metadata.SetMetadata(b"t", "a", (("/private/comment", b"x\0y"), ("/shared/comment", None))),
    ),
    (
        b'LIST "" % RETURN (METADATA (/shared/comment) SUBSCRIBED)',
        List(b"t", "", ("%",), returns=ListReturn.SUBSCRIBED, entries=("/shared/comment",), is_extended=True),
    ),
    (b'GETQUOTA ""', quota.GetQuota(b"t", b"")),
    (b"GETQUOTAROOT a", quota.GetQuotaRoot(b"t", "a")),
    (b"COMPRESS deflate", compress.Compress(b"t")),
    (b"UIDBATCHES 500", uid_batches.UidBatches(b"t", 500)),
    (b"UIDBATCHES 2000 10:20", uid_batches.UidBatches(b"t", 2000, 10, 20)),
    (b"EXPUNGE", expunge.Expunge(b"t")),
    (b"UID EXPUNGE 1", expunge.Expunge(b"t", ONE)),
    (b"THREAD refs UTF-8 ALL", thread.Thread(b"t", False, Algorithm.REFS, All())),
    (
        b"UID THREAD ORDEREDSUBJECT US-ASCII SEEN",
        thread.Thread(b"t", True, Algorithm.ORDEREDSUBJECT, Flags(SEEN)),
    ),
    (b'CANCELUPDATE "a1" "b"', cancel_update.CancelUpdate(b"t", (b"a1", b"b"))),
    (
        b"ESEARCH UNSEEN",
        esearch.MultiSearch(b"t", (MailboxFilter(Scope.SELECTED),), Wanted(Return.ALL), Flags(0, SEEN)),
    ),
    (
        b'ESEARCH IN (mailboxes "folder1" subtree (a b inbox) PERSONAL) RETURN (COUNT) CHARSET UTF-8 ALL',
        esearch.MultiSearch(
            b"t",
            (
                MailboxFilter(Scope.MAILBOXES, ("folder1",)),
                MailboxFilter(Scope.SUBTREE, ("a", "b", "INBOX")),
                MailboxFilter(Scope.PERSONAL),
            ),
            Wanted(Return.COUNT),
            All(),
            has_charset=True,
        ),
    ),
    (b"SEARCH ALL", search_verb.Search(b"t", is_uid=False, returns=None, criterion=All())),
    (
        b"SORT (SUBJECT REVERSE DATE SUBJECT) UTF-8 ALL",
        sort_verb.Sort(
            b"t",
            is_uid=False,
            returns=None,
            keys=(SortKey(SortField.SUBJECT), SortKey(SortField.DATE, is_reverse=True)),
            criterion=All(),
        ),
    ),
    (
        b"UID SORT RETURN (COUNT) (DISPLAYFROM) us-ascii SEEN",
        sort_verb.Sort(
            b"t",
            is_uid=True,
            returns=Wanted(Return.COUNT),
            keys=(SortKey(SortField.DISPLAYFROM),),
            criterion=Flags(SEEN),
        ),
    ),
    (
        b"UID SEARCH RETURN () ALL",
        search_verb.Search(b"t", is_uid=True, returns=Wanted(Return.ALL), criterion=All()),
    ),
    (
        b"SEARCH return (min SAVE) CHARSET utf-8 UNSEEN",
        search_verb.Search(
            b"t",
            is_uid=False,
            returns=Wanted(Return.MIN | Return.SAVE),
            criterion=Flags(0, SEEN),
            has_charset=True,
        ),
    ),
    (b"FETCH 1 FLAGS", fetch_verb.Fetch(b"t", False, ONE, FetchItems((Column.FLAGS,)))),
    (
        b"UID FETCH $ FLAGS",
        fetch_verb.Fetch(b"t", True, SAVED_RESULT, FetchItems((Column.UID, Column.FLAGS))),
    ),
    (b"STORE 1 FLAGS ()", store.Store(b"t", False, ONE, FlagChange.REPLACE, False, FlagList())),
    (
        b"STORE 1 +flags.silent \\Seen a",
        store.Store(b"t", False, ONE, FlagChange.ADD, True, FlagList(SEEN, ("a",))),
    ),
    (b"UID STORE 1 -FLAGS (\\Seen)", store.Store(b"t", True, ONE, FlagChange.REMOVE, False, FlagList(SEEN))),
    (
        b"STORE 1 (unchangedsince 7) FLAGS.SILENT ()",
        store.Store(b"t", False, ONE, FlagChange.REPLACE, True, FlagList(), unchanged_since=7),
    ),
    (
        b"FETCH 1 (FLAGS) (CHANGEDSINCE 7)",
        fetch_verb.Fetch(b"t", False, ONE, FetchItems((Column.FLAGS, Column.MODSEQ)), 7),
    ),
    (
        b'SEARCH MODSEQ "/flags/\\\\draft" all 7',
        search_verb.Search(b"t", is_uid=False, returns=None, criterion=ModSeq(7)),
    ),
    (
        b"APPEND a (\\Seen) CATENATE (URL x URL y) CATENATE (URL z)",
        append.Catenate(
            b"t",
            (
                append.Begin("a", FlagList(SEEN), None),
                *(append.AddUrl("x"), append.AddUrl("y"), append.End()),
                *(append.Begin(None, FlagList(), None), append.AddUrl("z"), append.End()),
            ),
        ),
    ),
    (
        b"REPLACE 1 a CATENATE (URL x)",
        append.Catenate(b"t", (append.Begin("a", FlagList(), None, ONE), append.AddUrl("x"), append.End())),
    ),
    (
        b"UID REPLACE 1 a CATENATE (URL x)",
        append.Catenate(
            b"t", (append.Begin("a", FlagList(), None, ONE, True), append.AddUrl("x"), append.End())
        ),
    ),
    (b"GENURLAUTH x internal y INTERNAL", urlauth.GenUrlAuth(b"t", (("x", b"INTERNAL"), ("y", b"INTERNAL")))),
    (b"RESETKEY", urlauth.ResetKey(b"t")),
    (b"RESETKEY inbox XSAMPLE Internal", urlauth.ResetKey(b"t", "INBOX", (b"XSAMPLE", b"INTERNAL"))),
    (b'URLFETCH {2+}\r\n%x "y"', urlauth.UrlFetch(b"t", ("%x", "y"))),
    (b"COPY 1 a", copy.Copy(b"t", False, ONE, "a", is_move=False)),
    (b"UID COPY 1 a", copy.Copy(b"t", True, ONE, "a", is_move=False)),
    (b"MOVE 1 a", copy.Copy(b"t", False, ONE, "a", is_move=True)),
    (b"UID MOVE 1 a", copy.Copy(b"t", True, ONE, "a", is_move=True)),
]


@pytest.mark.parametrize(
    ("text", "command"), TRANSCRIPT, ids=[text.decode("latin-1") for text, _ in TRANSCRIPT]
)
def test_transcript(text, command):
    assert parse(text) == command


def test_the_transcript_has_every_verb():
    seen = {read(b"t " + text + b"\r\n").verb for text, _ in TRANSCRIPT}
    assert seen == set(VERBS)


@pytest.mark.parametrize(
    "text",
    [
        b"NOOP x",
        b"NOOP ",
        b"ID",
        b'ID ("a")',
        b"ID (a b)",
        b'ID ("a" "%b")' % (b"x" * 1025),
        b'ID ("%b" "x")' % (b"x" * 31),
        b"ID (" + b" ".join(b'"%d" "v"' % n for n in range(31)) + b")",
        b"AUTHENTICATE",
        b"AUTHENTICATE PLAIN ==",
        b"AUTHENTICATE PLAIN A",
        b"LOGIN a",
        b"LOGIN a b c",
        b"LOGIN a {1+}\r\n\xff",
        b"ENABLE",
        b"ENABLE " + b"x " * 100 + b"x",
        b"SELECT",
        b"SELECT a b",
        b"SELECT a ()",
        b"SELECT a (FOO)",
        b"SELECT a (CONDSTORE CONDSTORE)",
        b"CREATE a (FOO (\\Sent))",
        b"LIST (RECURSIVEMATCH) x y",
        b"LIST (RECURSIVEMATCH REMOTE) x y",
        b"LIST (FOO) x y",
        b"LIST x y RETURN (FOO)",
        b"LIST x y FOO",
        b"LIST x (" + b"a " * 100 + b"a)",
        b"LIST x",
        b"STATUS a ()",
        b"STATUS a (FOO)",
        b"STATUS a MESSAGES",
        b"COMPRESS",
        b"COMPRESS LZ4",
        b"COMPRESS DEFLATE x",
        b"UIDBATCHES",
        b"UIDBATCHES 0",
        b"UIDBATCHES 500 1",
        b"UIDBATCHES 500 4:1",
        b"UIDBATCHES 500 1:*",
        b"SETACL a bob",
        b"SETACL a bob lrQ",
        b"SETACL a bob lrq",
        b'SETACL a "" lr',
        b"DELETEACL a",
        b"GETACL",
        b"LISTRIGHTS a",
        b"MYRIGHTS",
        b"NOTIFY",
        b"NOTIFY SET",
        b"NOTIFY SET STATUS",
        b"NOTIFY NONE x",
        b"NOTIFY SET (foo (MailboxName))",
        b"NOTIFY SET (selected (MessageNew))",
        b"NOTIFY SET (personal (FlagChange))",
        b"NOTIFY SET (selected (MailboxName))",
        b"NOTIFY SET (personal (MessageNew (UID) MessageExpunge))",
        b"NOTIFY SET (personal (MessageNew MessageExpunge (UID)))",
        b"NOTIFY SET (selected NONE) (selected-delayed NONE)",
        b"NOTIFY SET (mailboxes (MailboxName))",
        b"NOTIFY SET (mailboxes a MailboxName)",
        b"GETMETADATA a",
        b"GETMETADATA (FOO 1) a /shared/comment",
        b"GETMETADATA (DEPTH 2) a /shared/comment",
        b"GETMETADATA a ()",
        b"GETMETADATA a /comment",
        b"GETMETADATA a /shared//comment",
        b"GETMETADATA a /shared/comment/",
        b'GETMETADATA a "/shared/com*"',
        b'GETMETADATA a "/shared/%"',
        b'GETMETADATA a "/shared/\x01"',
        b"GETMETADATA a /shared/" + b"x" * 256,
        b"SETMETADATA a /shared/comment x",
        b"SETMETADATA a (/shared x)",
        b"SETMETADATA a (/shared/vendor/x y)",
        b"SETMETADATA a (/shared/comment)",
        b'LIST "" % RETURN (METADATA)',
        b"GETQUOTA",
        b"GETQUOTA a b",
        b"GETQUOTAROOT",
        b"GENURLAUTH",
        b"GENURLAUTH x",
        b"GENURLAUTH x INTERNAL ",
        b"GENURLAUTH {2+}\r\n\xc3\xa4 INTERNAL",
        b"GENURLAUTH" + b" x INTERNAL" * 101,
        b"RESETKEY ",
        b"RESETKEY a" + b" x" * 11,
        b"URLFETCH",
        b"URLFETCH x ",
        b"URLFETCH" + b" x" * 101,
        b"SETQUOTA a (STORAGE 1)",
        b"APPEND",
        b"APPEND INBOX",
        b"UID EXPUNGE",
        b"SEARCH",
        b"ESEARCH",
        b"ESEARCH IN () ALL",
        b"ESEARCH IN (foo) ALL",
        b"ESEARCH IN (selected-delayed) ALL",
        b"ESEARCH IN (subtree) ALL",
        b"ESEARCH IN (subtree ()) ALL",
        b"ESEARCH IN (personal)",
        b"ESEARCH IN (personal) RETURN (SAVE) ALL",
        b"THREAD FOO UTF-8 ALL",
        b"THREAD REFS UTF-8",
        b"THREAD (REFS) UTF-8 ALL",
        b"SORT () UTF-8 ALL",
        b"SORT (FOO) UTF-8 ALL",
        b"SORT (REVERSE) UTF-8 ALL",
        b"SORT (REVERSE REVERSE DATE) UTF-8 ALL",
        b"SORT (DATE) UTF-8",
        b"SORT RETURN (FOO) (DATE) UTF-8 ALL",
        b"SEARCH RETURN (FOO) ALL",
        b"SEARCH RETURN (MIN)",
        b"SEARCH CHARSET",
        b"FETCH 1",
        b"FETCH 0 FLAGS",
        b"FETCH 1 FLAGS x",
        b"FETCH 1 FLAGS (CHANGEDSINCE)",
        b"FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)",
        b"FETCH 1 FLAGS (FOO 1)",
        b"FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
        b"UID FETCH 1 FLAGS (VANISHED)",
        b"UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",  # QRESYNC is not enabled
        b"SELECT a (QRESYNC (1 1))",
        b"STORE 1 (UNCHANGEDSINCE) FLAGS ()",
        b"STORE 1 (FOO 1) FLAGS ()",
        b'SEARCH MODSEQ "/x" all 1',
        b'SEARCH MODSEQ "/flags/x" some 1',
        b"SEARCH MODSEQ %d" % 2**63,
        b"STORE 1 FOO (\\Seen)",
        b"STORE 1 +FLAGS",
        b"STORE 1 FLAGS (\\Foo)",
        b"COPY 1",
        b"COPY x a",
        b"UID NOOP",
        b"FOO",
    ],
)
def test_malformed(text):
    line = read(b"t " + text + b"\r\n")
    with pytest.raises(PeerError) as caught:
        parse_command(line, session(LEGAL.get(line.verb, State.SELECTED)))
    assert caught.value.line(b"t").startswith(b"t BAD ")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"CREATE inbox", b"ALREADYEXISTS"),
        (b"CREATE a//b", b"CANNOT"),
        (b"CREATE /a", b"CANNOT"),
        (b'CREATE ""', b"CANNOT"),
        (b'CREATE "a*"', b"CANNOT"),
        (b"CREATE x (USE (\\All))", b"USEATTR"),
        (b"DELETE INBOX", b"CANNOT"),
        (b"RENAME a INBOX", b"ALREADYEXISTS"),
        (b"SELECT &bad", b"CANNOT"),
        (b"UIDBATCHES 499", b"TOOFEW"),
        (
            b"NOTIFY SET (personal (MailboxName AnnotationChange))",
            (
                b"BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange"
                b" MailboxMetadataChange ServerMetadataChange)"
            ),
        ),
        (b"UIDBATCHES 500 1:201", b"TOOMANY"),
        (b"SEARCH CHARSET KOI8-R ALL", b"BADCHARSET (US-ASCII UTF-8)"),
        (b"STORE 1 FLAGS (" + b"a " * 100 + b"a)", b"LIMIT"),
    ],
)
def test_well_formed_but_impossible(text, code):
    with pytest.raises(PeerError) as caught:
        parse(text)
    assert caught.value.line(b"t").startswith(b"t NO [" + code + b"] ")


@pytest.mark.parametrize(
    ("name", "state"),
    list(itertools.product(VERBS, [State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED])),
)
def test_states(name, state):
    line = CommandLine(b"t", name, b"t " + name + b" )", len(name) + 2)
    with pytest.raises(PeerError) as caught:
        parse_command(line, session(state))
    assert ("is not allowed" in caught.value.text) is (state not in VERBS[name].states)


def test_expunges_are_withheld_while_numbers_are_in_use_only():
    # RFC 9051 §7.5.1, RFC 5256 §3
    withholding = {name for name, verb in VERBS.items() if not verb.may_expunge}
    assert withholding == {b"FETCH", b"STORE", b"SEARCH", b"SORT", b"THREAD"}


def test_read_only_mailboxes():
    at = session(State.SELECTED)
    at.is_read_only = True
    for text in (
        b"STORE 1 FLAGS ()",
        b"EXPUNGE",
        b"UID EXPUNGE 1",
        b"MOVE 1 a",
        b"REPLACE 1 a CATENATE (URL x)",
    ):
        with pytest.raises(PeerError, match="read-only"):
            parse_command(read(b"t " + text + b"\r\n"), at)
    parse_command(read(b"t COPY 1 a\r\n"), at)


def test_utf8_names_once_enabled():
    assert parse('SELECT "ä&b"'.encode(), utf8=True).mailbox == "ä&b"
    assert parse('LIST "" "ä%"'.encode(), utf8=True).patterns == ("ä%",)
    with pytest.raises(PeerError, match="8-bit"):
        parse('SELECT "ä"'.encode())


def with_qresync(text):
    at = session(State.SELECTED)
    at.enable([b"QRESYNC"])
    return parse_command(read(b"t " + text + b"\r\n"), at)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (b"(7 9)", Known(7, 9)),
        (b"(7 9 1:3,5)", Known(7, 9, ((1, 3), (5, 5)))),
        (b"(7 9 (1,3 4,8))", Known(7, 9, None, (Match(1, 4, 1), Match(3, 8, 1)))),
        (b"(7 9 1:8 (1:2 4:5))", Known(7, 9, ((1, 8),), (Match(1, 4, 2),))),
    ],
)
def test_what_a_client_knows(text, known):
    assert with_qresync(b"SELECT a (QRESYNC %b)" % text).known == known
    assert with_qresync(b"EXAMINE a (CONDSTORE QRESYNC %b)" % text).known == known


@pytest.mark.parametrize(
    "text",
    [
        *(
            b"()",
            b"(7)",
            b"(0 1)",
            b"(7 9 1:*)",
            b"(7 9 $)",
            b"(7 9 1 2)",
            b"(7 9 (1,2 3))",
            b"(7 9 (2,1 1,2))",
        ),
        *(b"(7 9 (1 1) 2)", b"(7 9 (1 *))", b"7 9", b"(7 9 (1:9 1:3,5))", b"(7 %d)" % 2**63),
    ],
)
def test_what_a_client_cannot_know(text):
    with pytest.raises(PeerError) as caught:
        with_qresync(b"SELECT a (QRESYNC %b)" % text)
    assert caught.value.line(b"t").startswith(b"t BAD ")


def test_vanished_goes_with_a_uid_fetch():
    command = with_qresync(b"UID FETCH 1 (FLAGS) (VANISHED CHANGEDSINCE 7)")
    assert (command.changed_since, command.wants_vanished) == (7, True)
    for text in (b"FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", b"UID FETCH 1 FLAGS (VANISHED)"):
        with pytest.raises(PeerError, match="VANISHED"):
            with_qresync(text)


@pytest.mark.parametrize(
    "text",
    [
        *(b"FETCH 1 FLAGS", b"STORE 1 FLAGS ()", b"SEARCH ALL", b"COPY 1 a", b"MOVE 1 a", b"UID SEARCH 1:3"),
        b"REPLACE 1 a CATENATE (URL x)",
        *(b"SORT (DATE) UTF-8 ALL", b"UID SORT (DATE) UTF-8 1:3", b"THREAD REFS UTF-8 ALL"),
        *(b"UID SEARCH OR SEEN NOT $", b"SELECT a (QRESYNC (1 1 (1 1)))"),
    ],
)
def test_no_numbers_with_uidonly(text):
    at = session(State.SELECTED)
    at.enable([b"UIDONLY", b"QRESYNC"])
    with pytest.raises(PeerError) as caught:
        parse_command(read(b"t " + text + b"\r\n"), at)
    assert caught.value.line(b"t").startswith(b"t BAD [UIDREQUIRED] ")
    parse_command(read(b"t UID SEARCH UID 1:* SEEN\r\n"), at)
    parse_command(read(b"t SELECT a (QRESYNC (1 1 1:3))\r\n"), at)


def test_charset_clashes_with_utf8_accept():
    at = session(State.SELECTED)
    at.enable([b"UTF8=ACCEPT"])
    with pytest.raises(PeerError, match="CHARSET"):
        parse_command(read(b"t SEARCH CHARSET UTF-8 ALL\r\n"), at)


def test_an_unknown_charset_clears_the_saved_result_only_with_save():
    for text, clears in ((b"SEARCH CHARSET x ALL", False), (b"SEARCH RETURN (SAVE) CHARSET x ALL", True)):
        with pytest.raises(search_verb.CharsetError) as caught:
            parse(text)
        assert caught.value.clears_saved is clears


def test_append():
    offer = read(b't APPEND inbox (\\Seen a) " 1-Jan-1970 00:00:01 +0000" {5}\r\n')
    head = append.Begin("INBOX", FlagList(SEEN, ("a",)), 1)
    assert parse_offer(offer, session(State.AUTHENTICATED)) == append.AppendOffer(
        b"t", (head,), append.Literal.MESSAGE, 5
    )
    plain = parse_offer(read(b"t APPEND {1+}\r\na ~{5+}\r\n"), session(State.SELECTED))
    head = append.Begin("a", FlagList(), None)
    assert plain == append.AppendOffer(b"t", (head,), append.Literal.MESSAGE, 5, is_literal8=True)
    for text in (b"a x {5}", b"a (\\Foo) {5}", b'a "x" {5}', b"a  {5}", b"a () () {5}"):
        with pytest.raises(PeerError):
            parse_offer(read(b"t APPEND " + text + b"\r\n"), session(State.AUTHENTICATED))
    with pytest.raises(PeerError, match="before login"):
        parse_offer(offer, session(State.NOT_AUTHENTICATED))


def test_a_second_message_has_no_mailbox():
    reader = CommandReader(AFTER_LOGIN)
    reader.receive(b"t APPEND a {1+}\r\nm (\\Seen) {2+}\r\n")
    reader.next_event()
    reader.accept_message()
    offer = [reader.next_event() for _ in range(3)][-1]
    assert parse_offer(offer, session(State.SELECTED)).steps == (append.Begin(None, FlagList(SEEN), None),)


def test_two_spaces_before_a_second_message():
    reader = CommandReader(AFTER_LOGIN)
    reader.receive(b"t APPEND a {1+}\r\nm  {2+}\r\n")
    reader.next_event()
    reader.accept_message()
    offer = [reader.next_event() for _ in range(3)][-1]
    assert parse_offer(offer, session(State.SELECTED)).size_bytes == 2


def offers(data):
    """What is offered, each literal taken; then what stands behind the last."""
    reader, found = CommandReader(AFTER_LOGIN), []
    reader.receive(data)
    is_open = False
    while True:
        event = reader.next_event()
        if isinstance(event, MessageOffered):
            found.append(parse_offer(event, session(State.SELECTED), is_open=is_open))
            is_open = found[-1].literal is not append.Literal.MESSAGE
            reader.accept_message()
        elif isinstance(event, Refused) or (
            isinstance(event, AppendEnded) and is_open != (event.rest is not None)
        ):
            raise PeerError("the reader or the server refuses it")
        elif isinstance(event, AppendEnded):
            return found, () if event.rest is None else append.parse_rest(event.rest, utf8=False)


def test_catenate_comes_in_steps():
    found, rest = offers(
        b'a APPEND Drafts (\\Seen) CATENATE (URL "/x;UID=1" TEXT {2+}\r\nab URL {8+}\r\n/y;UID=2 URL z)\r\n'
    )
    assert [(one.literal, one.size_bytes) for one in found] == [
        (append.Literal.TEXT, 2),
        (append.Literal.URL, 8),
    ]
    assert found[0].steps == (append.Begin("Drafts", FlagList(SEEN), None), append.AddUrl("/x;UID=1"))
    assert found[1].steps == ()
    assert rest == (append.AddUrl("z"), append.End())


def test_catenate_among_several_messages():
    found, rest = offers(
        b"a APPEND x CATENATE (URL u) {1+}\r\nm CATENATE (TEXT {1+}\r\na) (\\Seen) CATENATE (TEXT ~{1+}\r\nb)\r\n"
    )
    heads = [
        append.Begin("x", FlagList(), None),
        *[append.Begin(None, FlagList(f), None) for f in (0, 0, SEEN)],
    ]
    assert found[0].steps == (heads[0], append.AddUrl("u"), append.End(), heads[1])
    assert found[1].steps == (heads[2],)
    assert found[2].steps == (append.End(), heads[3])
    assert rest == (append.End(),)


@pytest.mark.parametrize(
    "text",
    [
        b"APPEND x CATENATE (TEXT {1+}\r\na",
        b"APPEND x CATENATE (TEXT {1+}\r\na))",
        b"APPEND x CATENATE (TEXT {1+}\r\na)x",
        b"APPEND x CATENATE (TEXT {1+}\r\naTEXT {1+}\r\nb)",
        b"APPEND x CATENATE ({1+}\r\na)",
        b"APPEND x CATENATE TEXT {1+}\r\na",
        b"APPEND x CATENATE (FOO {1+}\r\na)",
        b"REPLACE 1 x {1+}\r\na {1+}\r\nb",
        b"REPLACE 1:2 x {1+}\r\na",
        b"REPLACE x {1+}\r\na",
        b"REPLACE 1,3 x {1+}\r\na",
    ],
)
def test_appends_that_are_malformed(text):
    with pytest.raises(PeerError):
        offers(b"a " + text + b"\r\n")


def test_replace():
    (offer,), _ = offers(b"a UID REPLACE 7 {1+}\r\nx (\\Seen) {1+}\r\nm\r\n")
    assert offer.steps == (append.Begin("x", FlagList(SEEN), None, parse_set(b"7"), is_uid=True),)
    (offer,), _ = offers(b"a REPLACE * x ~{1+}\r\nm\r\n")
    assert offer.steps == (append.Begin("x", FlagList(), None, parse_set(b"*")),)
    with pytest.raises(PeerError, match="no mailbox is selected"):
        parse_offer(read(b"a REPLACE 1 x {1+}\r\n"), session(State.AUTHENTICATED))


def test_secrets_are_not_shown():
    for text in (b"LOGIN fred pass secret", b"AUTHENTICATE PLAIN ?secret"):
        with pytest.raises(PeerError) as caught:
            parse(text)
        assert "secret" not in caught.value.text
    assert "secret" not in repr(parse(b"LOGIN fred secret"))
    assert "secret" not in repr(read(b"t LOGIN fred secret\r\n"))
    assert "secret" not in repr(AnswerLine(b"secret"))
    assert "secret" not in repr(authenticate.Authenticate(b"t", "PLAIN", b"secret"))


def test_answers_in_authenticate_and_idle():
    assert authenticate.decode_answer(b"AGE9") == b"\0a="
    assert authenticate.decode_answer(b"") == b""
    assert authenticate.decode_answer(b"*") is None
    with pytest.raises(PeerError, match="base64"):
        authenticate.decode_answer(b"???")
    assert argumentless.is_done(b"done")
    assert not argumentless.is_done(b"NOOP")


def test_list_properties():
    assert parse(b'LIST "" ""').asks_delimiter
    assert not parse(b'LIST () "" ""').asks_delimiter
    assert parse(b'LIST (SUBSCRIBED RECURSIVEMATCH) "" *').child_info == ("SUBSCRIBED",)
    assert parse(b'LIST (SUBSCRIBED) "" *').child_info == ()


WORDS = st.sampled_from(
    [text for text, _ in TRANSCRIPT]
    + [
        b" ",
        b"(",
        b")",
        b'"',
        b"\\",
        b"{3}\r\n",
        b"*",
        b"%",
        b"$",
        b"1:*",
        b"BODY[",
        b"]",
        b"<0.1>",
        b"NOT",
        b"OR",
        b"&",
    ]
)


@given(
    st.sampled_from(sorted(VERBS)),
    st.lists(WORDS | st.binary(max_size=6), max_size=12).map(b"".join),
    st.booleans(),
)
def test_any_arguments_give_a_command_or_a_refusal(name, arguments, utf8):
    text = b"t " + name + b" " + arguments
    line = CommandLine(b"t", name, text, 2 + len(name), (b"abc", b"\xff\0"))
    refused = b"\n"
    try:
        parse_command(line, session(LEGAL[name], utf8=utf8))
    except PeerError as refusal:
        refused = refusal.line(b"t")
    assert refused.count(b"\n") == 1


@pytest.mark.parametrize(
    ("groups", "names", "is_too_much"), [(100, 1, False), (101, 1, True), (1, 1000, False), (1, 1001, True)]
)
def test_a_notify_that_is_too_much(groups, names, is_too_much):
    group = b"(mailboxes (" + b" ".join(b"m%d" % name for name in range(names)) + b") NONE)"
    line = read(b"t NOTIFY SET " + b" ".join([group] * groups) + b"\r\n")
    with pytest.raises(PeerError) if is_too_much else contextlib.nullcontext() as caught:
        parse_command(line, session(State.AUTHENTICATED))
    if is_too_much:  # RFC 5465 §3.1
        assert caught.value.line(b"t").startswith(b"t NO [NOTIFICATIONOVERFLOW] ")
