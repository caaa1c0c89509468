"""Two ends of TLS joined in memory: no sockets, no loop."""

import ssl
from itertools import chain


def handshake(
    server: ssl.SSLContext,
    client: ssl.SSLContext,
    name: str | None = None,
    *,
    session: ssl.SSLSession | None = None,
    step: int = 1 << 20,
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends after the handshake (client, server); raises what an end raises. `step`: octets a delivery."""
    to_server, to_client, from_client, from_server = (ssl.MemoryBIO() for _ in range(4))
    near = client.wrap_bio(to_client, from_client, server_side=False, server_hostname=name, session=session)
    far = server.wrap_bio(to_server, from_server, server_side=True)
    pending = {near, far}
    for _ in range(50):
        for end, out, into, peer in (
            (near, from_client, to_server, far),
            (far, from_server, to_client, near),
        ):
            failed = _step(end, pending)
            octets = out.read()
            for at in range(0, len(octets), step):
                into.write(octets[at : at + step])
                failed = failed or (_step(peer, pending) if step < len(octets) else None)
            if failed:
                raise failed
        if not pending:
            break
    assert not pending
    far.write(b"!")  # brings the tickets of TLS 1.3 along
    to_client.write(from_server.read())
    assert near.read(1) == b"!"
    return near, far


def _step(end: ssl.SSLObject, pending: set[ssl.SSLObject]) -> ssl.SSLError | None:
    if end not in pending:
        return None
    try:
        end.do_handshake()
        pending.discard(end)
    except ssl.SSLWantReadError:
        return None
    except ssl.SSLError as error:
        return error
    return None


def trusting(
    file, *, protocols: tuple[str, ...] = (), highest: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    """A client that trusts the authority in `file` and checks names."""
    context = ssl.create_default_context(cafile=str(file))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if highest is not None:
        context.maximum_version = highest
    return context


def shown_names(connection: ssl.SSLObject) -> list[str]:
    """The names of the certificate that the server showed."""
    certificate = connection.getpeercert() or {}
    return list(chain(value for _, value in certificate.get("subjectAltName", ())))
