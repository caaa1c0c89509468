"""What changes the connection itself after login: COMPRESS and UNAUTHENTICATE.

Source: RFC 4978; RFC 8437. Invariant: nothing of the old user is left when another may log in: mailbox, features, limits and
compression are as they were at the greeting.
"""

import structlog

from postier.imap.reader_events import BEFORE_LOGIN
from postier.imap.refusals import PeerError, bad
from postier.imap.responses import COMPRESSIONACTIVE, tagged_ok
from postier.imap.state import Step
from postier.servers.imap.compression import Compression
from postier.servers.imap.connection import Connection
from postier.servers.imap.notify import stop

LOG = structlog.get_logger()


def compress(connection: Connection, tag: bytes) -> None:
    """COMPRESS; its answer is the last that is not compressed."""
    if connection.compression is not None:
        raise PeerError("Compression is active already", code=COMPRESSIONACTIVE)
    if connection.reader.buffered_bytes:  # RFC 4978 §3: the client waits for the answer
        raise bad("No command may follow COMPRESS before its answer")
    connection.send(tagged_ok(tag, "DEFLATE active"))
    connection.write_out()
    connection.compression = Compression()


def unauthenticate(connection: Connection, tag: bytes) -> None:
    """UNAUTHENTICATE; never NO (RFC 8437 §3)."""
    settings = connection.owner.settings
    if not settings.offers_unauthenticate:
        raise bad("Unknown command UNAUTHENTICATE")
    LOG.info("imap-unauthenticated", peer=connection.stream.peer_ip, account=str(connection.address))
    stop(connection)
    connection.selected = connection.metadata_seen = None
    connection.session.step(Step.UNAUTHENTICATED)
    connection.account_id, connection.address = 0, None
    connection.reader.limits = BEFORE_LOGIN
    connection.stream.expire_in(settings.timeouts.login_s)
    connection.send(tagged_ok(tag, "Logged out of the account"))
    compression = connection.compression
    if compression is not None:  # RFC 8437 §4.1: both layers end here
        connection.write_out()
        connection.compression = None
        connection.reader.receive(compression.leftover)
