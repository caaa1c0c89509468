"""GENURLAUTH, RESETKEY and URLFETCH.

Not here: what a URL leads to (`urls`), the keys (`mailbox.url_keys`). Source: RFC 4467 §7. Invariants: one signs with one's own
keys only; which of the checks a URL fails is never told, at signing neither for a mailbox that one may not read. The server's
name in a URL is what its client calls this one: that it means this server is shown by the token.
"""

from collections.abc import Sequence

from postier.accounts.names import login_address
from postier.imap.authorized_urls import INTERNAL, RumpUrl, authorized, parse_rump
from postier.imap.commands.urlauth import GenUrlAuth, ResetKey, UrlFetch
from postier.imap.refusals import bad, no
from postier.imap.responses import CANNOT, URLMECH
from postier.imap.rights import Right
from postier.imap.url_responses import gen_url_auth_line, url_fetch_line
from postier.mailbox.refusals import MailboxRefusedError
from postier.mailbox.rights import Place, enter
from postier.mailbox.url_keys import make_url_key, remove_url_keys, reset_url_key, url_key
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.urls import fetched
from postier.store.transaction import ReadTx, WriteTx


async def gen_url_auth(connection: Connection, command: GenUrlAuth) -> Done:
    """GENURLAUTH; a key is made when it is first wanted."""
    _known([mechanism for _, mechanism in command.urls])
    rumps = [_signable(connection, text) for text, _ in command.urls]
    names = [rump.mailbox for rump in rumps]
    account_id, store = connection.account_id, connection.store
    try:
        keys = await store.read(_present_keys, account_id, names)
        made = await store.write(_made_keys, account_id, names) if None in keys else keys
    except MailboxRefusedError:  # RFC 4467, GENURLAUTH: BAD for what is not there
        raise bad("The URL leads to no mailbox") from None
    connection.send(
        gen_url_auth_line([authorized(rump, key) for rump, key in zip(rumps, made, strict=True) if key])
    )
    return Done("GENURLAUTH completed")


async def reset_key(connection: Connection, command: ResetKey) -> Done:
    """RESETKEY; other sessions learn of it from the change log."""
    _known(command.mechanisms)
    if command.mailbox is None:
        await connection.store.write_bulk(remove_url_keys, connection.account_id)
        return Done("All keys removed")
    await connection.store.write(_reset, connection.account_id, command.mailbox)
    return Done("RESETKEY completed", URLMECH)


async def url_fetch(connection: Connection, command: UrlFetch) -> Done:
    """URLFETCH, an answer for each URL."""
    for done, url in enumerate(command.urls, 1):
        octets = await fetched(connection, url)
        connection.send(url_fetch_line(url, octets))
        connection.fetched += octets is not None
        connection.progress = done, len(command.urls)
        await connection.drain()
    return Done("URLFETCH completed")


def _known(mechanisms: Sequence[bytes]) -> None:
    if any(mechanism != INTERNAL for mechanism in mechanisms):
        raise no("There is no such mechanism", CANNOT)


def _signable(connection: Connection, text: str) -> RumpUrl:
    """Raises PeerError."""
    rump = parse_rump(text)
    if (
        login_address(rump.user) != connection.address
    ):  # others' keys are theirs, whether there are such users or not
        raise bad("The URL names another user")
    if (
        rump.access_user and login_address(rump.access_user) is None
    ):  # RFC 4467: whether there is such a user is not told
        raise bad("The access identifier names no user")
    return rump


def _present_keys(tx: ReadTx, account_id: int, names: Sequence[str]) -> list[bytes | None]:
    return [url_key(tx, _readable(tx, account_id, name), account_id) for name in names]


def _made_keys(tx: WriteTx, account_id: int, names: Sequence[str]) -> list[bytes | None]:
    return [make_url_key(tx, _readable(tx, account_id, name), account_id) for name in names]


def _readable(tx: ReadTx, account_id: int, name: str) -> Place:
    return enter(tx, account_id, name, actor_id=account_id, right=Right.READ)


def _reset(tx: WriteTx, account_id: int, name: str) -> None:
    reset_url_key(tx, enter(tx, account_id, name, actor_id=account_id), account_id)
