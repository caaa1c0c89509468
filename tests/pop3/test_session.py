"""The session: transcripts whole and cut, limits at their edges, any octets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.pop3.events import NEED_DATA, PAUSED, MessageRequested, PasswordGiven, PeerGone, UpdateRequested
from postier.pop3.replies import MAX_STATUS_OCTETS, Code, Refusal
from postier.pop3.session import Session
from postier.pop3.settings import (
    MAX_AUTH_OCTETS,
    MAX_BUFFERED_OCTETS,
    MAX_COMMAND_OCTETS,
    MAX_COMMANDS_BEFORE_LOGIN,
    MAX_CREDENTIAL_OCTETS,
    SessionSettings,
)
from tests.pop3.playbook import FOLDER, LETTERS, Owner, logged_in, matches, play, turns

TRANSCRIPTS = sorted(FOLDER.glob("*.txt"))
OPEN = SessionSettings("mx.alpha.test", is_plaintext_login_allowed=True, mechanisms=("PLAIN", "LOGIN"))


@pytest.mark.parametrize("step", [None, 1, 2, 3, 7], ids=lambda step: f"by-{step or 'turn'}")
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path, step):
    play(path.read_text("utf-8"), step)


def test_the_playbook_tells_a_wrong_answer():
    with pytest.raises(AssertionError, match="expected"):
        play("S: +OK <...>\nC: NOOP\nS: +OK\n")
    assert turns("S: a\nC: b\nC: c\nS: d\n") == [("C", [], ["a"]), ("C", ["b", "c"], ["d"])]
    assert not matches("a.c", "abc")


def said(data, **options):
    owner = Owner(SessionSettings("mx.alpha.test", **({"is_plaintext_login_allowed": True} | options)))
    owner.session.greet()
    owner.feed(data)
    return owner


@pytest.mark.parametrize(
    ("start", "limit"),
    [(b"LANG ", MAX_COMMAND_OCTETS), (b"USER ", MAX_CREDENTIAL_OCTETS), (b"AUTH ", MAX_AUTH_OCTETS)],
)
def test_a_line_may_be_so_long_and_no_longer(start, limit):
    fits = start + b"x" * (limit - len(start) - 2) + b"\r\n"
    assert b"too long" not in said(fits).out
    assert said(start + b"x" + fits[5:]).out == b"-ERR the line is too long\r\n"
    assert said(start + b"x" * (1 << 16) + b"\r\n" + b"QUIT\r\n").out.endswith(b"+OK goodbye\r\n")


def test_of_an_endless_line_nothing_is_kept():
    owner = said(b"x" * (MAX_COMMAND_OCTETS + 1))
    for _ in range(1000):
        owner.feed(b"x" * 10_000)
        assert len(owner.session._input) == 0
    owner.feed(b"\r\nQUIT\r\n")
    assert owner.out == b"-ERR the line is too long\r\n+OK goodbye\r\n"


def test_a_paused_session_takes_a_bounded_amount():
    session = Session(OPEN)
    session.receive(b"USER a@b.test\r\nPASS x\r\n")
    assert isinstance(session.next_event(), PasswordGiven)
    session.receive(b"x" * (MAX_BUFFERED_OCTETS + 1))
    with pytest.raises(BufferError):
        session.receive(b"x")
    assert session.next_event() is PAUSED


def test_a_bare_newline_is_no_line_end_and_forgets_the_user():
    owner = said(b"USER alice@alpha.test\r\nNOOP\nPASS correct horse\r\n")
    assert owner.out.splitlines()[1:] == [b"-ERR a line ends with CR LF", b"-ERR say USER first"]


def test_errors_in_a_row_end_the_session():
    owner = said(b"FROB\r\n" * 2 + b"CAPA\r\n" + b"FROB\r\n" * 3 + b"QUIT\r\n", max_errors=3)
    assert owner.out.endswith(b"-ERR too many errors\r\n")
    assert owner.is_closed


def test_so_many_commands_before_login_and_no_more():
    owner = said(b"CAPA\r\n" * MAX_COMMANDS_BEFORE_LOGIN)
    assert owner.out.count(b"+OK") == MAX_COMMANDS_BEFORE_LOGIN
    owner.feed(b"CAPA\r\nQUIT\r\n")
    assert owner.out.endswith(b".\r\n-ERR too many commands before a login\r\n")
    assert owner.is_closed


def test_a_browser_and_a_tls_client_are_sent_away():
    for octets in (b"GET / HTTP/1.1\r\nQUIT\r\n", b"\x16\x03\x01\x02\x00\x01\r\n"):
        owner = said(octets)
        assert owner.out == b"-ERR this is a POP3 server\r\n"
        assert owner.is_closed


def test_nothing_is_deleted_without_quit():
    owner = logged_in()
    owner.feed(b"DELE 1\r\n")
    owner.session.receive_eof()
    owner.run()
    assert isinstance(owner.events[-1], PeerGone)
    assert owner.deleted is None


def test_quit_names_what_is_deleted_and_what_was_read():
    owner = logged_in()
    owner.feed(b"UTF8\r\nRETR 1\r\nRETR 2\r\nTOP 3 0\r\nDELE 2\r\nQUIT\r\n")
    assert owner.events[-1] == UpdateRequested((2,), (1,))


def test_quit_before_any_message_was_asked_for_changes_nothing():
    owner = logged_in()
    owner.feed(b"STAT\r\nQUIT\r\n")
    assert owner.events == [UpdateRequested((), ())]


def test_refused_decisions_leave_the_session_usable():
    session = Session(OPEN)
    session.receive(b"USER alice@alpha.test\r\nPASS x\r\nUSER b\r\nQUIT\r\n")
    assert isinstance(session.next_event(), PasswordGiven)
    assert session.take_output() == b"+OK and the password?\r\n"
    assert session.refuse(Refusal("busy", Code.IN_USE)) == b"-ERR [IN-USE] busy\r\n"
    session.next_event()
    assert session.take_output() == b"+OK and the password?\r\n+OK goodbye\r\n"


def test_a_message_that_cannot_be_read_is_refused_and_not_marked():
    owner = logged_in()
    owner.session.receive(b"RETR 1\r\nQUIT\r\n")
    owner.decide(owner.session.next_event())
    assert isinstance(owner.session.next_event(), MessageRequested)
    assert owner.session.refuse(Refusal("gone")) == b"-ERR gone\r\n"
    assert owner.session.next_event() == UpdateRequested((), ())


def test_a_decision_of_another_kind_is_a_fault_of_ours():
    session = Session(OPEN)
    for decide in (session.accept_tls, session.updated, lambda: session.challenge(b"")):
        with pytest.raises(RuntimeError):
            decide()
    with pytest.raises(RuntimeError):
        session.refuse(Refusal("x"))


def test_the_user_may_be_utf8_and_nothing_else():
    assert said("USER grüße@alpha.test\r\n".encode()).out == b"+OK and the password?\r\n"
    assert said(b"USER gr\xfc@alpha.test\r\n").out == b"-ERR [AUTH] that is not UTF-8\r\n"


def test_a_status_line_fits():
    line = Refusal("x" * 2000, Code.TEMPORARY).line()
    assert len(line) == MAX_STATUS_OCTETS
    assert line.endswith(b"\r\n")


def test_no_secret_is_shown():
    owner = said(b"USER alice@alpha.test\r\nPASS s3cret\r\nAUTH PLAIN AGEAczNjcmV0\r\n")
    assert "s3cret" not in repr(owner.events)
    assert len(owner.events) == 2


COMMANDS = st.sampled_from(
    [
        b"CAPA", b"USER alice@alpha.test", b"PASS correct horse", b"AUTH PLAIN", b"AUTH LOGIN", b"*", b"AAAA", b"STAT", b"LIST",
        b"LIST 1", b"UIDL", b"UIDL 9", b"RETR 2", b"TOP 1 1", b"DELE 1", b"DELE 3", b"RSET", b"NOOP", b"UTF8", b"LANG x-y", b"",
    ]
)  # fmt: skip


@given(st.lists(COMMANDS | st.binary(max_size=20), max_size=25), st.integers(1, 30))
def test_cutting_the_input_changes_nothing(lines, size):
    data = b"".join(line + b"\r\n" for line in lines)
    whole, cut = Owner(OPEN), Owner(OPEN)
    whole.session.greet()
    cut.session.greet()
    whole.feed(data)
    for start in range(0, len(data), size):
        cut.feed(data[start : start + size])
    assert (cut.out, cut.events, cut.deleted) == (whole.out, whole.events, whole.deleted)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_octets_get_an_answer_or_wait(data):
    for owner in (Owner(OPEN), logged_in()):
        if owner.session.maildrop is None:
            owner.session.greet()
        owner.feed(data)
        assert owner.is_closed or owner.session.next_event() is NEED_DATA
        assert owner.out == b"" or owner.out.endswith(b"\r\n")


def test_a_long_pipeline_is_answered_in_order_and_in_linear_time():
    owner = logged_in()
    owner.feed(b"NOOP\r\nSTAT\r\n" * 5000)
    assert owner.out == (b"+OK\r\n+OK 3 %d\r\n" % sum(map(len, LETTERS))) * 5000
