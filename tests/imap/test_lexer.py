"""The reader: commands, literals, streamed messages, refusals; and that cutting the octets changes nothing."""

import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postier.imap.lexer import CommandReader
from postier.imap.reader_events import (
    AFTER_LOGIN,
    BEFORE_LOGIN,
    MAX_AUTHENTICATE_LINE,
    MAX_CHUNK,
    MAX_LINE,
    MAX_LINE_BEFORE_LOGIN,
    MAX_LITERALS,
    MAX_LITERALS_BEFORE_LOGIN,
    MAX_MESSAGE,
    MAX_SMALL_NON_SYNC,
    NEED_DATA,
    PAUSED,
    AnswerLine,
    AppendEnded,
    CommandLine,
    ContinuationWanted,
    Limits,
    MessageChunk,
    MessageEnded,
    MessageOffered,
    Refused,
)
from postier.imap.responses import Status

SMALL = Limits(
    line_bytes=60, authenticate_line_bytes=60, literals_bytes=30, non_sync_bytes=20, message_bytes=50
)


def events(reader, *, accept=True):
    """All events until the reader waits; offered messages are accepted or refused at once."""
    found = []
    while (event := reader.next_event()) is not NEED_DATA:
        assert event is not PAUSED
        found.append(event)
        if isinstance(event, MessageOffered):
            if accept:
                reader.accept_message()
            else:
                reader.refuse_message()
    return found


def read(data, limits=AFTER_LOGIN, **how):
    reader = CommandReader(limits)
    reader.receive(data)
    return events(reader, **how)


def merged(found):
    """Events with neighbouring chunks joined, for comparison."""
    joined = []
    for event in found:
        if isinstance(event, MessageChunk) and joined and isinstance(joined[-1], MessageChunk):
            joined[-1] = MessageChunk(joined[-1].data + event.data)
        else:
            joined.append(event)
    return joined


def test_a_line_is_a_command():
    assert read(b"a1 noop\r\n") == [CommandLine(b"a1", b"NOOP", b"a1 noop", 7)]


def test_uid_forms_are_verbs_of_their_own():
    assert read(b"a uId FETCH 1 FLAGS\r\n") == [CommandLine(b"a", b"UID FETCH", b"a uId FETCH 1 FLAGS", 11)]
    assert read(b"a UID\r\n")[0].verb == b"UID"


def test_pipelined_commands_come_in_order():
    assert [event.tag for event in read(b"1 NOOP\r\n2 NOOP\r\n3 NOOP\r\n4 NO")] == [b"1", b"2", b"3"]


def test_synchronizing_literal_asks_first():
    reader = CommandReader(BEFORE_LOGIN)
    reader.receive(b"a LOGIN {5}\r\n")
    assert events(reader) == [ContinuationWanted(5)]
    reader.receive(b"fr\r\nd {3+}\r\nabc\r\n")
    assert events(reader) == [
        CommandLine(b"a", b"LOGIN", b"a LOGIN {5}\r\n {3+}\r\n", 7, (b"fr\r\nd", b"abc"))
    ]
    assert reader.is_idle


def test_literal_of_nothing_may_repeat():
    event = read(b"a X {0+}\r\n {0+}\r\n\r\n")[0]
    assert event.literals == (b"", b"")


def test_a_message_streams():
    reader = CommandReader(AFTER_LOGIN)
    reader.receive(b"a APPEND INBOX (\\Seen) {5}\r\n")
    offer = reader.next_event()
    assert offer == MessageOffered(
        CommandLine(b"a", b"APPEND", b"a APPEND INBOX (\\Seen) {5}", 8),
        5,
        0,
        is_literal8=False,
        is_synchronizing=True,
    )
    assert reader.next_event() is PAUSED
    assert reader.accept_message().startswith(b"+ ")
    reader.receive(b"ab")
    assert reader.next_event() == MessageChunk(b"ab")
    reader.receive(b"cde\r\nb NOOP\r\n")
    assert events(reader)[:3] == [MessageChunk(b"cde"), MessageEnded(), AppendEnded(b"a")]


def test_the_mailbox_of_append_may_be_a_literal():
    found = read(b"a APPEND {5+}\r\nINBOX ~{3+}\r\nx\0y\r\n")
    assert found[0].line.literals == (b"INBOX",)
    assert found[0].is_literal8
    assert found[1:] == [MessageChunk(b"x\0y"), MessageEnded(), AppendEnded(b"a")]


def test_one_append_may_offer_many_messages():
    found = merged(read(b"a APPEND x {1+}\r\n1 (\\Seen) {1+}\r\n2\r\n"))
    assert [event.index for event in found if isinstance(event, MessageOffered)] == [0, 1]
    assert found[-1] == AppendEnded(b"a")
    assert found[3].line == CommandLine(b"a", b"APPEND", b" (\\Seen) {1+}", 0)


def test_an_empty_message_ends_at_once():
    assert read(b"a APPEND x {0+}\r\n\r\n")[1:] == [MessageEnded(), AppendEnded(b"a")]


def test_chunks_have_a_bound():
    size = 3 * MAX_CHUNK + 1
    found = read(b"a APPEND x {%d+}\r\n" % size + b"m" * size + b"\r\n")
    sizes = [len(event.data) for event in found if isinstance(event, MessageChunk)]
    assert sizes == [MAX_CHUNK, MAX_CHUNK, MAX_CHUNK, 1]


def test_text_behind_a_message_is_refused():
    found = read(b"a APPEND x {1+}\r\nm junk\r\nb NOOP\r\n")
    assert (found[-2].tag, found[-2].text) == (b"a", "Expected the end of APPEND")
    assert found[-1].tag == b"b"


def test_a_refused_message_is_dropped_with_its_command():
    found = read(b"a APPEND x {5+}\r\nmmmmm (\\Seen) {3+}\r\nnnn\r\nb NOOP\r\n", accept=False)
    assert [type(event) for event in found] == [MessageOffered, CommandLine]
    assert found[-1].tag == b"b"
    assert [event.tag for event in read(b"a APPEND x {5}\r\nb NOOP\r\n", accept=False)[1:]] == [b"b"]


def test_answers_are_taken_raw():
    reader = CommandReader(BEFORE_LOGIN)
    reader.receive(b"a AUTHENTICATE PLAIN\r\n")
    assert isinstance(reader.next_event(), CommandLine)
    reader.expect_answer()
    assert reader.next_event() is NEED_DATA
    reader.receive(b"AGE9\r\nb NOOP\r\n")
    assert reader.next_event() == AnswerLine(b"AGE9")
    assert reader.next_event() == CommandLine(b"b", b"NOOP", b"b NOOP", 6)
    reader.expect_answer(limit_bytes=10)
    reader.receive(b"x" * 12)
    assert reader.next_event().is_fatal


@pytest.mark.parametrize(
    ("data", "tag", "text"),
    [
        (b"\r\n", None, "Expected a tag and a command"),
        (b"+ NOOP\r\n", None, "Expected a tag and a command"),
        (b"a\r\n", b"a", "Expected a tag and a command"),
        (b"a (x)\r\n", b"a", "Expected a tag and a command"),
        (b"a NOOP\n", b"a", "Line must end with CRLF"),
        (b"a NO\rOP\r\n", b"a", "Line contains NUL or a bare CR"),
        (b"a NO\0OP\r\n", b"a", "Line contains NUL or a bare CR"),
    ],
)
def test_what_is_no_command_is_refused_and_the_next_one_is_read(data, tag, text):
    found = read(data + b"b NOOP\r\n")
    assert (found[0].tag, found[0].text, found[0].is_fatal) == (tag, text, False)
    assert found[0].reply() == (tag or b"*") + b" BAD " + text.encode() + b"\r\n"
    assert found[1].tag == b"b"


def test_a_refused_line_takes_its_literals_along():
    found = read(b"a ??? {4+}\r\nb NO {3+}\r\nxyz\r\nc NOOP\r\n")
    assert [event.tag for event in found] == [b"a", b"c"]


def test_browsers_are_shown_the_door():
    for line in (b"GET / HTTP/1.1\r\n", b"Host: example.test\r\n"):
        found = read(line + b"a LOGOUT\r\n", BEFORE_LOGIN)
        assert len(found) == 1
        assert found[0].is_fatal
        assert found[0].reply() == b"* BYE This is an IMAP server\r\n"


@pytest.mark.parametrize(
    ("limits", "line"),
    [(BEFORE_LOGIN, MAX_LINE_BEFORE_LOGIN), (AFTER_LOGIN, MAX_LINE), (SMALL, 60)],
)
def test_line_limit(limits, line):
    command = b"a X " + b"y" * (line - 4)
    assert read(command + b"\r\n", limits)[0].text == command
    assert read(command + b"y", limits) == []
    assert read(command + b"y\r", limits)[0].is_fatal
    assert read(command + b"y\r\n", limits)[0].is_fatal


def test_the_line_limit_counts_all_parts_of_a_command():
    part = b"y" * 20 + b" {0+}\r\n"
    assert read(b"a X " + part * 3, SMALL)[0].is_fatal


def test_authenticate_has_room_for_a_token():
    line = b"a authenticate XOAUTH2 "
    assert (
        read(line + b"A" * (MAX_AUTHENTICATE_LINE - len(line)) + b"\r\n", BEFORE_LOGIN)[0].verb
        == b"AUTHENTICATE"
    )
    assert read(line + b"A" * MAX_AUTHENTICATE_LINE, BEFORE_LOGIN)[0].is_fatal


def test_literal_limits():
    assert read(b"a X {30}\r\n", SMALL) == [ContinuationWanted(30)]
    assert read(b"a X {31}\r\n", SMALL)[0].reply() == b"a NO [TOOBIG] Literal is too large\r\n"
    assert read(b"a X {20+}\r\n" + b"l" * 20 + b"\r\n", SMALL)[0].literals == (b"l" * 20,)
    assert (
        read(b"a X {21+}\r\n" + b"l" * 21 + b"\r\nb NOOP\r\n", SMALL)[0]
        .reply()
        .startswith(b"a BAD [TOOBIG] ")
    )
    assert read(b"a X {15}\r\n" + b"l" * 15 + b" {16}\r\n", SMALL)[1].tag == b"a"
    assert read(b"a X {%d}\r\n" % MAX_LITERALS)[0] == ContinuationWanted(MAX_LITERALS)
    assert read(b"a X {%d}\r\n" % (MAX_LITERALS + 1))[0].tag == b"a"
    assert read(b"a X {%d}\r\n" % MAX_LITERALS_BEFORE_LOGIN, BEFORE_LOGIN) == [ContinuationWanted(4096)]
    assert read(b"a X {%d+}\r\n" % MAX_SMALL_NON_SYNC, BEFORE_LOGIN) == []
    assert read(b"a X {%d+}\r\n" % (MAX_SMALL_NON_SYNC + 1), BEFORE_LOGIN)[0].is_fatal


def test_message_limits():
    assert read(b"a APPEND x {50}\r\n", SMALL)[0].size_bytes == 50
    assert (
        read(b"a APPEND x {51}\r\n", SMALL)[0].reply()
        == b"a NO [TOOBIG] Message is larger than 50 octets\r\n"
    )
    refused = read(b"a APPEND x {21+}\r\n" + b"m" * 21 + b"\r\nb NOOP\r\n", SMALL)
    assert refused[0].reply().startswith(b"a BAD [TOOBIG] ")  # RFC 7888 §5
    assert refused[1].tag == b"b"
    assert read(b"a APPEND x {%d+}\r\n" % (MAX_MESSAGE + 1))[0].is_fatal


def test_skipping_is_bounded_in_total():
    found = read((b"a X {21+}\r\n" + b"l" * 21) + (b" {21+}\r\n" + b"l" * 21) + b" {21+}\r\n", SMALL)
    assert [event.is_fatal for event in found] == [False, True]


def test_nothing_is_read_after_a_fatal_refusal():
    reader = CommandReader(SMALL)
    reader.receive(b"x" * 100)
    assert reader.next_event().is_fatal
    reader.receive(b"a NOOP\r\n")
    assert reader.next_event() is NEED_DATA
    assert reader.is_closed
    assert reader.buffered_bytes == 0


def test_starttls_drops_what_was_pipelined():
    reader = CommandReader()
    reader.receive(b"a STARTTLS\r\nb LOGIN x y\r\n")
    assert reader.next_event().verb == b"STARTTLS"
    assert reader.drop_buffered() == 13
    assert reader.next_event() is NEED_DATA


def test_an_idle_reader_is_small():
    reader = CommandReader(AFTER_LOGIN)
    reader.receive(b"a X {60000+}\r\n" + b"l" * 60_000 + b"\r\n")
    assert len(events(reader)) == 1
    held = sum(
        sys.getsizeof(getattr(reader, name)) for name in reader.__slots__ if name not in {"limits", "_mode"}
    )
    assert held + sys.getsizeof(reader) < 1024


SCRIPT = (
    b"a LOGIN {3}\r\nabc {2+}\r\nde\r\n"
    b"b uid fetch 1:* flags\r\n"
    b"c APPEND {5+}\r\nINBOX (\\Seen) {4+}\r\nab\r\n {3}\r\nxyz\r\n"
    b"d APPEND x {4+}\r\nab\r\n junk {2+}\r\nxy\r\n"
    b"bad\r\n\r\n? {3+}\r\nabc\r\n"
    b"e X {31}\r\nf X {21+}\r\n123456789012345678901\r\n"
    b"g NOOP\nh NOOP\r\n"
    b"i APPEND x UTF8 (~{2+}\r\nab) (\\Seen) UTF8 (~{1}\r\nc) {1+}\r\nd\r\n"
)


def test_a_message_may_stand_in_utf8_and_parentheses():
    found = merged(read(b"a APPEND x UTF8 (~{1+}\r\n1) () utf8 (~{1+}\r\n2) {1+}\r\n3\r\n"))
    offers = [event for event in found if isinstance(event, MessageOffered)]
    assert [(each.line.start, each.is_literal8) for each in offers] == [(8, True), (1, True), (1, False)]
    assert [event.data for event in found if isinstance(event, MessageChunk)] == [b"1", b"2", b"3"]
    assert found[-1] == AppendEnded(b"a")


@pytest.mark.parametrize(
    "text",
    [
        b"UTF8 (~{1+}\r\n1",
        b"UTF8 (~{1+}\r\n1))",
        b"UTF8 (~{1+}\r\n1 {1+}\r\n2)",
        b"UTF8 (~{1+}\r\n1){1+}\r\n2",
        b"UTF8 ({1+}\r\n1)",
        b"~{1+}\r\n1)",
    ],
)
def test_parentheses_around_a_message_come_in_pairs(text):
    found = read(b"a APPEND x " + text + b"\r\nb NOOP\r\n")
    assert not any(isinstance(event, AppendEnded) for event in found)
    assert [event.status for event in found if isinstance(event, Refused)] == [Status.BAD]
    assert found[-1].verb == b"NOOP"


@given(st.lists(st.integers(1, 40), min_size=1))
def test_cutting_the_octets_changes_no_event(sizes):
    reader = CommandReader(SMALL)
    found, pos, turn = [], 0, 0
    while pos < len(SCRIPT):
        size = sizes[turn % len(sizes)]
        reader.receive(SCRIPT[pos : pos + size])
        found += events(reader)
        pos, turn = pos + size, turn + 1
    assert merged(found) == merged(read(SCRIPT, SMALL))


IMAPISH = st.lists(
    st.sampled_from(
        [
            b"a ",
            b"APPEND ",
            b"LOGIN ",
            b"x",
            b" ",
            b"{3}",
            b"{3+}",
            b"~{2+}",
            b"{99999999999+}",
            b"\r\n",
            b"\n",
            b"\0",
            b"(",
            b"UTF8 (~{2+}\r\nab)",
        ]
    ).map(bytes)
    | st.binary(max_size=5),
    max_size=40,
).map(b"".join)


@given(IMAPISH, st.booleans(), st.integers(1, 20))
@example(b"a X {3+}\r\n", True, 1)
def test_any_octets_give_events_whole_or_cut(data, accept, size):
    whole = read(data, SMALL, accept=accept)
    reader = CommandReader(SMALL)
    found = []
    for start in range(0, len(data), size):
        reader.receive(data[start : start + size])
        found += events(reader, accept=accept)
        assert reader.buffered_bytes <= SMALL.line_bytes + 2
    assert merged(found) == merged(whole)
    for event in found:
        if isinstance(event, Refused):
            assert event.reply().count(b"\r\n") == 1
