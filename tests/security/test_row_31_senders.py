"""Row 31: who has logged in sends as himself only: the rule; the 553 stands with submission."""

from postier.accounts.directory import Directory
from postier.store.transaction import Store
from tests.accounts.directory_rows import a, account, alias, two_domains

SENDERS = {
    "alice@alpha.test": True,
    "Alice+bills@ALPHA.test": True,
    "office@alpha.test": True,
    "bob@alpha.test": False,
    "bob+alice@alpha.test": False,
    "carole@beta.test": False,
    "alice@beta.test": False,
    "alice@alpha.test.evil.test": False,
    "alice@elsewhere.test": False,
    "postmaster@alpha.test": False,
    '"alice@alpha.test"@beta.test': False,
    "ghost@alpha.test": False,
    "team@alpha.test": False,
}


async def test_alice_sends_as_alice(store: Store) -> None:
    alice, _ = await store.write(two_domains)
    await store.write(account, "bob@alpha.test", is_admin=True)
    await store.write(alias, "office@alpha.test", "alice@alpha.test", "bob@alpha.test")
    await store.write(alias, "team@alpha.test", "bob@alpha.test", "alice@elsewhere.test")
    directory = Directory(store)
    for sender, may in SENDERS.items():
        assert await directory.may_send_as(alice, a(sender)) is may, sender
    directory.close()
