"""The servers that a machine or a configuration names: /etc/resolv.conf and `host:port` texts.

Not here: search domains and `ndots`; mail asks for full names only. Source: resolv.conf(5). Invariant: at most
`MAX_SERVERS`, and never none: a machine without a list asks itself, as the C library does.
"""

from pathlib import Path

from postier.dns.exchange import Server

MAX_SERVERS = 3  # MAXNS of resolv.conf(5)
RESOLV_CONF = Path("/etc/resolv.conf")


def servers(path: Path = RESOLV_CONF) -> tuple[Server, ...]:
    """The servers of a resolv.conf; `options trust-ad` makes their AD bit count."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    hosts: list[str] = []
    trusted = False
    for line in lines:
        words = line.partition("#")[0].partition(";")[0].split()
        if len(words) > 1 and words[0] == "nameserver":
            hosts.append(words[1])
        elif words[:1] == ["options"]:
            trusted = trusted or "trust-ad" in words
    return tuple(Server(host, 53, trusted) for host in hosts[:MAX_SERVERS] or ["127.0.0.1"])


def parse_server(text: str, *, trusted: bool = False) -> Server:
    """`127.0.0.1`, `127.0.0.1:5353`, `::1` or `[::1]:5353` as a server; raises ValueError with what is wrong."""
    host, port = text.strip(), "53"
    if host.startswith("["):
        host, bracket, rest = host[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"DNS server {text!r} is not written [address]:port")
        port = rest[1:] or port
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not host:
        raise ValueError(f"DNS server {text!r} has no address")
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(f"DNS server {text!r} has an invalid port")
    return Server(host, int(port), trusted)
