import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mime.address import Address
from postier.sasl.login import LoginClient
from postier.sasl.plain import PlainClient
from postier.sasl.scram import ScramClient
from postier.smtp import reason
from postier.smtp.client_events import (
    Authenticated,
    AuthRefused,
    Awaiting,
    BodyWanted,
    DialogueEnded,
    DialogueSettings,
    HelloAnswered,
    MessageSettled,
    ServerRefused,
    TlsReady,
    TlsRefused,
)
from postier.smtp.envelope import Deferred, Delivered, Envelope, EnvelopeRecipient, Failed
from postier.smtp.events import CLOSED, NEED_DATA, PAUSED
from postier.smtp.parameters import Notify, OriginalRecipient, RecipientParameters, Return
from tests.smtp.playbook import EHLO, SETTINGS, Playbook

ALICE = Address("alice", "alpha.test")
PLAIN_EHLO = "250-mx.test\r\n250 HELP\r\n"
TLS_SETTINGS = DialogueSettings("me.test", is_tls_implicit=True)


def to(*addresses, **options):
    return Envelope(ALICE, tuple(EnvelopeRecipient(Address.parse(one)) for one in addresses), **options)


def kinds(book):
    return [type(result) for result in book.last.results]


@pytest.mark.parametrize("step", [None, 1, 2, 5])
def test_a_pipelined_letter(step):
    book = Playbook(step=step)
    book.hears("220-mx.test\r\n220 hello\r\n").says("EHLO me.test\r\n").hears(EHLO).sees(HelloAnswered)
    assert book.last.extensions.max_size_bytes == 1000
    assert book.signal is PAUSED
    book.does(book.dialogue.send(to("bob@b.test", "eve@b.test", "joe@b.test", size_bytes=10)))
    book.says(
        "MAIL FROM:<alice@alpha.test> SIZE=10\r\nRCPT TO:<bob@b.test>\r\nRCPT TO:<eve@b.test>\r\n"
        "RCPT TO:<joe@b.test>\r\nDATA\r\n"
    )
    assert book.signal is NEED_DATA
    book.hears("250 2.1.0 ok\r\n250 2.1.5 ok\r\n550 5.1.1 who?\r\n450 4.2.1 later\r\n354 go\r\n").sees(
        BodyWanted
    )
    assert book.dialogue.awaiting is Awaiting.BODY
    book.does(book.dialogue.body(b"a\r\n.b")).does(book.dialogue.body(b"\r\n.")).does(
        book.dialogue.end_body()
    )
    book.says("a\r\n..b\r\n..\r\n.\r\n")
    assert book.dialogue.awaiting is Awaiting.RESULT
    book.hears("250 2.0.0 queued\r\n").sees(MessageSettled)
    assert kinds(book) == [Delivered, Failed, Deferred]
    assert [str(result.recipient.address) for result in book.last.results] == [
        "bob@b.test",
        "eve@b.test",
        "joe@b.test",
    ]
    assert book.last.results[0].reply.text == "queued"
    assert book.last.results[1].cause.enhanced == "5.1.1"
    # the connection serves another message, without RSET
    book.does(book.dialogue.send(to("bob@b.test"))).says(
        "MAIL FROM:<alice@alpha.test>\r\nRCPT TO:<bob@b.test>\r\nDATA\r\n"
    )
    book.hears("250 ok\r\n250 ok\r\n354 go\r\n").sees(BodyWanted)
    book.does(book.dialogue.end_body()).says(".\r\n").hears("554 5.7.1 spam\r\n").sees(MessageSettled)
    assert kinds(book) == [Failed]
    book.does(book.dialogue.quit()).says("QUIT\r\n").hears("221 bye\r\n").sees(DialogueEnded)
    assert book.last.cause is None
    assert book.signal is CLOSED


def test_without_pipelining_one_by_one():
    book = Playbook().greeted(PLAIN_EHLO)
    book.does(book.dialogue.send(to("bob@b.test", "eve@b.test"))).says("MAIL FROM:<alice@alpha.test>\r\n")
    book.hears("250 ok\r\n").says("RCPT TO:<bob@b.test>\r\n").hears("550 no\r\n").says(
        "RCPT TO:<eve@b.test>\r\n"
    )
    assert book.dialogue.awaiting is Awaiting.COMMAND
    book.hears("250 ok\r\n").says("DATA\r\n")
    assert book.dialogue.awaiting is Awaiting.DATA
    book.hears("354 go\r\n").sees(BodyWanted)


def test_without_pipelining_nothing_is_said_in_vain():
    book = Playbook().greeted(PLAIN_EHLO)
    book.does(book.dialogue.send(to("bob@b.test", "eve@b.test"))).says("MAIL FROM:<alice@alpha.test>\r\n")
    book.hears("451 4.7.1 greylisted\r\n").says("").sees(MessageSettled)
    assert kinds(book) == [Deferred, Deferred]
    # MAIL was refused: no transaction to reset
    book.does(book.dialogue.send(to("bob@b.test"))).says("MAIL FROM:<alice@alpha.test>\r\n").hears(
        "250 ok\r\n"
    )
    book.says("RCPT TO:<bob@b.test>\r\n").hears("550 no\r\n").says("").sees(MessageSettled)
    assert kinds(book) == [Failed]
    # the transaction is still open at the server: RSET first
    book.does(book.dialogue.send(to("bob@b.test"))).says("RSET\r\n").hears("250 ok\r\n").says(
        "MAIL FROM:<alice@alpha.test>\r\n"
    )


def test_all_recipients_refused_but_data_accepted():
    # RFC 2920 §3.1: then a single dot
    book = Playbook().greeted()
    book.does(book.dialogue.send(to("bob@b.test")))
    book.out = b""
    book.hears("250 ok\r\n550 no\r\n354 go\r\n").says(".\r\n").sees()
    book.hears("554 no valid recipients\r\n").sees(MessageSettled)
    assert kinds(book) == [Failed]
    assert book.last.results[0].cause.code == 550
    book.does(book.dialogue.send(to("bob@b.test")))
    assert not book.out.startswith(b"RSET")


def test_mail_refused_while_pipelining():
    book = Playbook().greeted()
    book.does(book.dialogue.send(to("bob@b.test", "eve@b.test")))
    book.hears("553 5.7.1 not you\r\n503 5.5.1 no MAIL\r\n250 odd\r\n503 5.5.1 no\r\n").sees(MessageSettled)
    assert kinds(book) == [Failed, Failed]
    assert {result.cause.code for result in book.last.results} == {553}


def test_data_refused_is_the_fate_of_the_accepted():
    book = Playbook().greeted()
    book.does(book.dialogue.send(to("bob@b.test", "eve@b.test")))
    book.hears("250 ok\r\n250 ok\r\n550 no\r\n452 4.3.1 full\r\n").sees(MessageSettled)
    assert kinds(book) == [Deferred, Failed]
    assert book.last.results[0].cause.code == 452


def test_552_for_too_many_recipients_is_temporary():
    # RFC 5321 §4.5.3.1.10
    book = Playbook().greeted()
    book.does(book.dialogue.send(to("a@b.test", "b@b.test", "c@b.test", "d@b.test")))
    book.hears(
        "250 ok\r\n250 ok\r\n552 too many\r\n552 5.2.2 over quota\r\n552 5.5.3 too many\r\n354 go\r\n"
    ).sees(BodyWanted)
    book.dialogue.body(b"x\r\n")
    book.dialogue.end_body()
    book.hears("250 ok\r\n").sees(MessageSettled)
    assert kinds(book) == [Delivered, Deferred, Failed, Deferred]


def test_parameters_are_sent_where_offered():
    recipient = EnvelopeRecipient(
        Address.parse("bob@b.test"),
        RecipientParameters(Notify.SUCCESS | Notify.FAILURE, OriginalRecipient("rfc822", "bob@b.test")),
    )
    envelope = Envelope(None, (recipient,), size_bytes=5, is_8bit=True, ret=Return.HEADERS, envid="x y")
    book = Playbook().greeted()
    book.does(book.dialogue.send(envelope)).says(
        "MAIL FROM:<> SIZE=5 BODY=8BITMIME RET=HDRS ENVID=x+20y\r\n"
        "RCPT TO:<bob@b.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@b.test\r\nDATA\r\n"
    )
    book = Playbook().greeted(PLAIN_EHLO)
    book.does(book.dialogue.send(Envelope(None, (recipient,), size_bytes=5, envid="x"))).says(
        "MAIL FROM:<>\r\n"
    )


@pytest.mark.parametrize(
    ("options", "enhanced"),
    [
        ({"is_8bit": True}, "5.6.3"),
        ({"has_utf8_headers": True}, "5.6.9"),
        ({"requires_tls": True}, "5.7.10"),
    ],
)
def test_what_the_server_cannot_take_is_not_sent(options, enhanced):
    book = Playbook().greeted(PLAIN_EHLO)
    book.does(book.dialogue.send(to("bob@b.test", **options))).says("").sees(MessageSettled)
    assert kinds(book) == [Failed]
    assert book.last.results[0].cause.enhanced == enhanced


def test_size_and_requiretls_obstacles():
    book = Playbook().greeted()
    book.does(book.dialogue.send(to("bob@b.test", size_bytes=1001))).sees(MessageSettled)
    assert book.last.results[0].cause.enhanced == "5.3.4"
    book.does(book.dialogue.send(to("bob@b.test", size_bytes=1000))).sees()
    book = Playbook(TLS_SETTINGS).greeted()
    book.does(book.dialogue.send(to("bob@b.test", requires_tls=True))).sees(MessageSettled)
    assert book.last.results[0].cause.enhanced == "5.7.30"
    book = Playbook(TLS_SETTINGS).greeted("250-mx.test\r\n250 REQUIRETLS\r\n")
    book.does(book.dialogue.send(to("bob@b.test", requires_tls=True))).says(
        "MAIL FROM:<alice@alpha.test> REQUIRETLS\r\n"
    )


def test_smtputf8():
    book = Playbook().greeted()
    book.does(book.dialogue.send(to("jürgen@müller.test", "bob@b.test")))
    book.says(
        "MAIL FROM:<alice@alpha.test> SMTPUTF8\r\nRCPT TO:<jürgen@xn--mller-kva.test>\r\nRCPT TO:<bob@b.test>\r\nDATA\r\n"
    )
    book = Playbook().greeted(PLAIN_EHLO)
    book.does(book.dialogue.send(to("jürgen@müller.test", "bob@müller.test"))).says(
        "MAIL FROM:<alice@alpha.test>\r\n"
    )
    book.hears("250 ok\r\n").says("RCPT TO:<bob@xn--mller-kva.test>\r\n").hears("250 ok\r\n354 go\r\n").sees(
        BodyWanted
    )
    book.dialogue.end_body()
    book.hears("250 ok\r\n").sees(MessageSettled)
    assert kinds(book) == [Failed, Delivered]
    assert book.last.results[0].cause == reason.NON_ASCII_RECIPIENT
    book.says("DATA\r\n")
    book.does(book.dialogue.send(to("ü@b.test"))).says("").sees(MessageSettled)
    book.does(book.dialogue.send(Envelope(Address("ü", "a.test"), to("bob@b.test").recipients))).sees(
        MessageSettled
    )
    assert book.last.results[0].cause == reason.NON_ASCII_SENDER


@pytest.mark.parametrize("answer", ["500 what?\r\n", "502 no\r\n", "504 5.5.2 no\r\n"])
def test_helo_after_an_old_server_refuses_ehlo(answer):
    book = Playbook().hears("220 old\r\n").says("EHLO me.test\r\n").hears(answer).says("HELO me.test\r\n")
    book.hears("250 hi\r\n").sees(HelloAnswered)
    assert not book.last.extensions.offers
    book = Playbook().hears("220 old\r\n").hears(answer).hears("550 no\r\n").sees(ServerRefused)


@pytest.mark.parametrize(
    "answers", [["554 no mail here\r\n"], ["521 no\r\n"], ["450 busy\r\n"], ["220 x\r\n", "550 not you\r\n"]]
)
def test_the_server_refuses(answers):
    book = Playbook()
    for answer in answers:
        book.hears(answer)
    book.sees(ServerRefused)
    assert book.out.endswith(b"QUIT\r\n")
    book.loses().sees(DialogueEnded)
    assert book.last.cause is None


def test_421_in_place_of_the_greeting():
    book = Playbook().hears("421 4.3.2 shutting down\r\n").sees(DialogueEnded)
    assert book.last.cause.code == 421
    assert book.signal is CLOSED


LETTER = [
    ("send", "250 ok\r\n"),
    (None, "250 ok\r\n"),
    (None, "354 go\r\n"),
    ("body", None),
    ("end", "250 ok\r\n"),
]


@pytest.mark.parametrize("how", ["loss", "421", "nonsense", "timeout"])
@pytest.mark.parametrize("point", range(len(LETTER)))
def test_the_connection_breaks_at_each_point(point, how):
    book = Playbook().greeted(PLAIN_EHLO)
    for number, (action, answer) in enumerate(LETTER):
        if action == "send":
            book.does(book.dialogue.send(to("bob@b.test", "eve@b.test"))).hears("250 ok\r\n")
        elif action == "body":
            book.does(book.dialogue.body(b"half\r\n"))
        elif action == "end":
            book.does(book.dialogue.end_body())
        if number == point:
            break
        if answer:
            book.hears(answer)
    book.seen.clear()
    match how:
        case "loss":
            book.loses()
        case "421":
            book.hears("421 4.3.2 shutting down\r\n")
        case "nonsense":
            book.hears("hello?\r\n")
        case "timeout":
            book.dialogue.give_up(reason.TIMEOUT)
            book.run()
    book.sees(MessageSettled, DialogueEnded)
    assert book.last.cause is not None
    assert book.signal is CLOSED


def test_loss_after_the_dot_is_not_delivery():
    book = Playbook().greeted()
    book.does(book.dialogue.send(to("bob@b.test"))).hears("250 ok\r\n250 ok\r\n354 go\r\n").sees(BodyWanted)
    book.dialogue.end_body()
    book.loses()
    settled = book.seen[0]
    assert [type(result) for result in settled.results] == [Deferred]
    assert "after the message was sent" in settled.results[0].cause.text
    # but a reply that arrived before the loss counts
    book = Playbook().greeted()
    book.does(book.dialogue.send(to("bob@b.test"))).hears("250 ok\r\n250 ok\r\n354 go\r\n").sees(BodyWanted)
    book.dialogue.end_body()
    book.dialogue.receive(b"250 ok\r\n")
    book.loses().sees(MessageSettled, DialogueEnded)


def test_a_refusal_amid_the_body_is_final():
    book = Playbook().greeted()
    book.does(book.dialogue.send(to("bob@b.test"))).hears("250 ok\r\n250 ok\r\n354 go\r\n").sees(BodyWanted)
    book.does(book.dialogue.body(b"x\r\n" * 9)).hears("552 5.3.4 too big\r\n").sees(
        MessageSettled, DialogueEnded
    )
    assert book.last.cause.code == 552


def test_nothing_can_be_injected_into_commands_or_bodies():
    book = Playbook().greeted()
    evil = Envelope(ALICE, (EnvelopeRecipient(Address("bob>\r\nDATA\r\n", "b.test")),))
    with pytest.raises(ValueError):
        book.dialogue.send(evil)
    book = Playbook().greeted()
    book.does(book.dialogue.send(to("bob@b.test"))).hears("250 ok\r\n250 ok\r\n354 go\r\n")
    with pytest.raises(ValueError):
        book.dialogue.body(b"a\n.\nMAIL FROM:<x@y>")


def test_turns_are_checked():
    book = Playbook()
    for act in (
        book.dialogue.quit,
        book.dialogue.start_tls,
        book.dialogue.tls_started,
        book.dialogue.end_body,
    ):
        with pytest.raises(RuntimeError):
            act()
    with pytest.raises(RuntimeError):
        book.dialogue.send(to("a@b.test"))
    book.greeted()
    with pytest.raises(ValueError):
        book.dialogue.send(Envelope(ALICE, ()))
    with pytest.raises(RuntimeError):
        book.dialogue.body(b"")


def test_starttls():
    book = Playbook().greeted()
    book.does(book.dialogue.start_tls()).says("STARTTLS\r\n").hears("454 4.7.0 not now\r\n").sees(TlsRefused)
    book.does(book.dialogue.start_tls()).hears("220 go\r\n").sees(TlsReady)
    assert book.signal is PAUSED
    book.out = b""
    book.does(book.dialogue.tls_started()).says("EHLO me.test\r\n").hears(PLAIN_EHLO).sees(HelloAnswered)
    assert not book.last.extensions.has("STARTTLS")
    assert book.dialogue.is_tls
    with pytest.raises(RuntimeError):
        book.dialogue.start_tls()


def test_login():
    ehlo = "250-mx.test\r\n250 AUTH PLAIN LOGIN SCRAM-SHA-256\r\n"
    book = Playbook().greeted(ehlo)
    with pytest.raises(RuntimeError, match="TLS"):
        book.dialogue.authenticate(PlainClient("a", "b"))
    book = Playbook(TLS_SETTINGS).greeted(ehlo)
    book.does(book.dialogue.authenticate(PlainClient("a", "b"))).says("AUTH PLAIN AGEAYg==\r\n")
    book.hears("535 5.7.8 no\r\n").sees(AuthRefused)
    book.does(book.dialogue.authenticate(LoginClient("a", "b"))).says("AUTH LOGIN\r\n").hears(
        "334 VXNlcm5hbWU6\r\n"
    )
    book.says("YQ==\r\n").hears("334 UGFzc3dvcmQ6\r\n").says("Yg==\r\n").hears("235 2.7.0 ok\r\n").sees(
        Authenticated
    )
    assert book.dialogue.is_authenticated
    # RFC 4954 §5: then every message says AUTH=<>
    book.does(book.dialogue.send(to("bob@b.test"))).says("MAIL FROM:<alice@alpha.test> AUTH=<>\r\n")


def test_an_initial_response_too_long_for_the_command_waits():
    book = Playbook(TLS_SETTINGS).greeted("250-mx.test\r\n250 AUTH PLAIN\r\n")
    book.does(book.dialogue.authenticate(PlainClient("a", "b" * 400))).says("AUTH PLAIN\r\n").hears(
        "334 \r\n"
    )
    assert len(book.out) > 500
    book.hears("235 ok\r\n").sees(Authenticated)


def test_a_server_that_does_not_prove_itself_is_refused():
    ehlo = "250-mx.test\r\n250 AUTH SCRAM-SHA-256\r\n"
    book = Playbook().greeted(ehlo)
    book.does(book.dialogue.authenticate(ScramClient("user", "pencil", "rOprNGfwEbeRWgbNEkqO"))).hears(
        "235 welcome\r\n"
    )
    book.sees(AuthRefused)
    assert not book.dialogue.is_authenticated
    book.out = b""
    book.does(book.dialogue.authenticate(ScramClient("user", "pencil", "abc"))).hears("334 eA==\r\n")
    assert book.out.endswith(b"*\r\n")
    book.hears("501 cancelled\r\n").sees(AuthRefused)
    book.does(book.dialogue.authenticate(ScramClient("user", "pencil", "abc"))).hears("334 !!\r\n")
    assert book.out.endswith(b"*\r\n")


def test_lmtp():
    book = Playbook(DialogueSettings("me.test", is_lmtp=True))
    book.hears("220 lmtp\r\n").says("LHLO me.test\r\n").hears(EHLO).sees(HelloAnswered)
    book.does(book.dialogue.send(to("a@b.test", "b@b.test", "c@b.test")))
    book.hears("250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n").sees(BodyWanted)
    book.dialogue.end_body()
    book.hears("250 a delivered\r\n").sees()
    book.hears("452 4.2.2 c is full\r\n").sees(MessageSettled)
    assert kinds(book) == [Delivered, Failed, Deferred]
    # RFC 2033 §5: what arrived counts, the rest is temporary
    book.does(book.dialogue.send(to("a@b.test", "b@b.test"))).hears(
        "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"
    ).sees(BodyWanted)
    book.dialogue.end_body()
    book.hears("250 a delivered\r\n").loses()
    assert [type(result) for result in book.seen[0].results] == [Delivered, Deferred]
    book = (
        Playbook(DialogueSettings("me.test", is_lmtp=True))
        .hears("220 x\r\n")
        .hears("500 smtp here\r\n")
        .sees(ServerRefused)
    )


def test_timeouts_are_those_of_the_rfc():
    # RFC 5321 §4.5.3.2
    assert [one.timeout_s for one in (Awaiting.GREETING, Awaiting.COMMAND, Awaiting.DATA)] == [300, 300, 120]
    assert [one.timeout_s for one in (Awaiting.BODY, Awaiting.RESULT)] == [180, 600]
    assert Playbook().dialogue.awaiting is Awaiting.GREETING


REPLIES = st.sampled_from(
    [
        "220 x\r\n",
        EHLO,
        PLAIN_EHLO,
        "250 ok\r\n",
        "354 go\r\n",
        "450 4.2.1 no\r\n",
        "550 5.1.1 no\r\n",
        "421 bye\r\n",
        "334 \r\n",
        "what\r\n",
        "250-half\r\n",
        "503 no\r\n",
        "299\r\n",
    ]
)


@settings(max_examples=150)
@given(st.lists(REPLIES, max_size=12), st.booleans(), st.integers(1, 9))
def test_whatever_the_server_says_each_recipient_gets_one_result(replies, is_lmtp, step):
    def play(step):
        book = Playbook(DialogueSettings("me.test", is_lmtp=is_lmtp), step)
        sent = 0
        for reply in ["220 x\r\n", EHLO, *replies]:
            if book.signal is CLOSED:
                break
            if book.signal is PAUSED and isinstance(book.seen[-1], BodyWanted):
                book.does(book.dialogue.body(b"x\r\n")).does(book.dialogue.end_body())
            elif book.signal is PAUSED:
                book.does(book.dialogue.send(to("a@b.test", "b@b.test")))
                sent += 1
            book.hears(reply)
        book.loses()
        settled = [event for event in book.seen if isinstance(event, MessageSettled)]
        assert len(settled) == sent
        assert all(len(event.results) == 2 for event in settled)
        assert isinstance(book.seen[-1], DialogueEnded)
        assert book.signal is CLOSED
        return book.seen, book.out

    whole = play(None)
    assert play(step) == whole


@given(st.binary(max_size=200))
def test_any_octets_end_in_an_end(octets):
    book = Playbook(SETTINGS)
    book.dialogue.receive(octets)
    book.run().loses()
    assert isinstance(book.seen[-1], DialogueEnded)
