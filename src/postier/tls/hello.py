"""The ClientHello, read for the one thing OpenSSL does not tell: which application protocols the client offers.

Pure octets; not here: the decision (`server`). Sources: RFC 8446 §4.1.2 and §5.1, RFC 7301 §3.1. Invariants: linear in
the input; a hello that cannot be read offers nothing here and is refused by OpenSSL itself.
"""

MAX_HELLO_OCTETS = 16_384  # some 2 KiB with post-quantum key shares; one record's worth is ample
_HANDSHAKE = 22
_CLIENT_HELLO = 1
_ALPN = 16


def handshake_octets(stream: bytes) -> bytes:
    """The handshake octets that the complete TLS records at the start of `stream` carry (RFC 8446 §5.1)."""
    at, fragments = 0, []
    while stream[at : at + 1] == b"\x16" and at + 5 <= len(stream):
        end = at + 5 + int.from_bytes(stream[at + 3 : at + 5], "big")
        if end == at + 5 or end > len(stream):
            break
        fragments.append(stream[at + 5 : end])
        at = end
    return b"".join(fragments)


def offered_protocols(stream: bytes) -> tuple[str, ...] | None:
    """The ALPN list of the ClientHello at the start of `stream`; None if it has no such extension (or no hello)."""
    hello = handshake_octets(stream)
    if len(hello) < 38 or hello[0] != _CLIENT_HELLO:
        return None
    at = 4 + 2 + 32  # header, legacy_version, random
    for width in (1, 2, 1):  # legacy_session_id, cipher_suites, legacy_compression_methods
        at += width + int.from_bytes(hello[at : at + width], "big")
    end = min(at + 2 + int.from_bytes(hello[at : at + 2], "big"), len(hello))
    at += 2
    while at + 4 <= end:
        kind = int.from_bytes(hello[at : at + 2], "big")
        size = int.from_bytes(hello[at + 2 : at + 4], "big")
        if kind == _ALPN:
            return _protocols(hello[at + 4 : min(at + 4 + size, end)])
        at += 4 + size
    return None


def _protocols(extension: bytes) -> tuple[str, ...]:
    """RFC 7301 §3.1: a list of names, each with its length."""
    at, names = 2, []
    while at < len(extension):
        size = extension[at]
        names.append(extension[at + 1 : at + 1 + size].decode("latin-1"))
        at += 1 + size
    return tuple(names)
