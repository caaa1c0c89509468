r"""The octets that a URL leads to, for CATENATE and URLFETCH.

Not here: reading the URL (`imap.urls`, `imap.authorized_urls`). Source: RFC 4469 §3; RFC 5092; RFC 4467 §6, URLFETCH; RFC 5550
(PARTIAL in both). Invariants: what one may not read is answered like what is not there, and nothing of a message is looked at
before the token is found good; a signed URL reads with the rights that its creator has now; \Seen is not set.
"""

import secrets

import msgspec

from postier.accounts.accounts import account_id_of
from postier.accounts.names import login_address
from postier.imap.authorized_urls import KEY_BYTES, AccessKind, AuthorizedUrl, is_signed, parse_authorized
from postier.imap.refusals import no
from postier.imap.responses import TOOBIG, UNAVAILABLE, bad_url
from postier.imap.rights import Right
from postier.imap.urls import MessageUrl, parse_url
from postier.mailbox.reading import Column, fetch_columns
from postier.mailbox.refusals import MailboxRefusedError
from postier.mailbox.rights import Place, enter
from postier.mailbox.url_keys import url_key
from postier.servers.imap.connection import Connection
from postier.servers.imap.contents import Content
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, StoreError

_COLUMNS = (Column.BLOB_ID, Column.SIZE_BYTES, Column.HEADER_BYTES, Column.PARTS)


class Found(msgspec.Struct, frozen=True):
    """The message that a URL leads to, and what of it."""

    url: MessageUrl
    blob_id: BlobId
    size_bytes: int
    header_bytes: int
    parts: bytes


async def octets_of(connection: Connection, text: str) -> bytes:
    """The message or part, of a URL of CATENATE. Raises PeerError."""
    try:
        found = await _find_signed(connection, text)
        if found is None and (url := parse_url(text)) is not None:
            found = await connection.store.read(_find_relative, connection, url)
        if found is None:
            raise no("The URL leads to no message", bad_url(text))
        if found.size_bytes > connection.owner.settings.message_bytes:
            raise no("The part is too large", TOOBIG)
        octets = await _read(connection, found)
    except (StoreError, KeyError):
        raise no("The part can't be read now", UNAVAILABLE) from None
    if octets is None:
        raise no("The URL leads to no part", bad_url(text))
    return octets


async def fetched(connection: Connection, text: str) -> bytes | None:
    """The message or part, of a URL of URLFETCH; None if the URL is not good. Raises StoreError, PeerError."""
    found = await _find_signed(connection, text)
    if found is None:
        return None
    try:
        octets = await _read(connection, found)
    except KeyError:
        raise no("The part can't be read now", UNAVAILABLE) from None
    return b"" if octets is None else octets  # RFC 4467 §8: not NIL, for the URL is good


async def _find_signed(connection: Connection, text: str) -> Found | None:
    url = parse_authorized(text)
    return None if url is None else await connection.store.read(_authorize, connection, url)


async def _read(connection: Connection, found: Found) -> bytes | None:
    raw = await connection.store.read_blob(found.blob_id)
    return Content(raw, found.header_bytes, found.parts).octets(found.url.section, found.url.partial)


def _authorize(tx: ReadTx, connection: Connection, url: AuthorizedUrl) -> Found | None:
    """The message, if the URL is good for this connection."""
    rump = url.rump
    address = login_address(rump.user)
    creator_id = (
        address and account_id_of(tx, address)
    ) or 0  # RFC 4467 §6: nobody's mailboxes are looked for alike
    place = key = None
    try:
        place = enter(tx, creator_id, rump.mailbox, actor_id=creator_id, right=Right.READ)
        key = url_key(tx, place, creator_id)
    except MailboxRefusedError:
        pass
    is_good = is_signed(
        url, key or secrets.token_bytes(KEY_BYTES)
    )  # RFC 4467 §6: with a plausible key if there is none
    if place is None or key is None or not is_good or not _may_use(connection, url):
        return None
    return _find(tx, place.account_id, place.mailbox_id, rump.message)


def _may_use(connection: Connection, url: AuthorizedUrl) -> bool:
    """Whether it has not expired, and the session is one that the access identifier means (RFC 4467 §3)."""
    rump = url.rump
    if rump.expires_us is not None and connection.owner.now_us() > rump.expires_us:
        return False
    match rump.access:
        case AccessKind.ANONYMOUS | AccessKind.AUTHUSER:
            return connection.account_id > 0  # nobody is anonymous here
        case AccessKind.USER:
            return login_address(rump.access_user) == connection.address
        case AccessKind.SUBMIT:
            return str(connection.address) in connection.owner.settings.submission_entities


def _find_relative(tx: ReadTx, connection: Connection, url: MessageUrl) -> Found | None:
    account_id, selected = connection.account_id, connection.selected
    if url.mailbox is not None:
        try:
            place: Place = enter(tx, account_id, url.mailbox, actor_id=account_id, right=Right.READ)
        except MailboxRefusedError:
            return None
        return _find(tx, place.account_id, place.mailbox_id, url)
    return None if selected is None else _find(tx, selected.account_id, selected.mailbox_id, url)


def _find(tx: ReadTx, owner_id: int, mailbox_id: int, url: MessageUrl) -> Found | None:
    validity = tx.value(
        "SELECT uidvalidity FROM mailbox WHERE account_id = ? AND mailbox_id = ?", owner_id, mailbox_id
    )
    if url.uid_validity is not None and url.uid_validity != validity:
        return None
    rows = fetch_columns(tx, owner_id, mailbox_id, [(url.uid, url.uid)], _COLUMNS)
    return Found(url, *rows[0]) if rows else None
