r"""The octets that a URL of CATENATE leads to.

Not here: reading the URL (`imap.urls`). Source: RFC 4469 §3; RFC 5092. Invariants: what one may not read
is answered like what is not there; \Seen is not set.
"""

from postier.imap.refusals import no
from postier.imap.responses import TOOBIG, UNAVAILABLE, bad_url
from postier.imap.rights import Right
from postier.imap.urls import MessageUrl, parse_url
from postier.mailbox.reading import Column, fetch_columns
from postier.mailbox.refusals import MailboxRefusedError
from postier.mailbox.rights import enter
from postier.servers.imap.connection import Connection
from postier.servers.imap.contents import Content
from postier.store.transaction import ReadTx, Row, StoreError

_COLUMNS = (Column.BLOB_ID, Column.SIZE_BYTES, Column.HEADER_BYTES, Column.PARTS)


async def octets_of(connection: Connection, text: str) -> bytes:
    """The message or part. Raises PeerError."""
    url = parse_url(text)
    try:
        row = None if url is None else await connection.store.read(_find, connection, url)
        if url is None or row is None:
            raise no("The URL leads to no message", bad_url(text))
        blob_id, size_bytes, header_bytes, parts = row
        if size_bytes > connection.owner.settings.message_bytes:
            raise no("The part is too large", TOOBIG)
        raw = await connection.store.read_blob(blob_id)
    except (StoreError, KeyError):
        raise no("The part can't be read now", UNAVAILABLE) from None
    octets = Content(raw, header_bytes, parts).octets(url.section, url.partial)
    if octets is None:
        raise no("The URL leads to no part", bad_url(text))
    return octets


def _find(tx: ReadTx, connection: Connection, url: MessageUrl) -> Row | None:
    account_id, selected = connection.account_id, connection.selected
    if url.mailbox is not None:
        try:
            place = enter(tx, account_id, url.mailbox, actor_id=account_id, right=Right.READ)
        except MailboxRefusedError:
            return None
        owner_id, mailbox_id = place.account_id, place.mailbox_id
    elif selected is not None:
        owner_id, mailbox_id = selected.account_id, selected.mailbox_id
    else:
        return None
    validity = tx.value(
        "SELECT uidvalidity FROM mailbox WHERE account_id = ? AND mailbox_id = ?", owner_id, mailbox_id
    )
    if url.uid_validity is not None and url.uid_validity != validity:
        return None
    rows = fetch_columns(tx, owner_id, mailbox_id, [(url.uid, url.uid)], _COLUMNS)
    return rows[0] if rows else None
