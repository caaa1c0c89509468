"""METADATA lines and response codes.

Source: RFC 5464 §4.2.1, §4.3, §4.4. Invariant: a change is told by names alone, a request is answered with values.
"""

from collections.abc import Iterable, Sequence

from postier.imap.mailbox_names import encode_mailbox
from postier.imap.quoting import astring, literal8, nstring
from postier.imap.responses import ResponseCode

METADATA_TOOMANY = ResponseCode(b"METADATA TOOMANY")


def metadata_max_size(max_bytes: int) -> ResponseCode:
    """A value is too large; so many octets would be taken."""
    return ResponseCode(b"METADATA MAXSIZE %d" % max_bytes)


def metadata_long_entries(size_bytes: int) -> ResponseCode:
    """Values were left out; the largest has so many octets."""
    return ResponseCode(b"METADATA LONGENTRIES %d" % size_bytes)


def metadata_line(mailbox: str, values: Iterable[tuple[str, bytes | None]], *, utf8: bool) -> bytes:
    """Entries with their values."""
    words = []
    for entry, value in values:
        words.append(astring(entry.encode("ascii")))
        words.append(literal8(value) if value is not None and b"\0" in value else nstring(value))
    return b"* METADATA %b (%b)\r\n" % (encode_mailbox(mailbox, utf8=utf8), b" ".join(words))


def metadata_changed_line(mailbox: str, entries: Sequence[str], *, utf8: bool) -> bytes:
    """The names of entries that somebody changed."""
    names = b" ".join([astring(entry.encode("ascii")) for entry in entries])
    return b"* METADATA %b %b\r\n" % (encode_mailbox(mailbox, utf8=utf8), names)
