"""What the queue brings home meets scripts too: redirected letters, letters through aliases, reports."""

from postier.accounts.accounts import add_account
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from tests.mta.post_office import populate, post_office
from tests.mta.sieving.scripted import give, letter, read, told
from tests.servers.smtp_server import letters, secret

ALICE, BOB = "alice@alpha.test", "bob@alpha.test"


async def found(store):
    await store.write(populate)
    await store.write(add_account, Address("bob", "alpha.test"), secret(), default_mailboxes)


async def test_it_is_filed_by_the_script(store):
    await found(store)
    await give(store, 'require "fileinto"; fileinto "Archive";')
    async with post_office(store) as office:
        await office.send(ALICE, sender="zoe@remote.test", content=letter())
        await office.quiet()
        assert await office.rows() == []
    assert len(await letters(store, ALICE, "Archive")) == 1
    assert await told(store) == [f"{ALICE}: filed into Archive"]


async def test_a_redirect_to_a_neighbour_arrives_and_a_circle_ends(store):
    await found(store)
    await give(store, f'redirect "{BOB}";')
    await give(store, f'require "copy"; redirect :copy "{ALICE}";', "bob")
    async with post_office(store) as office:
        await office.send(ALICE, sender="zoe@remote.test", content=letter())
        await office.quiet()
        assert await office.rows() == []
    (back,), (there,) = await letters(store, ALICE), await letters(store, BOB)
    assert read(there).get_all("Delivered-To") == [ALICE]
    assert read(back).get_all("Delivered-To") == [BOB, ALICE]
    assert read(back)["Return-Path"] == "<zoe@remote.test>"
    assert any("it was redirected from here before" in each for each in await told(store))


async def test_a_refusal_of_a_strangers_letter_is_no_report(store):
    await found(store)
    await give(store, 'require "ereject"; ereject "No.";')
    async with post_office(store) as office:
        await office.send(ALICE, sender="victim@remote.test", content=letter())
        await office.send(ALICE, sender="", content=letter())
        await office.quiet()
        assert await office.rows() == []
    assert len(await letters(store, ALICE, "Junk")) == 2


async def test_a_refusal_of_our_own_users_letter_is_told_to_them(store):
    await found(store)
    await give(store, 'require "ereject"; ereject "No.";')
    account_id = await store.read(
        lambda tx: tx.value("SELECT account_id FROM account WHERE address = ?", BOB)
    )
    async with post_office(store) as office:
        await office.send(ALICE, sender=BOB, content=letter(), account_id=account_id)
        await office.quiet()
        assert await office.rows() == []
    assert await letters(store, ALICE) == []
    (report,) = await letters(store, BOB)
    assert "550 5.7.1 No." in report.decode()
