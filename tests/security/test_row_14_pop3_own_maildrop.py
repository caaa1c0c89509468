"""SECURITY 14: a POP3 session reaches its own maildrop and nothing else."""

import base64

import pytest

from postier.mailbox import maildrop
from postier.mailbox.refusals import MailboxRefusedError
from tests.mailbox.letters import raw_letter
from tests.servers.imap.served import ADDRESSES, PASSWORD
from tests.servers.pop3_server import Pop3Server


async def test_another_account_is_not_opened(sqlite_store):
    async with Pop3Server(sqlite_store) as server:
        await server.file(raw_letter())
        client = await server.login(1)
        assert await client.ok("STAT") == b"+OK 0 0"
        for command in ("RETR 1", "LIST 1", "UIDL 1", "TOP 1 0", "DELE 1"):
            assert await client.ask(command) == b"-ERR no such message"
        with pytest.raises(MailboxRefusedError):
            await server.store.write(maildrop.lock_maildrop, server.ids[0], "x", actor_id=server.ids[1])


async def test_nobody_acts_as_another(sqlite_store):
    async with Pop3Server(sqlite_store) as server:
        client = await server.connect()
        secret = base64.b64encode(f"{ADDRESSES[0]}\0{ADDRESSES[1]}\0{PASSWORD}".encode()).decode()
        assert (await client.ask(f"AUTH PLAIN {secret}")).startswith(b"-ERR [AUTH] ")
