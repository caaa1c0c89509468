"""The server's side of a TLS handshake, for every protocol.

Not here: certificates (`tls.server`), what the session does once it is encrypted. Invariant: a connection whose handshake failed is cut
off, and the log says why.
"""

import ssl

import structlog

from postier.tls.server import ServerTls
from postier.tls.stream import AcceptTls, Stream


async def shake_hands(
    stream: Stream, begin: AcceptTls, tls: ServerTls | None, timeout_s: float
) -> ssl.SSLObject | None:
    """Begin TLS by `begin` (`Stream.accept_tls` or `begin_with_tls`); None when it failed."""
    assert tls is not None  # a listener without a certificate offers no TLS
    try:
        return await begin(tls.context, timeout_s)
    except (OSError, ssl.SSLError) as error:
        structlog.get_logger().info("tls-failed", peer=stream.peer_ip, error=str(error) or repr(error))
        stream.abort()
        return None
