"""The fields a server puts on top of a letter that it takes: Return-Path and Received. Source: RFC 5321 §4.4.

Not here: Authentication-Results (`mailauth.authentication_results`). Invariant: nothing the peer said can break a line.
"""

import re
from collections.abc import Collection
from functools import lru_cache

from postier.mime.dates import format_date
from postier.mime.headers import HeaderSection, split_header
from postier.mta.peer import Peer

MAX_HOPS = 100  # RFC 5321 §6.3

_UNSAFE = re.compile(
    r"[^\x21-\x27\x2a-\x5b\x5d-\x7e]"
)  # outside of what a domain in a trace field may hold; also ()\


def received_field(
    peer: Peer,
    *,
    hostname: str,
    letter_id: str,
    recipient: str | None,
    is_utf8: bool,
    is_lmtp: bool,
    now_s: int,
) -> bytes:
    """One Received field, CRLF at its end. `recipient` is named only if it is the only one (RFC 5321 §7.2)."""
    protocol = "LMTP" if is_lmtp else "UTF8SMTP" if is_utf8 else "ESMTP"  # RFC 3848, RFC 6531 §3.7.3
    if peer.tls is not None:
        protocol += "S"
    if peer.account_id is not None:
        protocol += "A"
    tls = f" ({_safe(peer.tls.version)} {_safe(peer.tls.cipher)})" if peer.tls is not None else ""
    told = f"{_safe(peer.hostname)} {peer.literal}" if peer.hostname else peer.literal
    lines = [
        f"Received: from {_safe(peer.hello) or 'unknown'} ({told})",
        f"by {hostname} (Postier) with {protocol}{tls}",
        f"id {letter_id}" + (f" for <{recipient}>" if recipient is not None else "") + ";",
        _date(now_s),
    ]
    return "\r\n\t".join(lines).encode() + b"\r\n"


def return_path_field(reverse_path: str) -> bytes:
    """Return-Path, put on at final delivery (RFC 5321 §4.4)."""
    return b"Return-Path: <%s>\r\n" % reverse_path.encode()


def hops(header: HeaderSection) -> int:
    """How many servers a letter has passed: its Received fields."""
    return [key for _, key, _ in header.entries].count(b"received")


_date = lru_cache(maxsize=1)(format_date)  # letters of one second have one date


def without_fields(names: Collection[bytes], content: bytes) -> bytes:
    """The letter without the fields of these names (lower case)."""
    header = split_header(content)
    if all(key not in names for _, key, _ in header.entries):
        return content
    start = header.first_start
    end = start + sum(len(lines) for lines, _, _ in header.entries)
    kept = [lines for lines, key, _ in header.entries if key not in names]
    return b"".join((content[:start], *kept, content[end:]))


def _safe(text: str) -> str:
    return _UNSAFE.sub("?", text)
