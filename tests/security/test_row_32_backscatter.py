"""SECURITY 32: what can be refused is refused in the dialogue; nobody is sent a report about a letter he never wrote."""

import pytest

from postier.accounts.aliases import add_alias
from postier.mime.address import Address
from tests.servers.smtp_server import QUOTA, counts, letters

LETTER = b"From: victim@remote.test\r\nSubject: x\r\n\r\nHi.\r\n"
ZONES = {".": "", "spoofed.test": '@ IN TXT "v=spf1 -all"\n_dmarc IN TXT "v=DMARC1; p=reject"\n'}


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("nobody@alpha.test", "550 5.1.1 "),
        ("dora@alpha.test", "452 4.2.2 "),
        ("everyone@alpha.test", "452 4.2.2 "),  # an alias with a full account behind it
        ("loop@alpha.test", "450 4.2.1 "),
        ("stale@alpha.test", "550 5.1.1 "),  # an alias that leads to nobody
        ("x@gone.test", "550 5.7.1 "),
    ],
)
async def test_it_is_told_at_rcpt(start, store, recipient, code):
    for alias, target in (("everyone", "bob"), ("everyone", "dora"), ("stale", "ghost")):
        await store.write(
            lambda tx, alias=alias, target=target: tx.run(
                "INSERT INTO alias VALUES ('alpha.test', ?, ?)", alias, f"{target}@alpha.test"
            )
        )
    node = await start()
    client = await node.greeted()
    await client.say("MAIL FROM:<victim@remote.test>")
    assert (await client.say(f"RCPT TO:<{recipient}>")).startswith(code)
    assert await counts(store) == (0, 0, 0, 0, 0)


async def test_unknown_users_of_a_catch_all_domain_are_delivered(start, store):
    node = await start()
    client = await node.greeted()
    assert (await client.mail("victim@remote.test", "whoever@beta.test", letter=LETTER)).startswith("250 ")
    assert len(await letters(store, "bob@alpha.test")) == 1
    assert not node.jobs


async def test_a_catch_all_that_leads_to_a_full_account(start, store):
    await store.write(add_alias, Address.parse("*@alpha.test"), [Address.parse("dora@alpha.test")])
    node = await start()
    client = await node.greeted()
    await client.say("MAIL FROM:<victim@remote.test>")
    assert (await client.say("RCPT TO:<whoever@alpha.test>")).startswith("452 ")


async def test_an_account_that_fills_up_after_rcpt_still_gets_the_letter(start, store):
    """It was promised a place; a bounce for the race would be backscatter."""
    node = await start()
    client = await node.greeted()
    await client.all("MAIL FROM:<victim@remote.test>", "RCPT TO:<carole@alpha.test>")
    await store.write(
        lambda tx: tx.run("UPDATE account SET used_bytes = ? WHERE address = 'carole@alpha.test'", QUOTA)
    )
    await client.say("DATA")
    client.send(LETTER + b".\r\n")
    assert (await client.hear()).startswith("250 ")
    assert len(await letters(store, "carole@alpha.test")) == 1
    assert not node.jobs


async def test_a_forgery_is_refused_not_bounced(start, store):
    node = await start(zones=ZONES)
    client = await node.greeted()
    forged = LETTER.replace(b"remote.test", b"spoofed.test")
    reply = await client.mail("victim@spoofed.test", "both@alpha.test", letter=forged)
    assert reply.startswith("550 5.7.26 ")
    assert not node.jobs
    assert (await counts(store))[:3] == (0, 0, 0)
