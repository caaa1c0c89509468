from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.smtp import reason
from postier.smtp.events import (
    CLOSED,
    NEED_DATA,
    PAUSED,
    BodyChunk,
    BodyEnded,
    BodyRefused,
    DataStarted,
    PeerGone,
    Refused,
    SenderNamed,
    TlsFacts,
    TlsRequested,
    VerifyAsked,
)
from postier.smtp.replies import Reply
from postier.smtp.session import Session
from postier.smtp.settings import (
    MAX_AUTH_OCTETS,
    MAX_BUFFERED_OCTETS,
    MAX_COMMAND_OCTETS,
    MIN_RECIPIENTS,
    Role,
    SessionSettings,
)
from tests.smtp.transcripts import Owner

MX = SessionSettings("mx.test")
MAIL = b"MAIL FROM:<a@b.test>\r\n"
RCPT = b"RCPT TO:<c@mx.test>\r\n"
ENVELOPE = b"HELO c.test\r\n" + MAIL + RCPT

# words that make dialogues, sensible and not
WORDS = st.sampled_from(
    [
        b"HELO c.test\r\n",
        b"EHLO c.test\r\n",
        b"LHLO c.test\r\n",
        MAIL,
        RCPT,
        b"DATA\r\n",
        b".\r\n",
        b"\r\n.\r\n",
        b"text\r\n",
        b"..x\r\n",
        b"a\nb\r\n",
        b"\r",
        b"\n",
        b"\x00",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"BDAT 4\r\n",
        b"abcd",
        b"BDAT 0 LAST\r\n",
        b"BDAT 3 LAST\r\n",
        b"QUIT\r\n",
        b"STARTTLS\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH PLAIN =\r\n",
        b"*\r\n",
        b"MAIL FROM:<\xc3\xbc@b.test> SMTPUTF8\r\n",
        b"x" * 2100 + b"\r\n",
        b"VRFY x\r\n",
        b"AGEAYg==\r\n",
        b"GET / HTTP/1.1\r\n",
    ]
)
DIALOGUES = st.lists(WORDS | st.binary(max_size=5), max_size=25).map(b"".join)
SETTINGS = [
    SessionSettings("mx.test", is_tls_available=True, max_message_bytes=30),
    SessionSettings("mx.test", Role.LMTP, max_errors=99),
    SessionSettings("mx.test", Role.SUBMISSION, auth_mechanisms=("PLAIN",), is_plaintext_login_allowed=True),
    SessionSettings("mx.test", max_errors=99, max_chunks=2, max_idle_commands=9),
]


def owner_of(wire=b"", configuration=MX):
    owner = Owner(configuration)
    owner.greet()
    owner.out = b""
    owner.feed(wire)
    return owner


def merged(events):
    """Events with the cuts between body chunks taken out; chunks of a refused message do not count."""
    found = []
    for event in events:
        if isinstance(event, BodyChunk) and found and isinstance(found[-1], BodyChunk):
            found[-1] = BodyChunk(found[-1].data + event.data)
        elif isinstance(event, BodyRefused) and found and isinstance(found[-1], BodyChunk):
            found[-1] = event
        else:
            found.append(event)
    return found


def accepted(events):
    """The messages that came to their end."""
    return [before for before, event in pairwise(events) if isinstance(event, BodyEnded)]


@settings(max_examples=200)
@given(DIALOGUES, st.sampled_from(SETTINGS), st.integers(1, 40))
def test_cutting_the_input_changes_nothing(wire, configuration, step):
    whole = owner_of(wire, configuration)
    pieces = owner_of(b"", configuration)
    for at in range(0, len(wire), step):
        pieces.feed(wire[at : at + step])
        if pieces.session.is_closed:
            break
    assert pieces.out == whole.out
    assert pieces.session.is_closed == whole.session.is_closed
    ours, theirs = merged(whole.events), merged(pieces.events)
    assert accepted(ours) == accepted(theirs)
    if ours and theirs and isinstance(ours[-1], BodyChunk) != isinstance(theirs[-1], BodyChunk):
        # an unfinished body: what is handed out of a message that will be refused depends on the cuts
        ours = [event for event in ours if not isinstance(event, BodyChunk)]
        theirs = [event for event in theirs if not isinstance(event, BodyChunk)]
    assert [type(event) for event in ours] == [type(event) for event in theirs]
    assert [e for e in ours if not isinstance(e, BodyChunk)] == [
        e for e in theirs if not isinstance(e, BodyChunk)
    ]


@settings(max_examples=200)
@given(DIALOGUES | st.binary(max_size=200), st.sampled_from(SETTINGS))
def test_any_octets_give_events_and_whole_replies(wire, configuration):
    owner = owner_of(wire, configuration)
    owner.session.receive_eof()
    owner.run()
    for _ in range(3):
        if owner.session.is_closed:
            break
        owner.session.tls_started(TlsFacts())
        owner.run()
    assert owner.session.next_event() is CLOSED
    assert owner.out == b"" or owner.out.endswith(b"\r\n")
    for line in owner.out.split(b"\r\n")[:-1]:
        assert line[:3].isdigit()
        assert line[3:4] in {b" ", b"-"}
        assert b"\r" not in line
        assert b"\n" not in line


def test_the_owner_pauses_the_session():
    session = Session(MX)
    session.greet()
    session.receive(ENVELOPE)
    session.next_event()
    assert isinstance(session.next_event(), SenderNamed)
    assert session.next_event() is PAUSED
    assert session.replies_due == 1
    assert session.reply() == b"250 mx.test greets c.test\r\n250 2.1.0 Sender OK\r\n"
    assert session.in_transaction
    session.next_event()
    session.reply(Reply.of(251, "2.1.5", "User not local; will forward"))
    assert [str(address) for address in session.recipients] == ["c@mx.test"]
    assert str(session.reverse_path) == "a@b.test"
    assert session.next_event() is NEED_DATA
    with pytest.raises(RuntimeError):
        session.reply()
    with pytest.raises(RuntimeError):
        session.challenge(b"")
    with pytest.raises(RuntimeError):
        session.tls_started(TlsFacts())


def test_a_greeting_may_refuse():
    session = Session(MX)
    assert session.greet(reason.TOO_MANY_CONNECTIONS) == b"421 4.7.0 Too many connections\r\n"
    assert session.is_closed
    assert session.next_event() is CLOSED
    assert session.close_reason == reason.TOO_MANY_CONNECTIONS


def test_the_owner_ends_it():
    owner = owner_of(ENVELOPE + b"DATA\r\nhalf a mess")
    assert owner.session.end(reason.TIMEOUT) == b"421 4.4.2 Timeout\r\n"
    assert owner.session.next_event() is CLOSED
    assert not owner.session.in_transaction
    assert owner.session.end(reason.TIMEOUT) == b""


@pytest.mark.parametrize(
    "decision", [reason.SYSTEM_SHUTDOWN, Reply.of(421, "4.3.2", "bye"), reason.HOST_TAKES_NO_MAIL]
)
def test_a_closing_reply_closes(decision):
    session = Session(MX)
    session.greet()
    session.receive(ENVELOPE)
    session.next_event()
    session.next_event()
    assert session.reply(decision)
    assert session.next_event() is CLOSED


def test_the_peer_goes_away_everywhere():
    for wire, in_transaction in [
        (b"", False),
        (b"HEL", False),
        (ENVELOPE, True),
        (ENVELOPE + b"DATA\r\nx\r\n", True),
    ]:
        owner = owner_of(wire)
        owner.session.receive_eof()
        assert owner.session.next_event() == PeerGone(in_transaction)
        assert owner.session.next_event() is CLOSED


def test_data_may_be_refused():
    owner = owner_of(ENVELOPE)
    owner.decisions = ["storage-full"]
    owner.feed(b"DATA\r\n")
    owner.feed(MAIL)
    assert owner.out.endswith(b"452 4.3.1 Out of storage, try again later\r\n250 2.1.0 Sender OK\r\n")


def test_early_pipelining_is_noticed():
    owner = owner_of(b"EHLO c.test\r\n")
    assert not owner.session.has_pipelined_early
    owner.feed(MAIL + RCPT + b"DATA\r\n")
    assert not owner.session.has_pipelined_early
    owner = owner_of(b"EHLO c.test\r\n" + MAIL)
    assert owner.session.has_pipelined_early
    owner = owner_of(b"EHLO c.test\r\n")
    owner.feed(MAIL + RCPT + b"DATA\r\nSubject: too early\r\n")
    assert owner.session.has_pipelined_early


def test_command_line_limit_at_its_edge():
    filler = MAX_COMMAND_OCTETS - len(b"NOOP \r\n")
    assert owner_of(b"NOOP " + b"x" * filler + b"\r\n").out == b"250 2.0.0 OK\r\n"
    owner = owner_of(b"NOOP " + b"x" * (filler + 1) + b"\r\nNOOP\r\n")
    assert owner.out == b"500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n"
    # however long it is, one reply and no memory
    owner = owner_of(b"x" * MAX_COMMAND_OCTETS)
    for _ in range(50):
        owner.feed(b"x" * 60_000)
        assert len(owner.session._input) <= MAX_COMMAND_OCTETS
    owner.feed(b"\r\nNOOP\r\n")
    assert owner.out == b"500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n"


def test_fast_commands_obey_the_line_limit_too():
    words = b" X=" + b"y" * (MAX_COMMAND_OCTETS - len(MAIL) - 3)
    line = b"MAIL FROM:<a@b.test>" + words + b"\r\n"
    assert len(line) == MAX_COMMAND_OCTETS
    assert owner_of(b"HELO c\r\n" + line).out.endswith(b"555 5.5.4 Parameter not recognized\r\n")
    assert owner_of(b"HELO c\r\n" + line.replace(b"X=", b"X=y")).out.endswith(b"500 5.5.2 Line too long\r\n")


def test_auth_line_limit_at_its_edge():
    configuration = SETTINGS[2]
    long = b"A" * (MAX_AUTH_OCTETS - 2 - len(b"AUTH PLAIN "))
    long = long[: len(long) // 4 * 4]
    hello = b"HELO c\r\n"
    assert owner_of(hello + b"AUTH PLAIN " + long + b"\r\n", configuration).out.endswith(
        b"235 2.7.0 Authentication successful\r\n"
    )
    assert b"500 5.5.2" in owner_of(hello + b"AUTH PLAIN " + long + b"AAAA" * 4 + b"\r\n", configuration).out
    for size, answer in ((MAX_AUTH_OCTETS - 4, b"235"), (MAX_AUTH_OCTETS, b"500 5.5.6")):
        owner = owner_of(hello, configuration)
        owner.decisions = ["334 "]
        owner.feed(b"AUTH PLAIN\r\n")
        owner.feed(b"A" * size + b"\r\nNOOP\r\n")
        assert b"334 \r\n" + answer in owner.out
        assert owner.out.endswith(b"250 2.0.0 OK\r\n")


def test_recipient_limit_at_its_edge():
    configuration = SessionSettings("mx.test", max_recipients=MIN_RECIPIENTS)
    owner = owner_of(ENVELOPE + RCPT * MIN_RECIPIENTS, configuration)
    assert owner.out.count(b"250 2.1.5") == MIN_RECIPIENTS
    assert owner.out.endswith(b"452 4.5.3 Too many recipients\r\n")
    owner.feed(RCPT * 200)  # a mailing list that pipelines is not an attacker
    assert not owner.session.is_closed
    owner.feed(b"DATA\r\n.\r\n")
    assert owner.out.endswith(b"250 2.0.0 Message accepted\r\n")
    with pytest.raises(ValueError, match=r"5321"):
        SessionSettings("mx.test", max_recipients=MIN_RECIPIENTS - 1)


def test_idle_commands_end_the_session():
    owner = owner_of(b"NOOP\r\n" * MX.max_idle_commands)
    assert not owner.session.is_closed
    owner.feed(b"NOOP\r\n")
    assert owner.out.endswith(b"421 4.7.0 Too many commands without mail\r\n")
    assert owner.session.is_closed


def test_errors_and_idle_commands_are_forgiven_by_a_message():
    configuration = SessionSettings("mx.test", max_errors=3, max_idle_commands=6)
    owner = owner_of(b"HELO c\r\n", configuration)
    for _ in range(5):
        owner.feed(b"FROB\r\nFROB\r\n" + MAIL + RCPT + b"DATA\r\nx\r\n.\r\n")
    assert not owner.session.is_closed


def test_failed_logins_count():
    owner = owner_of(
        b"HELO c\r\n",
        SessionSettings("mx.test", auth_mechanisms=("PLAIN",), is_plaintext_login_allowed=True, max_errors=2),
    )
    owner.decisions = ["auth-failed", "auth-failed"]
    owner.feed(b"AUTH PLAIN AGEAYg==\r\n" * 2)
    assert owner.out.endswith(
        b"535 5.7.8 Authentication credentials invalid\r\n421 4.7.0 Too many errors\r\n"
    )
    assert owner.events[-1] == Refused(reason.TOO_MANY_ERRORS, b"")


def test_unused_input_is_bounded():
    session = Session(MX)
    session.receive(b"x" * (MAX_BUFFERED_OCTETS + 1))
    with pytest.raises(BufferError):
        session.receive(b"x")


def test_tls_on_a_plaintext_port_and_control_characters():
    for cut in (1, 3, 20):
        owner = owner_of(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[:cut])
        assert owner.out == b"421 4.7.0 This is a mail server\r\n"
        assert owner.session.is_closed
    assert owner_of(b"NO\x00OP\r\nNO\rOP\r\n").out == b"500 5.5.2 Syntax error\r\n" * 2


def test_a_large_message_streams():
    owner = owner_of(ENVELOPE + b"DATA\r\n")
    block = b"0123456789abcdef" * 4 + b"\r\n"
    for _ in range(200):
        owner.feed(block * 16)
    owner.feed(b".\r\n")
    assert owner.events[-1] == BodyEnded(len(block) * 3200, is_ascii=True)
    chunks = [event for event in owner.events if isinstance(event, BodyChunk)]
    assert max(len(chunk.data) for chunk in chunks) <= len(block) * 16 + 4
    assert b"".join(chunk.data for chunk in chunks) == block * 3200


def test_tls_from_the_start_gives_its_facts_before_the_greeting():
    session = Session(SessionSettings("mx.test", is_tls_implicit=True))
    session.tls_started(TlsFacts("TLSv1.3"))
    assert session.tls == TlsFacts("TLSv1.3")
    assert session.greet().startswith(b"220 ")
    with pytest.raises(RuntimeError):
        session.tls_started(TlsFacts())


def test_tls_from_the_start_and_its_eof():
    configuration = SessionSettings("mx.test", is_tls_implicit=True, is_tls_available=True)
    assert b"STARTTLS" not in owner_of(b"EHLO c\r\n", configuration).out
    session = Session(SETTINGS[0])
    session.greet()
    session.receive(b"EHLO c\r\nSTARTTLS\r\n")
    session.next_event()
    assert isinstance(session.next_event(), TlsRequested)
    session.reply()
    assert session.next_event() is PAUSED
    session.receive_eof()
    assert session.next_event() == PeerGone(in_transaction=False)


def test_bdat_of_nothing_and_the_end_it_lacks():
    owner = owner_of(ENVELOPE + b"BDAT 0\r\nBDAT 5\r\nhelloBDAT 0 LAST\r\n")
    assert owner.events[-2:] == [BodyChunk(b"\r\n"), BodyEnded(7, is_ascii=True)]
    assert sum(isinstance(event, DataStarted) for event in owner.events) == 1


def test_verify_may_answer():
    owner = owner_of(b"HELO c\r\n")
    owner.decisions = ["250 2.1.5 Alice <alice@mx.test>"]
    owner.feed("VRFY älice\r\n".encode())
    assert owner.events[-1] == VerifyAsked("älice")
    assert owner.out.endswith(b"250 2.1.5 Alice <alice@mx.test>\r\n")


def test_a_closing_refusal_of_a_chunk_is_said():
    owner = owner_of(ENVELOPE)
    owner.decisions = ["system-shutdown"]
    owner.feed(b"BDAT 3 LAST\r\nabc")
    assert owner.out.endswith(b"421 4.3.2 Service shutting down\r\n")
    assert owner.session.is_closed


@pytest.mark.parametrize(
    "wire",
    [
        b"AUTH PLAIN " + b"c2VjcmV0" * 2000 + b"\r\n",
        b"AUTH FOO c2VjcmV0\r\n",
        b"c2VjcmV0c2VjcmV0\r\n",
        b"cecrecx\r\n",
        b"c2VjcmV0\n",
        b"AUTH PLAIN c2VjcmV0\n",
    ],
)
def test_no_password_in_what_is_logged(wire):
    owner = owner_of(b"HELO c\r\n", SETTINGS[2])
    owner.feed(wire)
    assert isinstance(owner.events[-1], Refused)
    assert owner.events[-1].line in {b"", b"AUTH"}


def test_no_password_in_the_repr_of_an_event():
    owner = owner_of(b"HELO c\r\n", SETTINGS[2])
    owner.decisions = ["334 "]
    owner.feed(b"AUTH PLAIN c2VjcmV0\r\nc2VjcmV0\r\n")
    assert [repr(event) for event in owner.events[1:]] == [
        "AuthStarted(mechanism='PLAIN', 6 octets)",
        "AuthResponse(6 octets)",
    ]
