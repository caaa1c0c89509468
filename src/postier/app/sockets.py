"""The listening sockets: opened once, before any worker exists, and shared by all workers.

Not here: accepting (`servers`). All workers accept on the same sockets, instead of one SO_REUSEPORT socket each:
a connection waits in one queue that outlives every worker, so none is lost when a worker crashes or restarts, and a
worker that is busy never holds up connections that the kernel has hashed to it. The price is a spread that is not
quite even: of a burst of 1,000 connections two uvloop workers took 428 and 572, another time 499 and 501
(`bench/bench_accept.py`), so uvloop's own `create_server(sock=...)` is even enough, and a third cheaper than accepting
one by one. systemd's sockets (sd_listen_fds(3)) are taken in place of our own where addresses match.
"""

import errno
import os
import socket
import time
from collections.abc import Iterable, Mapping, MutableMapping, Sequence

import msgspec

from postier.app.settings import Listener
from postier.app.start_error import StartError
from postier.app.values import Endpoint

BACKLOG = 1024
BIND_PATIENCE_S = 0.5
BIND_POLL_S = 0.05
FIRST_INHERITED = 3  # SD_LISTEN_FDS_START
MAX_INHERITED = 256


class ListeningSocket(msgspec.Struct, frozen=True):
    """One open socket of one listener; a name or `*` may have several."""

    listener: Listener
    socket: socket.socket

    @property
    def endpoint(self) -> Endpoint:
        """Where it really listens, also for port 0."""
        host, port = self.socket.getsockname()[:2]
        return Endpoint(host, port)


def open_listeners(
    listeners: Iterable[Listener], environ: MutableMapping[str, str]
) -> tuple[ListeningSocket, ...]:
    """Open all listeners, or none; raises StartError. systemd's variables are taken out of `environ`."""
    inherited = _inherited(environ)
    opened: list[ListeningSocket] = []
    try:
        for listener in listeners:
            opened += [ListeningSocket(listener, sock) for sock in _sockets(listener, inherited)]
        if inherited:
            addresses = ", ".join(str(Endpoint(*address[:2])) for address in inherited)
            raise StartError(
                f"systemd passed a socket for {addresses}, but no [[listener]] has this bind; add one"
            )
    except BaseException:
        close_all(opened)
        raise
    return tuple(opened)


def close_all(sockets: Iterable[ListeningSocket]) -> None:
    """Close them in this process; other processes keep theirs."""
    for listening in sockets:
        listening.socket.close()


def _sockets(listener: Listener, inherited: dict[tuple[str, int], socket.socket]) -> list[socket.socket]:
    bind = listener.bind
    opened: list[socket.socket] = []
    both = inherited.get(("::", bind.port)) if bind.host == "*" else None
    if both is not None and not both.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        return [inherited.pop(("::", bind.port))]  # systemd's default: one socket for both families
    try:
        for family, address in _addresses(bind):
            given = inherited.pop((address[0], address[1]), None)
            if given is not None:
                opened.append(given)
                continue
            port = address[1] or (
                opened[0].getsockname()[1] if opened else 0
            )  # `*:0`: one port for both families
            sock = _open(family, (address[0], port, *address[2:]), listener, is_optional=bind.host == "*")
            if sock is not None:
                opened.append(sock)
    except BaseException:
        for sock in opened:
            sock.close()
        raise
    if not opened:
        raise StartError(f"{bind} ({listener.protocol.value}): this machine has neither IPv4 nor IPv6")
    return opened


def _addresses(
    bind: Endpoint,
) -> Sequence[tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]]:
    if bind.host == "*":
        return [(socket.AF_INET, ("0.0.0.0", bind.port)), (socket.AF_INET6, ("::", bind.port, 0, 0))]  # noqa: S104 # asked for
    try:
        found = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise StartError(
            f"{bind}: the name does not resolve ({error.strerror}); give an IP address"
        ) from None
    unique = dict.fromkeys((family, address) for family, _, _, _, address in found)
    return [(family, (str(address[0]), int(address[1]), *address[2:])) for family, address in unique]


def _open(
    family: socket.AddressFamily, address: tuple[str | int, ...], listener: Listener, *, is_optional: bool
) -> socket.socket | None:
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        if is_optional:  # a machine without IPv6
            return None
        raise StartError(f"{listener.bind}: this machine does not have this kind of address") from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _bind(sock, address)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if (
            is_optional
            and family == socket.AF_INET6
            and error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
        ):
            return None
        raise StartError(_advice(listener, Endpoint(str(address[0]), int(address[1])), error)) from None
    return sock


def _bind(sock: socket.socket, address: tuple[str | int, ...]) -> None:
    """Bind and listen; a port that a server just stopping still holds is asked for again for a moment."""
    patience = time.monotonic() + BIND_PATIENCE_S
    while True:
        try:
            sock.bind(address)
            sock.listen(BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > patience:
                raise
            time.sleep(BIND_POLL_S)
        else:
            return


def _advice(listener: Listener, endpoint: Endpoint, error: OSError) -> str:
    what = f"{endpoint} ({listener.protocol.value})"
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"{what}: the port is in use by another program; "
                f"find it with `ss -ltnp 'sport = :{endpoint.port}'` and stop it, or set another bind"
            )
        case errno.EACCES:
            return (
                f"{what}: ports below 1024 need root (set user to drop it afterwards) or CAP_NET_BIND_SERVICE"
            )
        case errno.EADDRNOTAVAIL:
            return f"{what}: this machine does not have this address; see `ip address`"
        case _:
            return f"{what}: cannot be opened: {error.strerror}"


def _inherited(environ: MutableMapping[str, str]) -> dict[tuple[str, int], socket.socket]:
    """The sockets that systemd passed to this very process, by address (sd_listen_fds(3))."""
    count, pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    environ.pop("LISTEN_FDNAMES", None)
    if not count.isdigit() or pid != str(os.getpid()):
        return {}
    found: dict[tuple[str, int], socket.socket] = {}
    for descriptor in range(FIRST_INHERITED, FIRST_INHERITED + min(int(count), MAX_INHERITED)):
        os.set_inheritable(descriptor, False)  # the call takes no keyword
        sock = socket.socket(fileno=descriptor)
        if sock.type != socket.SOCK_STREAM or sock.family not in {socket.AF_INET, socket.AF_INET6}:
            raise StartError(
                f"systemd passed descriptor {descriptor}, which is no TCP socket; use ListenStream=PORT"
            )
        sock.setblocking(False)
        host, port = sock.getsockname()[:2]
        found[host, port] = sock
    return found


def names(sockets: Iterable[ListeningSocket]) -> str:
    """What listens where, for people: `smtp 127.0.0.1:25, imap [::1]:143`."""
    return ", ".join(f"{s.listener.protocol.value} {s.endpoint}" for s in sockets)


def by_listener(sockets: Iterable[ListeningSocket]) -> Mapping[Listener, tuple[socket.socket, ...]]:
    """The sockets of each listener."""
    grouped: dict[Listener, tuple[socket.socket, ...]] = {}
    for listening in sockets:
        grouped[listening.listener] = (*grouped.get(listening.listener, ()), listening.socket)
    return grouped
