"""GETQUOTA and GETQUOTAROOT: an account is one quota root, named by its address.

Not here: the figures (`mailbox.quota`). Source: RFC 9208. Invariant: nobody learns of another's quota root whether it is.
"""

import contextlib

from postier.imap.commands.quota import GetQuota, GetQuotaRoot
from postier.imap.quota_responses import Resource, quota_line, quota_root_line, storage
from postier.imap.refusals import no
from postier.imap.responses import NONEXISTENT
from postier.imap.rights import Right
from postier.mailbox.folders import MAX_MAILBOXES
from postier.mailbox.quota import usage_of
from postier.mailbox.refusals import MailboxRefusedError
from postier.mailbox.rights import enter
from postier.servers.imap.connection import Connection, Done


async def get_quota(connection: Connection, command: GetQuota) -> Done:
    """GETQUOTA."""
    if command.root != str(connection.address).encode():
        raise no("No such quota root", NONEXISTENT)
    await _send_quota(connection, connection.account_id)
    return Done("GETQUOTA completed")


async def get_quota_root(connection: Connection, command: GetQuotaRoot) -> Done:
    """GETQUOTAROOT; RFC 9208 §6: of a mailbox of another only to who may read it."""
    account_id, store = connection.account_id, connection.store
    owner_id = account_id
    with contextlib.suppress(MailboxRefusedError):
        place = await store.read(enter, account_id, command.mailbox, actor_id=account_id, right=Right.READ)
        owner_id = place.account_id
    root = (await store.read(usage_of, owner_id)).address.encode()
    connection.send(quota_root_line(command.mailbox, root, utf8=connection.session.utf8))
    await _send_quota(connection, owner_id)
    return Done("GETQUOTAROOT completed")


async def _send_quota(connection: Connection, account_id: int) -> None:
    usage = await connection.store.read(usage_of, account_id)
    resources = [Resource(b"MAILBOX", usage.mailboxes, MAX_MAILBOXES)]
    if usage.quota_bytes is not None:
        resources.insert(0, storage(usage.used_bytes, usage.quota_bytes))
    connection.send(quota_line(usage.address.encode(), resources))
