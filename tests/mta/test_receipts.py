"""What is delivered here is confirmed to senders who asked and are proved, in the transaction that files it (RFC 3461 §5.2.3, §5.2.7)."""

import pytest

from postier.smtp.settings import Role
from tests.mta.sieving.scripted import LETTER, ZONES, give, queued
from tests.servers.conftest import start, start_embedded
from tests.servers.smtp_server import counts, letters

__all__ = ["start", "start_embedded"]

OFFERS = {"offers_dsn": True, "offers_deliverby": True}
ALICE, BOB, CAROLE = "alice@alpha.test", "bob@alpha.test", "carole@alpha.test"
ZOE = "zoe@honest.test"
ASKED = "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Wanted@X.test"
JUNK = LETTER.replace(b"zoe@honest.test", b"zoe@shady.test")
OURS = (
    b"From: Alice <alice@alpha.test>\r\nTo: c@remote.test\r\nSubject: Hello\r\n"
    b"Date: Mon, 21 Sep 2026 12:00:00 +0000\r\nMessage-ID: <1@alpha.test>\r\n\r\nHi.\r\n"
)


async def mail(client, *recipients, sender=ZOE, words=" RET=FULL ENVID=QQ+2B1", content=LETTER):
    """One transaction; each recipient is a path with its parameters."""
    assert (await client.say(f"MAIL FROM:<{sender}>{words}")).startswith("250 ")
    for path, parameters in recipients:
        assert (await client.say(f"RCPT TO:<{path}> {parameters}".strip())).startswith("250 "), path
    assert (await client.say("DATA")).startswith("354 ")
    client.send(content + b".\r\n")
    return await client.hear()


async def received(node, *recipients, **how):
    """The same by another server."""
    return await mail(await node.greeted(), *recipients, **how)


async def reports(store, sender=ZOE):
    """The reports that wait for the sender's server."""
    return [content for path, forward, content in await queued(store) if (path, forward) == ("", sender)]


async def rows(store):
    """Requests in the queue, but of reports."""
    return await store.read(
        lambda tx: tx.rows(
            "SELECT r.forward_path, r.dsn_notify, r.dsn_orcpt, m.dsn_ret, m.dsn_envid, m.by_mode FROM queue_message m"
            " JOIN queue_recipient r ON r.queue_id = m.queue_id WHERE m.reverse_path <> '' ORDER BY 1"
        )
    )


async def test_a_delivery_is_confirmed(start, store):
    node = await start(zones=ZONES, settings=OFFERS)
    assert (await received(node, (ALICE, ASKED), (BOB, ""))).startswith("250 ")
    assert len(await letters(store, ALICE)) == len(await letters(store, BOB)) == 1
    (report,) = await reports(store)
    for line in (
        b"To: zoe@honest.test",
        b"Subject: Your message was delivered",
        b"Original-Envelope-Id: QQ+1",
        b"Arrival-Date: Mon, 21 Sep 2026 14:13:20 +0000",
        b"Original-Recipient: rfc822; Wanted@X.test\r\nFinal-Recipient: rfc822; alice@alpha.test\r\nAction: delivered",
        b"Status: 2.0.0",
    ):
        assert b"\r\n" + line + b"\r\n" in report, line
    assert BOB.encode() not in report  # RFC 3461 §5.2.8
    assert b"text/rfc822-headers" in report
    assert [job.message.reverse_path for job in node.jobs] == [""]


async def test_one_report_tells_of_several(start_embedded, sqlite_store):
    node = await start_embedded(zones=ZONES, settings=OFFERS)
    await received(
        node, (ALICE, "NOTIFY=SUCCESS"), (BOB, "NOTIFY=SUCCESS"), ("x@beta.test", "NOTIFY=SUCCESS")
    )
    (report,) = await reports(sqlite_store)
    assert report.count(b"\r\nAction: delivered\r\n") == 3
    assert b"\r\nFinal-Recipient: rfc822; x@beta.test\r\n" in report  # the catch-all's target stays ours
    assert b"Original-Recipient" not in report  # RFC 3461 §6.3 (d)


@pytest.mark.parametrize("parameters", ["", "NOTIFY=NEVER", "NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;a@b.test"])
async def test_not_unasked(start_embedded, sqlite_store, parameters):
    node = await start_embedded(zones=ZONES, settings=OFFERS)
    await received(node, (ALICE, parameters))
    assert (await counts(sqlite_store))[2] == 0


@pytest.mark.parametrize(
    ("sender", "content"),
    [("", LETTER), ("zoe@forged.test", LETTER), ("zoe@nowhere.test", LETTER), ("zoe@shady.test", JUNK)],
    ids=["null", "spf-fails", "nothing-proves-it", "junk"],
)
async def test_no_backscatter(start_embedded, sqlite_store, sender, content):
    """SECURITY 32: a forger makes us write to nobody."""
    node = await start_embedded(zones=ZONES, settings=OFFERS)
    await received(node, (ALICE, ASKED), ("team@alpha.test", ASKED), sender=sender, content=content)
    assert (await counts(sqlite_store))[2] == 0


async def test_aliases(start, store):
    """RFC 3461 §5.2.7: for one address all goes on; for several the alias is told as expanded, success is not asked for again."""
    node = await start(zones=ZONES, settings=OFFERS)
    words = " RET=FULL ENVID=e BY=300;NT"
    await received(
        node, ("list@alpha.test", ASKED), ("both@alpha.test", ASKED), ("team@alpha.test", ASKED), words=words
    )
    rest = ("rfc822;Wanted@X.test", "FULL", "e", "NT")
    assert await rows(store) == [
        ("carl@elsewhere.test", "FAILURE", *rest),
        ("list@lists.test", "SUCCESS,FAILURE", *rest),
    ]
    (report,) = await reports(store)
    assert report.count(b"\r\nAction: expanded\r\n") == 2
    assert b"list@alpha.test" not in report


async def test_a_stranger_gets_less_passed_on(start_embedded, sqlite_store):
    node = await start_embedded(zones=ZONES, settings=OFFERS)
    words = " RET=FULL ENVID=e BY=300;RT"
    await received(node, ("list@alpha.test", ASKED), sender="zoe@nowhere.test", words=words)
    assert await rows(sqlite_store) == [
        ("list@lists.test", "FAILURE", "rfc822;Wanted@X.test", "HDRS", "e", "R")
    ]


async def test_an_address_that_is_named_twice(start_embedded, sqlite_store):
    node = await start_embedded(zones=ZONES, settings=OFFERS)
    await received(node, ("list@alpha.test", "NOTIFY=NEVER"), ("list@alpha.test", "NOTIFY=SUCCESS"))
    assert [row[1] for row in await rows(sqlite_store)] == ["SUCCESS"]


async def test_our_own_users(start, store):
    node = await start(role=Role.SUBMISSION, tls=True, settings=OFFERS)
    client = await node.user()
    away = ("c@remote.test", "NOTIFY=SUCCESS ORCPT=rfc822;c@remote.test")
    words = " RET=HDRS ENVID=e BY=60;R"
    assert (
        await mail(client, (BOB, "NOTIFY=SUCCESS"), away, sender=ALICE, words=words, content=OURS)
    ).startswith("250 ")
    assert await rows(store) == [("c@remote.test", "SUCCESS", "rfc822;c@remote.test", "HDRS", "e", "R")]
    (report,) = await letters(store, ALICE)
    assert report.startswith(b"Return-Path: <>\r\n")
    assert b"\r\nFinal-Recipient: rfc822; bob@alpha.test\r\nAction: delivered\r\n" in report
    assert len(await letters(store, BOB)) == 1


# Scripts


async def test_a_recipient_that_refuses_is_not_confirmed(start, store):
    node = await start(zones=ZONES, settings=OFFERS)
    await give(store, 'require "ereject"; ereject "No.";')
    await received(node, (ALICE, ASKED), (CAROLE, "NOTIFY=SUCCESS"))
    refused, confirmed = sorted(await reports(store), key=lambda report: b"Action: delivered" in report)
    assert b"\r\nFinal-Recipient: rfc822; carole@alpha.test\r\nAction: delivered\r\n" in confirmed
    assert ALICE.encode() not in confirmed.partition(b"Final-Recipient")[2].partition(b"\r\n--")[0]
    assert b"\r\nAction: failed\r\n" in refused
    assert b"\r\nOriginal-Envelope-Id: QQ+1\r\n" in refused
    assert b"\r\nOriginal-Recipient: rfc822; Wanted@X.test\r\n" in refused
    assert b"message/rfc822" in refused  # RET=FULL


async def test_a_refusal_that_the_sender_does_not_want_to_hear_of(start_embedded, sqlite_store):
    node = await start_embedded(zones=ZONES, settings=OFFERS)
    await give(sqlite_store, 'require "ereject"; ereject "No.";')
    await received(node, (ALICE, "NOTIFY=NEVER"), (CAROLE, ""))
    assert (await counts(sqlite_store))[2] == 0
    assert len(await letters(sqlite_store, ALICE, "Junk")) == 1  # what is accepted is not dropped


async def test_scripts_see_the_requests(start_embedded, sqlite_store):
    node = await start_embedded(zones=ZONES, settings=OFFERS)
    await give(
        sqlite_store,
        'require ["envelope", "envelope-dsn", "envelope-deliverby", "fileinto", "variables"];'
        ' if allof(envelope :is "notify" "SUCCESS", envelope :is "orcpt" "rfc822;Wanted@X.test",'
        ' envelope :is "ret" "FULL", envelope :is "envid" "QQ+1", envelope :is "bytimerelative" "300",'
        ' envelope :is "bymode" "notify", envelope :is "bytrace" "trace") { fileinto "Archive"; }',
    )
    await received(node, (ALICE, ASKED), words=" RET=FULL ENVID=QQ+2B1 BY=300;NT", sender="zoe@nowhere.test")
    assert len(await letters(sqlite_store, ALICE, "Archive")) == 1


@pytest.mark.parametrize(
    ("options", "sender", "row"),
    [
        ("", ZOE, (ZOE, "FAILURE", "rfc822;Wanted@X.test", "FULL", "QQ+2B1", "")),
        (':notify "NEVER"', ZOE, (ALICE, "NEVER", "", "", "", "")),
        (':notify "SUCCESS,DELAY" :ret "HDRS"', ZOE, (ALICE, "SUCCESS,DELAY", "", "HDRS", "", "")),
        (':ret "FULL"', ZOE, (ALICE, "", "", "FULL", "", "")),
        (":bytimerelative 600", ZOE, (ALICE, "", "", "", "", "R")),
        (':bytimerelative 600 :bymode "notify" :bytrace', ZOE, (ALICE, "", "", "", "", "NT")),
        (':bytimeabsolute "2026-09-21T14:23:20Z"', ZOE, (ALICE, "", "", "", "", "R")),
        (
            "",
            "zoe@nowhere.test",
            ("zoe@nowhere.test", "FAILURE", "rfc822;Wanted@X.test", "HDRS", "QQ+2B1", ""),
        ),
    ],
)
async def test_who_is_told_of_what_is_redirected(start_embedded, sqlite_store, options, sender, row):
    """RFC 6009 §6.1, §7.1: the owner, where the script says what is to be told."""
    node = await start_embedded(zones=ZONES, settings=OFFERS)
    require = 'require ["redirect-dsn", "redirect-deliverby"];'
    await give(sqlite_store, f'{require} redirect {options} "al@elsewhere.test";')
    await received(node, (ALICE, ASKED), sender=sender)
    (found,) = await sqlite_store.read(
        lambda tx: tx.rows(
            "SELECT m.reverse_path, r.dsn_notify, r.dsn_orcpt, m.dsn_ret, m.dsn_envid, m.by_mode, m.deliver_by, m.created_at"
            " FROM queue_message m JOIN queue_recipient r ON r.queue_id = m.queue_id WHERE m.reverse_path <> ''"
        )
    )
    assert found[:6] == row
    if row[5]:
        assert found[6] == (1_790_000_000 + 600) * 1_000_000
    assert len(await reports(sqlite_store)) == (sender == ZOE)  # the delivery here


async def test_a_letter_without_a_sender_stays_without(start_embedded, sqlite_store):
    node = await start_embedded(zones=ZONES, settings=OFFERS)
    require = 'require ["redirect-dsn", "redirect-deliverby"];'
    await give(
        sqlite_store,
        f'{require} redirect :notify "SUCCESS" :ret "FULL" :bytimerelative 9 "al@elsewhere.test";',
    )
    await received(node, (ALICE, ""), sender="", words="")
    found = await sqlite_store.read(
        lambda tx: tx.rows(
            "SELECT m.reverse_path, r.dsn_notify, m.dsn_ret, m.by_mode FROM queue_message m"
            " JOIN queue_recipient r ON r.queue_id = m.queue_id"
        )
    )
    assert found == [("", "", "", "R")]
