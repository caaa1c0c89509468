"""SECURITY 13: SEARCH and FETCH edge cases; whatever the grammar yields can also be run."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from postier.imap import filters, search_algebra
from postier.imap.commands.esearch import MultiSearch
from postier.imap.commands.fetch import Fetch
from postier.imap.commands.search import Search
from postier.imap.commands.sort import Sort
from postier.imap.commands.table import VERBS, parse_command
from postier.imap.fetch import FetchRows, render_columns, render_message
from postier.imap.fuzzy import Closeness, loosened, scores
from postier.imap.lexer import CommandReader
from postier.imap.reader_events import AFTER_LOGIN, NEED_DATA, CommandLine, MessageOffered
from postier.imap.refusals import PeerError
from postier.imap.search_match import predicate
from postier.imap.search_results import search_answer
from postier.imap.state import Session, State
from postier.imap.view import MailboxView


class Anything:
    """A message, and the source of its sections."""

    uid, flags, size_bytes, internal_s, saved_s, sent_s = 2, 5, 7, 0, 0, None

    def address_text(self, field):
        return ""

    def subject_text(self):
        return ""

    def header_texts(self, name):
        return ()

    def header_text(self):
        return ""

    body_text = header_text

    def octets(self, section, partial):
        return partial.cut(b"ab\0") if partial else b"ab\0"

    decoded = octets

    def decoded_size(self, section):
        return 3


def refusal_of(call):
    """The line that refuses; an empty line when nothing was refused."""
    try:
        call()
    except PeerError as refusal:
        return refusal.line(b"a")
    return b"\r\n"


def run(command, view):
    if isinstance(command, Search | Sort | MultiSearch):
        criterion = filters.expanded(command.criterion, {"/shared/filters/values/x": b"FUZZY SUBJECT y"})
        for closeness in Closeness:
            binding = search_algebra.Binding(
                view.keywords,
                view.uid_ranges,
                recent_from=2,
                now_s=10,
                loosen=lambda term, closeness=closeness: loosened(term, closeness),
            )
            found = [
                uid for uid in view.uids if predicate(search_algebra.bind(criterion, binding))(Anything())
            ]
    if isinstance(command, Search):
        wants_scores = command.returns is not None and command.returns.wants_relevancy
        answer = search_answer(
            command.tag,
            found,
            is_uid=command.is_uid,
            returns=command.returns,
            uses_esearch=False,
            relevancy=scores(found, found, ()) if wants_scores else None,
        )
        assert answer.count(b"\r\n") <= 1
    if isinstance(command, Fetch):
        chosen = view.choose(command.messages, is_uid=command.is_uid)
        count = len(chosen.uids)
        texts = [b"(x)"] * count
        numbers = [1] * count
        rows = FetchRows(chosen.seqs, chosen.uids, texts, numbers, numbers, texts, texts, texts, numbers)
        if command.items.is_columns_only:
            assert render_columns(command.items, rows).count(b"\r\n") == count
        for place in range(count):
            assert b"".join(render_message(command.items, rows, place, Anything())).endswith(b")\r\n")


KEYS = st.sampled_from(
    [
        "ALL",
        "SEEN",
        "NOT",
        "OR",
        "(",
        ")",
        "1",
        "1:*",
        "*",
        "$",
        "UID",
        "2:1",
        "FROM",
        "x",
        "SUBJECT",
        "y",
        "HEADER",
        "a",
        "b",
        "BODY",
        "TEXT",
        "KEYWORD",
        "k",
        "LARGER",
        "0",
        "SMALLER",
        "9",
        "ON",
        "1-Jan-2024",
        "SINCE",
        "BEFORE",
        "SENTON",
        "OLDER",
        "5",
        "YOUNGER",
        "NEW",
        "OLD",
        "RECENT",
        "UNKEYWORD",
        "CHARSET",
        "UTF-8",
        "RETURN",
        "FUZZY",
        "FILTER",
        "MODSEQ",
        "IN",
        "(personal)",
        "(DATE)",
        "(REVERSE SUBJECT RELEVANCY)",
        "(PARTIAL 1:2)",
        "(PARTIAL -1:-2 RELEVANCY)",
        "(MIN)",
        "(SAVE)",
        "()",
        "FLAGS",
        "BODY[]",
        "BODY.PEEK[1.2.MIME]<0.5>",
        "BINARY[]",
        "BINARY.SIZE[1]",
        "ENVELOPE",
        "BODYSTRUCTURE",
        "FULL",
        "BODY[HEADER.FIELDS",
        "(a",
        "b)]",
        "RFC822",
    ]
)


@given(
    st.sampled_from(["SEARCH", "UID SEARCH", "SORT", "UID SORT", "ESEARCH", "FETCH", "UID FETCH"]),
    st.lists(KEYS, max_size=10),
    st.integers(0, 3),
)
def test_what_parses_runs(verb, keys, count):
    view = MailboxView(count, uid_next=9)
    view.load(array("I", range(1, count + 1)))
    session = Session()
    session.state = State.SELECTED
    text = f"a {verb} {' '.join(keys)}".encode()
    line = CommandLine(b"a", verb.encode(), text, 2 + len(verb))
    assert refusal_of(lambda: run(parse_command(line, session), view)).count(b"\r\n") == 1


@given(
    st.lists(
        st.sampled_from(
            [name + b" " for name in VERBS] + [b"a ", b"\r\n", b" ", b"x", b"{2}", b"{2+}", b"(", b'"', b"1"]
        )
        | st.binary(max_size=4),
        max_size=30,
    ).map(b"".join),
    st.sampled_from([State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED]),
)
def test_any_octets_in_any_state(data, state):
    session = Session()
    session.state = state
    reader = CommandReader(AFTER_LOGIN)
    reader.receive(b"a " + data)
    while (event := reader.next_event()) is not NEED_DATA:
        if isinstance(event, MessageOffered):
            reader.refuse_message()
        elif isinstance(event, CommandLine):
            refusal = refusal_of(lambda line=event: parse_command(line, session))
            assert refusal.count(b"\r\n") == 1
