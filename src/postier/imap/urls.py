"""URLs of a message or a part of it on this server.

Not here: what they lead to, URLs that are signed (`authorized_urls`). Source: RFC 5092 §5, §7.1 (relative IMAP URLs), §11; RFC
4469 §3: without scheme and server, as seen from the mailbox that is open. Invariant: whatever comes in, a URL or None comes out, in linear time.
"""

import re
from urllib.parse import unquote_to_bytes

import msgspec

from postier.imap.fetch_items import Partial, Section, SectionKind
from postier.imap.fetch_syntax import parse_fetch_items
from postier.imap.mailbox_names import DELIMITER
from postier.imap.refusals import PeerError, bad
from postier.imap.tokens import Cursor

MAX_URL_BYTES = 4_096

_URL = re.compile(
    r"(?:/(?P<mailbox>[^;?#]*?))?(?:;UIDVALIDITY=(?P<validity>[1-9][0-9]{0,9}))?"
    r"/?;UID=(?P<uid>[1-9][0-9]{0,9})(?:/?;SECTION=(?P<section>[^;/?#]+))?"
    r"(?:/?;PARTIAL=(?P<start>[0-9]{1,18})(?:\.(?P<count>[1-9][0-9]{0,17}))?)?",
    re.IGNORECASE,
)
_TO_THE_END = 1 << 62


class MessageUrl(msgspec.Struct, frozen=True):
    """A message, or a section of it; `mailbox` is None for the one that is open."""

    mailbox: str | None
    uid_validity: int | None
    uid: int
    section: Section = Section()
    partial: Partial | None = None


def parse_url(text: str) -> MessageUrl | None:
    """Read a relative URL; None for what leads to no message here."""
    found = _URL.fullmatch(text) if len(text) <= MAX_URL_BYTES else None
    if found is None:
        return None
    mailbox, section = None, Section()
    try:
        if found["mailbox"]:
            mailbox = unquote_to_bytes(found["mailbox"]).decode("utf-8").removesuffix(DELIMITER)
        if found["section"]:
            section = _section(unquote_to_bytes(found["section"]))
    except (UnicodeDecodeError, PeerError):
        return None
    partial = None
    if found["start"]:
        partial = Partial(int(found["start"]), int(found["count"] or _TO_THE_END))
    validity = found["validity"]
    return MessageUrl(mailbox, int(validity) if validity else None, int(found["uid"]), section, partial)


def url_text(raw: bytes) -> str:
    """A URL of a command as text; raises PeerError."""
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise bad("The URL is not ASCII") from None


def _section(raw: bytes) -> Section:
    """RFC 9051 §9 section-spec. Raises PeerError."""
    cursor = Cursor(b"BODY.PEEK[%b]" % raw)
    (item,) = parse_fetch_items(cursor, is_uid=False).sections
    cursor.end()
    if item.kind is not SectionKind.BODY or item.partial is not None:
        raise cursor.error("not a section")
    return item.section
