import asyncio

import pytest

from postier.accounts.accounts import list_accounts
from postier.accounts.credentials import is_password, stored_password
from postier.accounts.dkim_keys import domain_keys
from postier.app.founding import found_directory
from postier.app.settings import Settings
from postier.app.start_error import StartError
from postier.app.stores import open_store
from postier.mime.address import Address


def test_a_new_server_has_its_administrator_and_keys(tmp_path):
    settings = Settings(hostname="mx.x.test", data=tmp_path / "data")
    first = Address.parse("alice@x.test")
    lines = found_directory(settings, first, "correct horse")
    assert "password:      correct horse" in lines
    assert "x.test. IN MX 10 mx.x.test." in lines

    async def look():
        store = await open_store(settings)
        try:
            return (
                await store.read(list_accounts),
                await store.read(stored_password, "alice@x.test"),
                await store.read(domain_keys, "x.test"),
                await store.read(lambda tx: tx.value("SELECT count(*) FROM mailbox")),
            )
        finally:
            await store.close()

    (account,), stored, keys, mailboxes = asyncio.run(look())
    assert account.is_admin
    assert is_password(stored.secret, "correct horse")
    assert len(keys) == 2
    assert mailboxes > 1
    assert all(any(key.selector in line for line in lines) for key in keys)
    with pytest.raises(StartError, match="exists already"):
        found_directory(settings, first, "other")
