"""The session: dialogues whole and cut, limits at their edges, any octets."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.managesieve.events import NEED_DATA, PAUSED, AuthStarted, PeerGone, ScriptPut, Unauthenticated
from postier.managesieve.session import Session
from postier.managesieve.settings import (
    MAX_AUTH_OCTETS,
    MAX_BUFFERED_OCTETS,
    MAX_COMMANDS_BEFORE_LOGIN,
    MAX_LINE_OCTETS,
    MAX_SKIPPED_OCTETS,
    MAX_STRING_OCTETS,
)
from tests.managesieve.playbook import LOGIN, SETTINGS, Owner, logged_in

CAPABILITIES = (
    b'"IMPLEMENTATION" "Postier"\r\n"SASL" "PLAIN LOGIN"\r\n"SIEVE" "fileinto vacation"\r\n"MAXREDIRECTS" "8"\r\n'
    b'"LANGUAGE" "en"\r\n"VERSION" "1.0"\r\n'
)


def test_the_greeting_is_the_capabilities():
    assert Owner().greeting == CAPABILITIES + b'"UNAUTHENTICATE"\r\nOK "mx.alpha.test is ready"\r\n'


def test_the_lists_that_scripts_may_ask_are_told():  # RFC 6134 §2.8
    owner = Owner(msgspec.structs.replace(SETTINGS, list_schemes=("urn", "tag")))
    assert b'"VERSION" "1.0"\r\n"EXTLISTS" "urn tag"\r\n' in owner.greeting


def test_a_user_keeps_scripts():
    owner = logged_in()
    assert (
        owner.say(b"CAPABILITY\r\n")
        == CAPABILITIES + b'"OWNER" "alice@alpha.test"\r\n"UNAUTHENTICATE"\r\nOK\r\n'
    )
    assert owner.say(b'HAVESPACE "one" 10\r\n') == b"OK\r\n"
    assert owner.say(b'Putscript "one" {6+}\r\nkeep;\n\r\n') == b"OK\r\n"
    assert owner.say(b'PUTSCRIPT {3+}\r\nt"w {5+}\r\nstop;\r\n') == b"OK\r\n"
    assert owner.say(b'PUTSCRIPT "three" "keep;"\r\n') == b"OK\r\n"
    assert owner.say(b'SETACTIVE "one"\r\n') == b"OK\r\n"
    assert owner.say(b"LISTSCRIPTS\r\n") == b'"one" ACTIVE\r\n"t\\"w"\r\n"three"\r\nOK\r\n'
    assert owner.scripts["one"] == b"keep;\n"
    assert owner.say(b'GETSCRIPT "one"\r\n') == b"{6}\r\nkeep;\n\r\nOK\r\n"
    assert owner.say(b'DELETESCRIPT "one"\r\n') == b'NO (ACTIVE) "it is active"\r\n'
    assert owner.say(b'RENAMESCRIPT "one" "first"\r\n') == b"OK\r\n"
    assert owner.say(b'SETACTIVE ""\r\n') == b"OK\r\n"
    assert owner.say(b'DELETESCRIPT "none"\r\n') == b'NO (NONEXISTENT) "no such script"\r\n'
    assert owner.say(b'CHECKSCRIPT "bad"\r\n') == b"NO {26}\r\nline 1: bad\r\nline 2: worse\r\n"
    assert owner.say(b"NOOP\r\n") == b'OK "Done"\r\n'
    assert owner.say(b'NOOP {3+}\r\na"b\r\n') == b'OK (TAG "a\\"b") "Done"\r\n'
    assert owner.say(b"LOGOUT\r\nNOOP\r\n") == b'OK "Goodbye"\r\n'
    assert owner.is_closed


def test_refusals():
    owner = logged_in(msgspec.structs.replace(SETTINGS, max_errors=100))
    for command, answer in (
        (b"FROB", b'NO "unknown command"'),
        (b'"NOOP"', b'NO "unknown command"'),
        (b"LISTSCRIPTS 1", b'NO "wrong arguments"'),
        (b"GETSCRIPT", b'NO "wrong arguments"'),
        (b"GETSCRIPT one", b'NO "wrong arguments"'),
        (b'GETSCRIPT ""', b'NO "that can\'t be the name of a script"'),
        (b'GETSCRIPT "../x"', b'NO "that can\'t be the name of a script"'),
        (b'SETACTIVE "a/b"', b'NO "that can\'t be the name of a script"'),
        (b'RENAMESCRIPT "a" "\xff"', b'NO "that can\'t be the name of a script"'),
        (b'HAVESPACE "a" "1"', b'NO "wrong arguments"'),
        (b'HAVESPACE "a" 4294967296', b'NO "wrong arguments"'),
        (b'PUTSCRIPT "a" ""', b'NO "a script is not empty"'),
        (b'GETSCRIPT  "a"', b'NO "syntax error"'),
        (b'GETSCRIPT "a', b'NO "syntax error"'),
        (b"NOOP (", b'NO "syntax error"'),
        (b'NOOP "a" "b" "c" "d"', b'NO "too many arguments"'),
        (b'AUTHENTICATE "PLAIN"', b'NO "you are logged in already"'),
        (b"STARTTLS", b'NO "you are logged in already"'),
        (b"", b'NO "unknown command"'),
    ):
        assert owner.say(command + b"\r\n") == answer + b"\r\n", command


def test_before_login_little_is_possible():
    owner = Owner()
    for command in (
        b"LISTSCRIPTS",
        b'GETSCRIPT "a"',
        b"UNAUTHENTICATE",
        b'PUTSCRIPT "a" {4+}\r\nstop',
        b'HAVESPACE "a" 1',
    ):
        assert owner.say(command + b"\r\n") == b'NO "log in first"\r\n'
    assert owner.say(b"STARTTLS\r\n") == b'NO "TLS is not offered here"\r\n'


def test_mechanisms_with_challenges_and_cancelling():
    owner = Owner()
    assert owner.say(b'AUTHENTICATE "LOGIN"\r\n') == b'"VXNlcm5hbWU6"\r\n'
    assert owner.say(b'"*"\r\n') == b'NO "authentication cancelled"\r\n'
    assert owner.say(b'AUTHENTICATE "PLAIN"\r\n') == b'""\r\n'
    assert owner.say(b'"?"\r\n') == b'NO "that is not base64"\r\n'
    assert owner.say(b'AUTHENTICATE "PLAIN"\r\n') == b'""\r\n'
    assert owner.say(b"NOOP\r\n") == b'NO "syntax error"\r\n'
    assert owner.say(b'AUTHENTICATE "CRAM-MD5"\r\n') == b'NO "unknown authentication mechanism"\r\n'
    assert owner.say(b'AUTHENTICATE "LOGIN"\r\n') == b'"VXNlcm5hbWU6"\r\n'
    assert owner.say(b"{24+}\r\nYWxpY2VAYWxwaGEudGVzdA==\r\n") == b'"UGFzc3dvcmQ6"\r\n'
    assert owner.say(b'"c2VjcmV0"\r\n') == b'OK "Logged in"\r\n'


def test_starttls_forgets_what_came_in_plaintext():
    owner = Owner(msgspec.structs.replace(SETTINGS, is_tls_available=True, is_plaintext_login_allowed=False))
    assert b'"SASL" ""\r\n' in owner.greeting
    assert b'"STARTTLS"\r\n' in owner.greeting
    assert owner.say(LOGIN).startswith(b"NO (ENCRYPT-NEEDED) ")
    assert owner.say(b"STARTTLS\r\n" + LOGIN + b"LISTSCR") == b'OK "begin TLS"\r\n'
    owner.session.receive(LOGIN)
    assert owner.session.discarded_octets == 2 * len(LOGIN) + 7
    again = owner.session.tls_started()
    assert again == CAPABILITIES + b'"UNAUTHENTICATE"\r\nOK\r\n'  # RFC 5804 §2.2
    assert owner.say(b"LISTSCRIPTS\r\n") == b'NO "log in first"\r\n'
    assert owner.say(b"STARTTLS\r\n") == b'NO "TLS is active already"\r\n'
    assert owner.say(LOGIN) == b'OK "Logged in"\r\n'


def test_unauthenticate():
    owner = logged_in()
    assert owner.say(b"UNAUTHENTICATE\r\nLISTSCRIPTS\r\n") == b'OK "Done"\r\nNO "log in first"\r\n'
    assert isinstance(owner.events[0], Unauthenticated)
    assert owner.say(LOGIN) == b'OK "Logged in"\r\n'


def test_a_script_may_be_so_large_and_what_follows_is_not_shifted():
    owner = logged_in()
    edge = SETTINGS.max_script_octets
    assert owner.say(b'PUTSCRIPT "a" {%d+}\r\n%b\r\nNOOP\r\n' % (edge, b"x" * edge)) == b'OK\r\nOK "Done"\r\n'
    large = b'PUTSCRIPT "a" {%d+}\r\n%b\r\nNOOP\r\n' % (edge + 1, b"x" * (edge + 1))
    assert owner.say(large) == b'NO (QUOTA/MAXSIZE) "the script is too large"\r\nOK "Done"\r\n'
    assert (
        owner.say(b'FROB "a" {5+}\r\nNOOP\n\r\nNOOP\r\n') == b'NO "the string is too large"\r\nOK "Done"\r\n'
    )
    assert owner.say(b"GETSCRIPT (x {6+}\r\nNOOP\r\n\r\nNOOP\r\n") == b'NO "syntax error"\r\nOK "Done"\r\n'


def test_a_literal_without_end_is_not_waited_for():
    owner = logged_in()
    assert (
        owner.say(b'PUTSCRIPT "a" {%d+}\r\n' % (MAX_SKIPPED_OCTETS + 1))
        == b'BYE "the string is far too large"\r\n'
    )
    assert owner.is_closed


def test_of_what_is_too_large_nothing_is_kept():
    owner = Owner()
    owner.feed(b'PUTSCRIPT "a" {%d+}\r\n' % MAX_SKIPPED_OCTETS)
    for _ in range(100):
        owner.feed(b"x" * 100_000)
        assert owner.session._reader._pieces is None
        assert len(owner.session._reader._buffer) <= 100_000
        assert owner.session._reader._at == len(owner.session._reader._buffer)


@pytest.mark.parametrize(
    ("start", "limit", "end"),
    [
        (b'GETSCRIPT "', MAX_STRING_OCTETS, b'"'),
        (b'AUTHENTICATE "PLAIN" "', MAX_LINE_OCTETS - 25, b'"'),
    ],
)
def test_quoted_strings_at_their_edge(start, limit, end):
    owner = logged_in() if start.startswith(b"GET") else Owner()
    assert b"too l" not in owner.say(start + b"x" * limit + end + b"\r\n")
    assert b"too l" in owner.say(start + b"x" * (limit + 1) + end + b"\r\n")


def test_a_sasl_answer_as_a_literal_at_its_edge():
    owner = Owner()
    fits = b'AUTHENTICATE "PLAIN" {%d+}\r\n%b\r\n' % (MAX_AUTH_OCTETS, b"A" * MAX_AUTH_OCTETS)
    assert b"too large" not in owner.say(fits)
    assert b"too large" in owner.say(
        b'AUTHENTICATE "PLAIN" {%d+}\r\n%b\r\n' % (MAX_AUTH_OCTETS + 1, b"A" * (MAX_AUTH_OCTETS + 1))
    )


def test_commands_before_login_and_errors_are_counted():
    owner = Owner()
    assert (
        owner.say(b"CAPABILITY\r\n" * MAX_COMMANDS_BEFORE_LOGIN).count(b"OK\r\n") == MAX_COMMANDS_BEFORE_LOGIN
    )
    assert owner.say(b"NOOP\r\n") == b'BYE "too many commands before a login"\r\n'
    owner = Owner()
    assert owner.say(b"FROB\r\n" * SETTINGS.max_errors).endswith(b'BYE "too many errors"\r\n')
    assert owner.is_closed


def test_browsers_and_tls_clients_are_sent_away():
    for octets in (b"GET / HTTP/1.1\r\n", b"\x16\x03\x01"):
        assert Owner().say(octets) == b'BYE "this is a ManageSieve server"\r\n'


def test_a_paused_session_takes_a_bounded_amount():
    session = Session(SETTINGS)
    session.receive(LOGIN)
    assert isinstance(session.next_event(), AuthStarted)
    session.receive(b"x" * (MAX_BUFFERED_OCTETS + 1))
    with pytest.raises(BufferError):
        session.receive(b"x")
    assert session.next_event() is PAUSED


def test_the_peer_may_leave():
    owner = logged_in()
    owner.session.receive_eof()
    owner.run()
    assert isinstance(owner.events[-1], PeerGone)


def test_no_secret_is_shown():
    owner = Owner()
    owner.say(LOGIN)
    assert "AGFs" not in repr(owner.events)
    assert "secret" not in repr(owner.events)


LINES = st.sampled_from(
    [
        LOGIN, b'PUTSCRIPT "a" {5+}\r\nkeep;\r\n', b"PUTSCRIPT {1+}\r\nb {3+}\r\nbad\r\n", b"LISTSCRIPTS\r\n", b'GETSCRIPT "a"\r\n',
        b'SETACTIVE "a"\r\n', b'HAVESPACE "a" 5\r\n', b"CHECKSCRIPT {2000+}\r\n", b"NOOP {3+}\r\n", b'NOOP "x"\r\n', b"LOGOUT\r\n",
        b'AUTHENTICATE "LOGIN"\r\n', b'"*"\r\n', b"UNAUTHENTICATE\r\n", b'RENAMESCRIPT "a" "b"\r\n', b"(\r\n", b"\n",
    ]
)  # fmt: skip


@given(st.lists(LINES | st.binary(max_size=20), max_size=20), st.integers(1, 30))
def test_cutting_the_input_changes_nothing(lines, size):
    data = b"".join(lines)
    whole, cut = Owner(), Owner()
    whole.feed(data)
    for start in range(0, len(data), size):
        cut.feed(data[start : start + size])
    assert (cut.out, cut.events, cut.scripts) == (whole.out, whole.events, whole.scripts)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_octets_get_an_answer_or_wait(data):
    for owner in (Owner(), logged_in()):
        owner.say(data)
        assert owner.is_closed or owner.session.next_event() is NEED_DATA
        assert owner.out == b"" or owner.out.endswith(b"\r\n")


@given(st.binary(min_size=1, max_size=60), st.text(min_size=1, max_size=20))
def test_scripts_come_as_they_are(content, name):
    owner = logged_in()
    octets = name.encode("utf-8", "replace")
    owner.say(b"PUTSCRIPT {%d+}\r\n%b {%d+}\r\n%b\r\n" % (len(octets), octets, len(content), content))
    for event in owner.events:
        if isinstance(event, ScriptPut):
            assert event.content == content
