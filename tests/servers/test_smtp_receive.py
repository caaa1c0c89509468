"""Letters from other servers: who gets what, what is refused, what is put on top."""

import msgspec
import pytest

from postier.accounts.aliases import add_alias
from postier.mime.address import Address
from postier.mta.letter_id import parse_letter_id
from tests.servers.smtp_server import HOSTNAME, QUOTA, counts, letters

LETTER = (
    b"From: Zoe <zoe@remote.test>\r\nTo: all@alpha.test\r\nSubject: Hello\r\n"
    b"Message-ID: <1@remote.test>\r\n\r\nHi.\r\n"
)
ZONES = {
    ".": "",
    "spoofed.test": '@ IN TXT "v=spf1 -all"\n_dmarc IN TXT "v=DMARC1; p=reject"\n',
    "shady.test": '@ IN TXT "v=spf1 ?all"\n_dmarc IN TXT "v=DMARC1; p=quarantine"\n',
    "honest.test": '@ IN TXT "v=spf1 ip4:127.0.0.0/8 -all"\n_dmarc IN TXT "v=DMARC1; p=reject"\n',
    "in-addr.arpa": "1.0.0.127 IN PTR client.honest.test.\n",
    "client.honest.test": "@ IN A 127.0.0.1\n",
}


def letter_from(author: str, *, extra: str = "", body: str = "Hi.") -> bytes:
    return (
        f"{extra}From: {author}\r\nSubject: Hello\r\nMessage-ID: <2@remote.test>\r\n\r\n{body}\r\n"
    ).encode()


def header_of(letter: bytes) -> list[str]:
    """The unfolded fields of a letter."""
    return (
        letter.partition(b"\r\n\r\n")[0].decode().replace("\r\n\t", " ").replace("\r\n ", " ").split("\r\n")
    )


async def test_one_letter_for_several_is_stored_once(start, store):
    node = await start()
    client = await node.greeted()
    reply = await client.mail(
        "zoe@remote.test", "alice@alpha.test", "bob@alpha.test", "alice+news@alpha.test", letter=LETTER
    )
    assert reply.startswith("250 2.0.0 Accepted as ")
    assert parse_letter_id(reply.split()[-1]) is not None
    (alice,), (bob,) = await letters(store, "alice@alpha.test"), await letters(store, "bob@alpha.test")
    assert alice == bob
    assert alice.endswith(LETTER)
    assert await counts(store) == (2, 2, 0, 1, 1)


@pytest.mark.parametrize(
    ("recipient", "accounts"),
    [
        ("Alice@ALPHA.test", ["alice"]),
        ("alice+bills@alpha.test", ["alice"]),
        ("team@alpha.test", ["alice", "bob"]),
        ("team+x@alpha.test", ["alice", "bob"]),
        ("anybody@beta.test", ["bob"]),
        ("postmaster@alpha.test", ["alice"]),
        ("Postmaster", ["alice"]),
    ],
)
async def test_every_way_to_an_account(start, store, recipient, accounts):
    node = await start()
    client = await node.greeted()
    assert (await client.mail("", recipient, letter=LETTER)).startswith("250 ")
    for name in ("alice", "bob", "carole"):
        assert len(await letters(store, f"{name}@alpha.test")) == (name in accounts), name
    assert not node.jobs


async def test_an_alias_leads_here_and_elsewhere(start, store):
    node = await start()
    client = await node.greeted()
    assert (await client.mail("zoe@remote.test", "both@alpha.test", letter=LETTER)).startswith("250 ")
    (carole,) = await letters(store, "carole@alpha.test")
    (job,) = node.jobs
    assert [each.forward_path for each in job.recipients] == ["carl@elsewhere.test"]
    assert job.message.reverse_path == "zoe@remote.test"
    assert job.message.message_id == "<1@remote.test>"
    relayed = await store.read_blob(job.message.blob_id)
    assert carole == b"Return-Path: <zoe@remote.test>\r\n" + relayed  # RFC 5321 §4.4: final delivery only


async def test_the_fields_on_top(start, store):
    node = await start(zones=ZONES, exempt=False)
    client = await node.greeted()
    reply = await client.mail("a@honest.test", "alice@alpha.test", letter=letter_from("a@honest.test"))
    (letter,) = await letters(store, "alice@alpha.test")
    return_path, results, received, *_ = header_of(letter)
    assert return_path == "Return-Path: <a@honest.test>"
    assert results.startswith(f"Authentication-Results: {HOSTNAME};")
    for word in ("spf=pass", "dkim=none", "dmarc=pass", "iprev=pass"):
        assert word in results
    assert received == (
        f"Received: from client.test (client.honest.test [127.0.0.1]) by {HOSTNAME} (Postier) with ESMTP"
        f" id {reply.split()[-1]} for <alice@alpha.test>; Mon, 21 Sep 2026 14:13:20 +0000"
    )


async def test_blind_recipients_stay_blind(start, store):
    node = await start()
    client = await node.greeted()
    await client.mail("z@remote.test", "alice@alpha.test", "bob@alpha.test", letter=LETTER)
    (letter,) = await letters(store, "alice@alpha.test")
    assert b"bob@" not in letter  # RFC 5321 §7.2


async def test_tls_is_told_in_received(start, store):
    node = await start(tls=True)
    client = await node.secured()
    assert (await client.mail("z@remote.test", "alice@alpha.test", letter=LETTER)).startswith("250 ")
    (letter,) = await letters(store, "alice@alpha.test")
    assert " with ESMTPS (TLSv1.3 TLS_" in letter.decode().replace("\r\n\t", " ")


FORGED = (
    f"Authentication-Results: {HOSTNAME}; spf=pass smtp.mailfrom=bank.test; dkim=pass\r\n",
    f"Authentication-Results:\r\n {HOSTNAME.upper()} 1; spf=pass\r\n",
    f"AUTHENTICATION-RESULTS : {HOSTNAME}; dmarc=pass\r\n",
)


@pytest.mark.parametrize("body", ["\r\nHi.\r\n", "\r\n", ""], ids=["body", "empty-body", "no-empty-line"])
async def test_forged_results_go_and_others_stay(start, store, body):
    node = await start()
    client = await node.greeted()
    other = "Authentication-Results: mx.elsewhere.test; spf=pass\r\n"
    letter = f"{''.join(FORGED)}{other}From: a@bank.test\r\n{body}".encode()
    assert (await client.mail("a@bank.test", "alice@alpha.test", letter=letter)).startswith("250 ")
    (found,) = await letters(store, "alice@alpha.test")
    results = [field for field in header_of(found) if field.lower().startswith("authentication-results")]
    assert len(results) == 2
    assert HOSTNAME in results[0]
    assert "mx.elsewhere.test" in results[1]


# What is refused


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("nobody@alpha.test", "550 5.1.1 There is no nobody@alpha.test here"),
        ("victim@remote.test", "550 5.7.1 remote.test is not served here"),
        ("dora@alpha.test", "452 4.2.2 Mailbox is full"),
        ("loop@alpha.test", "450 4.2.1 Mailbox is not available now"),
        ("postmaster@remote.test", "550 5.7.1 remote.test is not served here"),
        ("alice@[127.0.0.1]", "550 5.7.1 [127.0.0.1] is not served here"),
    ],
)
async def test_recipients_are_refused_at_rcpt(start, recipient, reply):
    node = await start()
    client = await node.greeted()
    await client.say("MAIL FROM:<zoe@remote.test>")
    assert await client.say(f"RCPT TO:<{recipient}>") == reply
    assert (await client.say("DATA")).startswith("554 ")


async def test_a_declared_size_over_the_quota(start):
    node = await start()
    client = await node.greeted()
    await client.say(f"MAIL FROM:<zoe@remote.test> SIZE={QUOTA + 1}")
    assert await client.say("RCPT TO:<carole@alpha.test>") == "452 4.2.2 Mailbox is full"
    assert (await client.say("RCPT TO:<alice@alpha.test>")).startswith("250 ")


async def test_a_full_account_behind_an_alias_is_told_at_rcpt(start, store):
    """SECURITY 32."""
    await store.write(
        add_alias,
        Address.parse("some@alpha.test"),
        [Address.parse(f"{x}@alpha.test") for x in ("bob", "dora")],
    )
    node = await start()
    client = await node.greeted()
    await client.say("MAIL FROM:<zoe@remote.test>")
    assert (await client.say("RCPT TO:<some@alpha.test>")).startswith("452 ")


async def test_a_disowned_letter_is_junk(start, store):
    node = await start(zones=ZONES)
    client = await node.greeted()
    reply = await client.mail("a@shady.test", "alice@alpha.test", letter=letter_from("a@shady.test"))
    assert reply.startswith("250 ")
    assert await letters(store, "alice@alpha.test") == []
    (junk,) = await letters(store, "alice@alpha.test", "Junk")
    assert b"dmarc=fail" in junk


@pytest.mark.parametrize("extra", ["", "List-ID: <a.lists.test>\r\n"], ids=["letter", "list"])
async def test_a_disowned_unsigned_letter_from_a_forbidden_server_is_refused(start, store, extra):
    node = await start(zones=ZONES)
    client = await node.greeted()
    letter = letter_from("a@spoofed.test", extra=extra)
    reply = await client.mail("a@spoofed.test", "alice@alpha.test", letter=letter)
    if extra:  # a mailing list breaks what would prove its letters
        assert reply.startswith("250 ")
        assert len(await letters(store, "alice@alpha.test", "Junk")) == 1
    else:
        assert reply == ("550 5.7.26 spoofed.test asks to refuse mail that is not proved to be its own")
        assert await counts(store) == (0, 0, 0, 1, 0)  # the verdict alone


async def test_a_letter_that_comes_around_for_ever(start, store):
    node = await start()
    client = await node.greeted()
    round_trips = "Received: from a by b; Mon, 21 Sep 2026 13:33:20 +0000\r\n"
    for count, code in ((100, "250 "), (101, "554 5.4.6 ")):
        letter = letter_from("zoe@remote.test", extra=round_trips * count)
        reply = await client.mail("zoe@remote.test", "alice@alpha.test", letter=letter)
        assert reply.startswith(code)
    reply = await client.mail("z@remote.test", "alice@alpha.test", letter=(round_trips * 101).encode())
    assert reply.startswith("554 5.4.6 ")  # no empty line after the header
    assert len(await letters(store, "alice@alpha.test")) == 1


async def test_a_letter_with_two_authors_fields(start, store):
    node = await start()
    client = await node.greeted()
    letter = letter_from("a@bank.test", extra="From: Zoe <zoe@remote.test>\r\n")
    reply = await client.mail("zoe@remote.test", "alice@alpha.test", letter=letter)
    assert reply.startswith(("554 5.6.0 ", "550 5.6.0 "))
    assert await letters(store, "alice@alpha.test") == []


# What is remembered


class Told(msgspec.Struct):
    trace_id: str
    peer: str
    reverse_path: str
    message_id: str
    disposition: str
    points: int
    reasons: str


async def test_the_verdict_is_kept_with_its_reasons(start, store):
    node = await start(zones=ZONES)
    client = await node.greeted()
    ids = []
    for author in ("a@honest.test", "a@shady.test", "a@spoofed.test"):
        reply = await client.mail(author, "alice@alpha.test", letter=letter_from(author))
        ids.append(reply.split()[-1])
    rows = await store.read(
        lambda tx: tx.rows(
            "SELECT trace_id, peer, reverse_path, message_id, disposition, points, reasons FROM verdict"
            " ORDER BY reverse_path"
        )
    )
    honest, shady, spoofed = (Told(*row) for row in rows)
    assert (honest.trace_id, shady.trace_id) == (ids[0], ids[1])
    assert {each.message_id for each in (honest, shady, spoofed)} == {"<2@remote.test>"}
    assert {each.peer for each in (honest, shady, spoofed)} == {"127.0.0.1"}
    assert (honest.disposition, honest.points, honest.reasons) == ("clean", 0, "[]")
    assert (shady.disposition, shady.points) == ("spoof", 8_000)
    assert msgspec.json.decode(shady.reasons) == [
        "shady.test asks receivers to quarantine mail that nothing proves to be its own"
    ]
    assert (spoofed.disposition, spoofed.points) == ("spoof", 15_000)
    assert len(msgspec.json.decode(spoofed.reasons)) == 3


# Other letters


async def test_utf8_addresses(start, store):
    await store.write(add_alias, Address.parse("jürgen@alpha.test"), [Address.parse("alice@alpha.test")])
    node = await start()
    client = await node.greeted()
    letter = "From: zoë@remote.test\r\nSubject: Grüße\r\n\r\nHällo\r\n".encode()
    refused = await client.say("MAIL FROM:<zoë@remote.test>")
    assert refused.startswith(("550 5.6.7 ", "553 5.6.7 "))
    reply = await client.mail("zoë@remote.test", "jürgen@alpha.test", letter=letter, words=" SMTPUTF8")
    assert reply.startswith("250 ")
    (found,) = await letters(store, "alice@alpha.test")
    assert "Return-Path: <zoë@remote.test>\r\n".encode() in found
    assert "for <jürgen@alpha.test>;".encode() in found
    assert b" with UTF8SMTP\r\n" in found


async def test_bdat_stores_what_data_stores(start, store):
    node = await start()
    client = await node.greeted()
    text = LETTER + b".dot\r\n..two\r\n\r\n.\r\nMAIL FROM:<x@y.test>\r\n"
    await client.all("MAIL FROM:<z@remote.test>", "RCPT TO:<alice@alpha.test>")
    client.send(b"BDAT 10\r\n" + text[:10])
    assert (await client.hear()).startswith("250 ")
    client.send(b"BDAT %d LAST\r\n" % (len(text) - 10) + text[10:])
    assert (await client.hear()).startswith("250 2.0.0 Accepted")
    assert (await client.mail("z@remote.test", "alice@alpha.test", letter=text)).startswith("250 ")
    first, second = await letters(store, "alice@alpha.test")
    assert first.endswith(text)
    assert second.endswith(text)


async def test_several_letters_on_one_connection_are_apart(start, store):
    node = await start()
    client = await node.greeted()
    for recipient in ("alice@alpha.test", "both@alpha.test", "bob@alpha.test"):
        assert (await client.mail("z@remote.test", recipient, letter=LETTER)).startswith("250 ")
    assert [len(await letters(store, f"{x}@alpha.test")) for x in ("alice", "bob", "carole")] == [1, 1, 1]
    assert len(node.jobs) == 1


async def test_a_large_letter_goes_through_the_spool_file(start, store):
    node = await start()
    client = await node.greeted()
    letter = LETTER + b"0123456789abcdef\r\n" * 100_000
    assert (await client.mail("z@remote.test", "alice@alpha.test", letter=letter)).startswith("250 ")
    (found,) = await letters(store, "alice@alpha.test")
    assert found.endswith(letter)
