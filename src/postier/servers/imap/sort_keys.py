"""Sort keys are made when they are first asked for.

Not here: what they are (`mailbox.sort_keys`). Invariant: a portion of emails is one transaction, so a session that ends leaves
what it made, and two sessions of an account do not wait for each other's whole work.
"""

from collections.abc import Callable
from typing import TypeVar

from postier.mailbox.sort_keys import if_keyed, is_refolded, unkeyed, write_keys
from postier.mime.index import index_message
from postier.servers.imap.connection import Connection
from postier.store.transaction import ReadTx

INLINE_MESSAGES = 2_000  # the keys of more are read beside the loop

T = TypeVar("T")


async def read_keyed(connection: Connection, messages: int, go_by_keys: Callable[[ReadTx], T]) -> T:
    """What a storage function that goes by the keys of so many messages gives, after all emails got some. Raises StoreError."""
    store, account_id = connection.store, connection.opened().account_id
    read = store.read if messages <= INLINE_MESSAGES else store.read_bulk
    while (found := await read(if_keyed, account_id, go_by_keys)) is None:
        await _make_some(connection, account_id)
    return found


async def refold(connection: Connection, account_id: int) -> None:
    """Once a connection and account: bring search texts of an older form to today's. Raises StoreError."""
    while connection.refolded_id != account_id:
        if await connection.store.read(is_refolded, account_id):
            connection.refolded_id = account_id
        else:
            await _make_some(connection, account_id)


async def _make_some(connection: Connection, account_id: int) -> None:
    store = connection.store
    emails = await store.read(unkeyed, account_id)
    if not emails:  # another session made the last of them
        return
    contents = await store.read_blobs([blob_id for _, blob_id in emails])
    indexes = [
        (email_id, index_message(content or b""))
        for (email_id, _), content in zip(emails, contents, strict=True)
    ]
    await store.write_bulk(write_keys, account_id, indexes)
    await connection.drain()
