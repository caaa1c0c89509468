"""GETQUOTA and GETQUOTAROOT: an account is one quota root, named by its address.

Not here: the figures (`mailbox.quota`). Source: RFC 9208. Invariant: nobody learns of another's quota root whether it is.
"""

from postier.imap.commands.quota import GetQuota, GetQuotaRoot
from postier.imap.quota_responses import Resource, quota_line, quota_root_line, storage
from postier.imap.refusals import no
from postier.imap.responses import NONEXISTENT
from postier.mailbox.folders import MAX_MAILBOXES
from postier.mailbox.quota import usage_of
from postier.servers.imap.connection import Connection, Done


async def get_quota(connection: Connection, command: GetQuota) -> Done:
    """GETQUOTA."""
    if command.root != _root(connection):
        raise no("No such quota root", NONEXISTENT)
    await _send_quota(connection)
    return Done("GETQUOTA completed")


async def get_quota_root(connection: Connection, command: GetQuotaRoot) -> Done:
    """GETQUOTAROOT."""
    line = quota_root_line(command.mailbox, _root(connection), utf8=connection.session.utf8)
    connection.send(line)
    await _send_quota(connection)
    return Done("GETQUOTAROOT completed")


def _root(connection: Connection) -> bytes:
    return str(connection.address).encode()


async def _send_quota(connection: Connection) -> None:
    usage = await connection.store.read(usage_of, connection.account_id)
    resources = [Resource(b"MAILBOX", usage.mailboxes, MAX_MAILBOXES)]
    if usage.quota_bytes is not None:
        resources.insert(0, storage(usage.used_bytes, usage.quota_bytes))
    connection.send(quota_line(_root(connection), resources))
