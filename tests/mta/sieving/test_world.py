"""What a script sees of the account around it, on both engines."""

from postier.mailbox.annotations import SPECIAL_USE, annotate, annotate_server
from postier.mta.sieving.running import full_purse
from postier.mta.sieving.shelf import Shelf
from postier.mta.sieving.world import Folders, Inclusions, Letter
from postier.sieve.script import compile_script
from postier.sieve.world import Envelope, World
from tests.mailbox.letters import add_account

REQUIRE = 'require ["mboxmetadata", "servermetadata", "imap4flags"];\n'


async def holds(store, test):
    """Whether the test holds for account 1."""
    script = compile_script((REQUIRE + f'if {test} {{ addflag "yes"; }}').encode())
    shelf = Shelf(store)

    def run(tx):
        world = World(
            mailboxes=Folders(tx, 1, full_purse()), scripts=Inclusions(tx, shelf, 1, may_compile=True)
        )
        result = script.run(Letter(b"Subject: A\r\n\r\n"), Envelope("", ""), world)
        assert result.error is None
        return result.keep.flags == ("yes",)

    try:
        return await store.read_bulk(run)
    finally:
        shelf.close()


async def test_annotations(store):
    """RFC 5490 §3.3 to §4.2."""
    mailboxes = await store.write(add_account, 1)
    await store.write(add_account, 2)
    await store.write(lambda tx: tx.run("UPDATE account SET is_admin = 1 WHERE account_id = 2"))
    inbox = mailboxes["INBOX"]
    await store.write(annotate, 1, inbox, 1, [("/private/comment", b"mine"), ("/shared/comment", b"ours")])
    await store.write(annotate, 1, inbox, 2, [("/private/vendor/x/y", b"another's")])
    await store.write(annotate_server, 1, [("/private/comment", b"my server")])
    await store.write(annotate_server, 2, [("/private/comment", b"x"), ("/shared/comment", b"our server")])
    assert await holds(store, 'metadata "inbox" "/PRIVATE/comment" "mine"')
    assert await holds(store, 'metadata "INBOX" "/shared/comment" "ours"')
    assert await holds(store, f'not metadataexists "INBOX" "{SPECIAL_USE}"')
    assert await holds(store, f'metadata "Sent" "{SPECIAL_USE}" "\\\\Sent"')
    assert await holds(store, 'not metadataexists "INBOX" ["/shared/comment", "/private/vendor/x/y"]')
    assert await holds(store, 'not metadataexists "None" "/shared/comment"')
    assert await holds(store, 'servermetadata "/private/comment" "my server"')
    assert await holds(store, 'servermetadata "/shared/comment" "our server"')
    assert await holds(store, 'not servermetadataexists "/shared/none"')
