"""Letters from our own users: who may send as whom, what is completed, signed and sent on."""

import base64

import pytest

from postier.accounts.aliases import add_alias
from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey, KeyState
from postier.accounts.dkim_stages import activate_keys, publish_keys
from postier.accounts.limiter import FREE_BY_ACCOUNT
from postier.accounts.unsigned_mail import unsigned_mail
from postier.mailauth.dkim import generate_key, private_pem
from postier.mime.address import Address
from postier.mta.trace_rows import events_of
from postier.smtp.settings import Role
from tests.servers.smtp_server import HOSTNAME, PASSWORD, counts, letters

LETTER = (
    b"From: Alice <alice@alpha.test>\r\nTo: c@remote.test\r\nSubject: Hello\r\n"
    b"Date: Mon, 21 Sep 2026 12:00:00 +0000\r\nMessage-ID: <1@alpha.test>\r\n\r\nHi.\r\n"
)


@pytest.fixture
def submission(start):
    async def begin(**options):
        return await start(role=Role.SUBMISSION, tls=True, **options)

    return begin


@pytest.fixture
def submission_embedded(start_embedded):
    async def begin(**options):
        return await start_embedded(role=Role.SUBMISSION, tls=True, **options)

    return begin


def from_(author: str, extra: str = "") -> bytes:
    return f"{extra}From: {author}\r\nSubject: x\r\n\r\nHi.\r\n".encode()


# Logging in


async def test_no_login_without_tls(submission_embedded):
    node = await submission_embedded()
    client = await node.greeted()
    assert "AUTH" not in client.replies[-1]
    assert (await client.login("alice@alpha.test", PASSWORD))[:3] in {"530", "538"}
    assert (await client.say("MAIL FROM:<alice@alpha.test>")).startswith("530 5.7.0 ")


async def test_no_mail_without_a_login(submission_embedded):
    node = await submission_embedded()
    client = await node.secured()
    assert "AUTH PLAIN LOGIN" in client.replies[-1]
    assert (await client.say("MAIL FROM:<alice@alpha.test>")).startswith("530 5.7.0 ")
    assert (await client.say("RCPT TO:<bob@alpha.test>")).startswith("5")


async def test_auth_login_in_steps(submission_embedded):
    node = await submission_embedded()
    client = await node.secured()
    assert (await client.say("AUTH LOGIN")).startswith("334 ")
    assert (await client.say(base64.b64encode(b"alice@alpha.test").decode())).startswith("334 ")
    assert (await client.say(base64.b64encode(PASSWORD.encode()).decode())).startswith("235 2.7.0 ")
    assert (await client.say("AUTH PLAIN")).startswith("503 ")


@pytest.mark.parametrize(
    ("line", "reply"),
    [("AUTH GSSAPI", "504 "), ("AUTH PLAIN !!!", "501 "), ("AUTH PLAIN =", "535 "), ("AUTH", "501 ")],
)
async def test_logins_that_are_none(submission_embedded, line, reply):
    node = await submission_embedded()
    client = await node.secured()
    assert (await client.say(line)).startswith(reply)
    assert (await client.login("alice@alpha.test", PASSWORD)).startswith("235 ")


async def test_a_cancelled_login(submission_embedded):
    node = await submission_embedded()
    client = await node.secured()
    assert (await client.say("AUTH PLAIN")).startswith("334 ")
    assert (await client.say("*")).startswith("501 ")
    assert (await client.login("alice@alpha.test", PASSWORD)).startswith("235 ")


async def test_failures_are_counted_over_connections(submission):
    """SECURITY 28: one count, whichever connection."""
    node = await submission()
    for number in range(FREE_BY_ACCOUNT + 1):
        client = await node.secured()
        assert (await client.login("alice@alpha.test", f"wrong {number}")).startswith("535 5.7.8 ")
    client = await node.secured()
    assert (await client.login("alice@alpha.test", PASSWORD)).startswith("454 4.7.0 ")
    assert (await client.login("bob@alpha.test", PASSWORD)).startswith("235 ")


# Who may send as whom


@pytest.mark.parametrize(
    "sender",
    ["bob@alpha.test", "nobody@alpha.test", "alice@remote.test", "alice@beta.test", "team@alpha.test"],
)
async def test_the_envelope_of_another(submission, sender):
    node = await submission()
    client = await node.user()
    reply = await client.say(f"MAIL FROM:<{sender}>")
    if sender == "team@alpha.test":  # it leads to her
        assert reply.startswith("250 ")
    else:
        assert reply == f"553 5.7.1 alice@alpha.test may not send as {sender}"


@pytest.mark.parametrize(
    "author",
    [
        "bob@alpha.test",
        "Alice <bob@alpha.test>",
        "alice@alpha.test, bob@alpha.test",
        '"alice@alpha.test" <bob@alpha.test>',
        "Friends: alice@alpha.test, bob@alpha.test;",
        "=?utf-8?q?alice=40alpha.test?= <ceo@bank.test>",
        "bob@alpha.test (alice@alpha.test)",
    ],
)
async def test_the_author_field_of_another(submission_embedded, author):
    node = await submission_embedded()
    client = await node.user()
    reply = await client.mail("alice@alpha.test", "bob@alpha.test", letter=from_(author))
    assert reply.startswith("553 5.7.1 alice@alpha.test may not write as ")
    assert await counts(node.store) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("sender", "reply"),
    [
        ("bob@alpha.test", "553 5.7.1 alice@alpha.test may not write as bob@alpha.test"),
        ("ceo@bank.test", "553 5.7.1 alice@alpha.test may not write as ceo@bank.test"),
        ("alice@alpha.test, ceo@bank.test", "553 5.7.1 alice@alpha.test may not write as ceo@bank.test"),
        ("", "554 5.6.0 The Sender field names no address"),
        ("alice@alpha.test\r\nSender: alice@alpha.test", "554 5.6.0 Message has more than one Sender field"),
        ("Alice <alice@alpha.test>", "250 2.0.0 Accepted as "),
        ("team@alpha.test", "250 2.0.0 Accepted as "),
    ],
)
async def test_the_sender_field_of_another(submission_embedded, sender, reply):
    node = await submission_embedded()
    client = await node.user()
    letter = from_("alice@alpha.test", f"Sender: {sender}\r\n")
    assert (await client.mail("alice@alpha.test", "bob@alpha.test", letter=letter)).startswith(reply)


@pytest.mark.parametrize(
    "letter",
    [
        from_("alice@alpha.test", "From: bob@alpha.test\r\n"),
        from_("alice@alpha.test", "FROM : alice@alpha.test\r\n"),
        from_("<>"),
        from_("nobody in particular"),
        from_(""),
    ],
    ids=["two", "two-alike", "null", "words", "empty"],
)
async def test_author_fields_that_are_none(submission_embedded, letter):
    node = await submission_embedded()
    client = await node.user()
    reply = await client.mail("alice@alpha.test", "bob@alpha.test", letter=letter)
    assert reply.startswith(("554 5.6.0 ", "553 5.7.1 "))
    assert await counts(node.store) == (0, 0, 0, 0, 0)


async def test_another_behind_a_line_that_is_no_field(submission_embedded):
    """What a lenient reader would still take for the header is not hidden from the rule (SECURITY 31, 44)."""
    node = await submission_embedded()
    client = await node.user()
    letter = b"From: alice@alpha.test\r\nno field\r\nFrom: bob@alpha.test\r\n\r\nHi.\r\n"
    assert (await client.mail("alice@alpha.test", "bob@alpha.test", letter=letter)).startswith("250 ")
    (found,) = await letters(node.store, "bob@alpha.test")
    assert b"From: alice@alpha.test\r\n\r\nno field\r\n" in found


async def test_addresses_of_her_own(submission, store):
    await store.write(add_alias, Address.parse("office@alpha.test"), [Address.parse("alice@alpha.test")])
    node = await submission()
    client = await node.user()
    for address in ("alice@alpha.test", "Alice+bills@alpha.test", "office@alpha.test"):
        reply = await client.mail(address, "bob@alpha.test", letter=from_(address))
        assert reply.startswith("250 2.0.0 Accepted as ")
    assert len(await letters(store, "bob@alpha.test")) == 3


async def test_a_report_of_a_user(submission_embedded):
    node = await submission_embedded()
    client = await node.user()
    assert (await client.mail("", "bob@alpha.test", letter=from_("alice@alpha.test"))).startswith("250 ")


# What becomes of the letter


async def test_what_is_missing_is_added(submission, store):
    node = await submission()
    client = await node.user()
    reply = await client.mail("alice@alpha.test", "bob@alpha.test", letter=b"Subject: x\r\n\r\nHi.\r\n")
    (letter,) = await letters(store, "bob@alpha.test")
    letter_id = reply.split()[-1]
    unfolded = letter.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    results = b"Authentication-Results: mx.alpha.test; auth=pass smtp.auth=alice@alpha.test\r\n"
    assert unfolded.startswith(b"Return-Path: <alice@alpha.test>\r\n" + results)
    for field in (
        f"Message-ID: <{letter_id}@{HOSTNAME}>",
        "Date: Mon, 21 Sep 2026 14:13:20 +0000",
        "From: alice@alpha.test",
    ):
        assert letter.count(field.encode() + b"\r\n") == 1
    assert b" with ESMTPSA (TLSv1.3 " in unfolded


async def test_it_is_queued_and_filed_in_one(submission, store):
    node = await submission()
    client = await node.user()
    recipients = ("bob@alpha.test", "c@remote.test", "D@Elsewhere.Test", "c@remote.test")
    assert (await client.mail("alice@alpha.test", *recipients, letter=LETTER)).startswith("250 ")
    assert len(await letters(store, "bob@alpha.test")) == 1
    assert sorted(each.forward_path for job in node.jobs for each in job.recipients) == [
        "D@elsewhere.test",
        "c@remote.test",
    ]
    assert {job.message.message_id for job in node.jobs} == {"<1@alpha.test>"}
    relayed = await store.read_blob(node.jobs[0].message.blob_id)
    assert relayed.endswith(LETTER)
    assert b"Return-Path" not in relayed
    assert b"Authentication-Results" not in relayed


async def test_what_is_declared_as_8_bit_and_is_not(submission_embedded):
    """Clients declare BODY=8BITMIME always; a next server without 8BITMIME can take it all the same (RFC 6152 §3)."""
    node = await submission_embedded()
    client = await node.user()
    for letter in (LETTER, LETTER + "Grüße\r\n".encode()):
        await client.mail("alice@alpha.test", "c@remote.test", letter=letter, words=" BODY=8BITMIME")
    assert [job.message.needs_8bit for job in node.jobs] == [False, True]


async def test_blind_copies_are_not_told(submission_embedded):
    node = await submission_embedded()
    client = await node.user()
    letter = from_("alice@alpha.test", "Bcc: secret@remote.test,\r\n bob@alpha.test\r\n")
    await client.mail("alice@alpha.test", "secret@remote.test", "bob@alpha.test", letter=letter)
    (found,) = await letters(node.store, "bob@alpha.test")
    relayed = await node.store.read_blob(node.jobs[0].message.blob_id)
    for content in (found, relayed):
        assert b"secret@" not in content
        assert content.endswith(b"From: alice@alpha.test\r\nSubject: x\r\n\r\nHi.\r\n")


async def test_users_do_not_speak_in_the_name_of_the_server(submission_embedded):
    node = await submission_embedded()
    client = await node.user()
    forged = (
        f"Authentication-Results: {HOSTNAME}; dmarc=pass header.from=bank.test\r\nReturn-Path: <x@y.test>\r\n"
    )
    await client.mail("alice@alpha.test", "bob@alpha.test", letter=from_("alice@alpha.test", forged))
    (found,) = await letters(node.store, "bob@alpha.test")
    assert b"bank.test" not in found
    assert b"x@y.test" not in found


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("nobody@alpha.test", "550 5.1.1 "),
        ("dora@alpha.test", "452 4.2.2 "),
        ("loop@alpha.test", "450 4.2.1 "),
        ("c@remote.test", "250 "),
        ("a%remote.test@alpha.test", "550 "),
    ],
)
async def test_recipients_are_told_at_once(submission_embedded, recipient, reply):
    node = await submission_embedded()
    client = await node.user()
    await client.say("MAIL FROM:<alice@alpha.test>")
    assert (await client.say(f"RCPT TO:<{recipient}>")).startswith(reply)


async def test_a_loop_of_a_program(submission_embedded):
    node = await submission_embedded()
    client = await node.user()
    letter = from_("alice@alpha.test", "Received: from a by b; Mon, 21 Sep 2026 13:33:20 +0000\r\n" * 101)
    assert (await client.mail("alice@alpha.test", "c@remote.test", letter=letter)).startswith("554 5.4.6 ")
    assert not node.jobs


# The alarm of a domain without keys


async def test_what_leaves_unsigned_raises_an_alarm(submission):
    node = await submission()
    client = await node.user()
    letter = from_("alice@alpha.test")
    reply = await client.mail("alice@alpha.test", "bob@alpha.test", letter=letter)
    assert reply.startswith("250 ")
    (alarm,) = await node.store.read(unsigned_mail)
    assert (alarm.domain, alarm.letters) == ("alpha.test", 1)
    events = await node.store.read(events_of, reply.split()[-1])
    assert [event.event for event in events] == ["submitted", "unsigned"]

    pem = private_pem(generate_key("rsa", 1024)).decode()  # short, but verifiers take it: RFC 8301 §3.2
    key = DkimKey("alpha.test", "k", DkimAlgorithm.RSA, pem, KeyState.PUBLISHED)
    await node.store.write(publish_keys, "alpha.test", [key])
    await client.mail("alice@alpha.test", "bob@alpha.test", letter=letter)
    await node.store.write(activate_keys, "alpha.test", ["k"])
    assert await node.store.read(unsigned_mail) == []
    await client.mail("alice@alpha.test", "bob@alpha.test", letter=letter)
    signed = [b"DKIM-Signature" in each for each in await letters(node.store, "bob@alpha.test")]
    assert signed == [False, False, True]
