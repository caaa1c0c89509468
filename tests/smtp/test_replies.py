import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.smtp import reason
from postier.smtp.replies import (
    MAX_REPLY_LINE_OCTETS,
    MAX_REPLY_LINES,
    MAX_WRITTEN_LINE_OCTETS,
    Reply,
    ReplyError,
    ReplyReader,
    reply_of,
)

CODES = st.integers(200, 599)


def read_all(wire, step=None):
    reader = ReplyReader()
    found = []
    for at in range(0, len(wire), step or len(wire) or 1):
        reader.receive(wire[at : at + (step or len(wire))])
        while (reply := reader.next_reply()) is not None:
            found.append(reply)
    return found, reader.buffered_octets


def test_one_line():
    assert Reply(250, "2.1.0", ("OK",)).encode() == b"250 2.1.0 OK\r\n"
    assert Reply(334).encode() == b"334 \r\n"  # RFC 4954 §4: the space is there


def test_lines_carry_code_and_enhanced_code():
    reply = Reply(550, "5.7.1", ("one", "two", "three"))
    assert reply.encode() == b"550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three\r\n"  # RFC 2034 §4


@pytest.mark.parametrize("text", ["a\r\n250 b", "a\nb", "a\rb", "\0", "\x7f", "a\u2028b"])
def test_no_value_holds_a_control_character(text):
    with pytest.raises(ValueError):
        Reply(250, "", (text,))


def test_of_turns_line_breaks_into_lines():
    assert Reply.of(550, "5.7.1", "a\r\n250 OK\rb\x00c").lines == ("a", "250 OK", "b c")
    assert Reply.of(550, "5.7.1", "").lines == ("",)


@pytest.mark.parametrize(
    ("code", "enhanced"), [(199, ""), (600, ""), (550, "4.1.1"), (250, "5.0.0"), (250, "2.0")]
)
def test_codes_are_checked(code, enhanced):
    with pytest.raises(ValueError):
        Reply(code, enhanced)


def test_written_lines_stay_in_the_limit():
    wire = Reply.of(550, "5.7.1", "x" * 2000).encode()
    lines = wire.splitlines(keepends=True)
    assert all(len(line) <= MAX_WRITTEN_LINE_OCTETS for line in lines)
    assert sum(line.count(b"x") for line in lines) == 2000
    assert len(Reply(250, "", ("y" * (MAX_WRITTEN_LINE_OCTETS - 6),)).encode()) == MAX_WRITTEN_LINE_OCTETS


def test_non_ascii_becomes_a_question_mark():
    assert reply_of(reason.SPAM.with_text("für dich")).encode() == b"550 5.7.1 f?r dich\r\n"


@given(CODES, st.text(max_size=700))
def test_any_text_makes_one_reply(code, text):
    reply = Reply.of(code, "", text)
    found, rest = read_all(reply.encode())
    assert rest == 0
    assert [one.code for one in found] == [code]


@given(
    CODES,
    st.lists(
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60), min_size=1, max_size=6
    ),
)
def test_round_trip(code, lines):
    enhanced = "" if code < 400 and code >= 300 else f"{code // 100}.1.10"  # RFC 2034 §4: none with 3yz
    reply = Reply(code, enhanced, tuple(lines))
    assert read_all(reply.encode())[0] == [reply]


def test_replies_are_read_at_every_cut():
    wire = b"250-mx greets you\r\n250-SIZE 100\r\n250 HELP\r\n550 5.1.1 no\r\n354\r\n250 \r\n"
    whole = read_all(wire)
    assert [reply.code for reply in whole[0]] == [250, 550, 354, 250]
    assert whole[0][0].lines == ("mx greets you", "SIZE 100", "HELP")
    assert whole[0][1] == Reply(550, "5.1.1", ("no",))
    for step in range(1, len(wire)):
        assert read_all(wire, step) == whole


def test_enhanced_code_of_another_class_is_text():
    assert read_all(b"250 5.1.1 odd\r\n")[0] == [Reply(250, "", ("5.1.1 odd",))]


@pytest.mark.parametrize(
    "wire",
    [
        b"hello\r\n",
        b"250 bare\n",
        b"250 a\rb\r\n",
        b"250-one\r\n251 two\r\n",
        b"25 short\r\n",
        b"650 out of range\r\n",
        b"150 out of range\r\n",
        b"250+what\r\n",
        b"\r\n",
        b"250 " + b"x" * MAX_REPLY_LINE_OCTETS,
        b"250-x\r\n" * (MAX_REPLY_LINES + 1),
    ],
)
def test_nonsense_is_an_error(wire):
    with pytest.raises(ReplyError):
        read_all(wire)


def test_limits_at_their_edges():
    line = b"250 " + b"x" * (MAX_REPLY_LINE_OCTETS - 6) + b"\r\n"
    assert len(line) == MAX_REPLY_LINE_OCTETS
    assert len(read_all(line)[0]) == 1
    many = b"250-x\r\n" * (MAX_REPLY_LINES - 1) + b"250 x\r\n"
    assert len(read_all(many)[0][0].lines) == MAX_REPLY_LINES


@given(st.binary(max_size=300), st.integers(1, 9))
def test_any_octets_give_replies_or_the_declared_error(wire, step):
    try:
        whole = read_all(wire)
    except ReplyError:
        with pytest.raises(ReplyError):
            read_all(wire, step)
    else:
        assert read_all(wire, step)[0] == whole[0]
