"""GENURLAUTH and URLFETCH lines.

Source: RFC 4467 §8, §9. Invariant: a URL leaves as it came, octet for octet.
"""

from collections.abc import Iterable

from postier.imap.quoting import astring, nstring


def gen_url_auth_line(urls: Iterable[str]) -> bytes:
    """The URLs with their tokens."""
    return b"* GENURLAUTH %b\r\n" % b" ".join([astring(url.encode("ascii")) for url in urls])


def url_fetch_line(url: str, octets: bytes | None) -> bytes:
    """What one URL leads to; None: it is not good, for whatever reason."""
    return b"* URLFETCH %b %b\r\n" % (astring(url.encode("ascii")), nstring(octets))
