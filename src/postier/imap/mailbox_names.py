"""Mailbox names: modified UTF-7 and UTF-8 on the wire, one Unicode text inside.

Not here: LIST patterns (`list_patterns`), which mailboxes exist. Source: RFC 9051 §5.1, appendix A.1; RFC
3501 §5.1.3; RFC 9755 §3; RFC 5198 (Net-Unicode: NFC). Invariants: inside, INBOX is upper case also as the
first level of a name, text is in NFC without control characters; `decode_mailbox(encode_mailbox(name)) ==
name`.
"""

import re
import unicodedata
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from postier.imap.quoting import astring
from postier.imap.refusals import PeerError, bad, no
from postier.imap.responses import CANNOT

DELIMITER = "/"
MAX_NAME_BYTES = 1000  # UTF-8 octets of a whole name

_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")
_NON_ASCII = re.compile(r"[^\x20-\x7e]+")
_FORBIDDEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")  # RFC 9755 §3


def decode_mailbox(raw: bytes, *, utf8: bool) -> str:
    """A name from the wire in canonical form; raises PeerError. `utf8`: the client enabled IMAP4rev2 or UTF8=ACCEPT."""
    if len(raw) > 3 * MAX_NAME_BYTES:
        raise no("Mailbox name is too long", CANNOT)
    name = _decode_utf8(raw) if utf8 else decode_utf7(raw)
    return canonical(name)


def canonical(name: str) -> str:
    """NFC, INBOX in upper case; raises PeerError for names that must not exist (RFC 9755 §3)."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)  # RFC 9051 §5.1
    if _FORBIDDEN.search(name):
        raise no("Mailbox name contains a control character", CANNOT)
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise no("Mailbox name is too long", CANNOT)
    if name[:5].upper() == "INBOX" and (len(name) == 5 or name[5] == DELIMITER):  # RFC 9051 §9 mailbox
        name = "INBOX" + name[5:]
    return name


def encode_mailbox(name: str, *, utf8: bool) -> bytes:
    """A name as an astring for a response."""
    if utf8:
        return astring(name.encode("utf-8"), utf8=True)
    return astring(encode_utf7(name))


def decode_utf7(raw: bytes) -> str:
    """Modified UTF-7 to text; raises PeerError unless `raw` is the one right form (RFC 9051 appendix A.1)."""
    if not raw.isascii():
        # RFC 3501 §5.1.3 has no 8-bit names; one encoding per session keeps one name one mailbox
        raise bad("8-bit mailbox name before ENABLE IMAP4rev2 or UTF8=ACCEPT")
    if b"&" not in raw:
        return raw.decode("ascii")
    parts = []
    done = 0
    for shifted in _SHIFTED.finditer(raw):
        parts.append(_direct(raw[done : shifted.start()]))
        parts.append(_decode_base64(shifted[1]) if shifted[1] else "&")
        done = shifted.end()
    parts.append(_direct(raw[done:]))
    name = "".join(parts)
    if encode_utf7(name) != raw:  # superfluous shifts, encoded ASCII
        raise _not_utf7()
    return name


def encode_utf7(name: str) -> bytes:
    """Text to modified UTF-7."""
    if name.isascii() and name.isprintable():
        return name.replace("&", "&-").encode("ascii")
    return _NON_ASCII.sub(_encode_run, name.replace("&", "&-")).encode("ascii")


def _encode_run(run: re.Match[str]) -> str:
    base64 = b2a_base64(run[0].encode("utf-16-be", "surrogatepass"), newline=False)
    return "&" + base64.rstrip(b"=").replace(b"/", b",").decode("ascii") + "-"


def _decode_base64(shifted: bytes) -> str:
    padded = shifted.replace(b",", b"/") + b"=" * (-len(shifted) % 4)
    try:
        return a2b_base64(padded, strict_mode=True).decode("utf-16-be")
    except (Base64Error, UnicodeDecodeError):
        raise _not_utf7() from None


def _decode_utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise bad("Mailbox name is not UTF-8") from None


def _direct(raw: bytes) -> str:
    if b"&" in raw:
        raise _not_utf7()
    return raw.decode("ascii")


def _not_utf7() -> PeerError:
    return no("Mailbox name is not modified UTF-7", CANNOT)
