"""DELETE.

Source: RFC 9051 §6.3.5.
"""

import msgspec

from postier.imap.refusals import no
from postier.imap.responses import CANNOT
from postier.imap.tokens import Cursor


class Delete(msgspec.Struct, frozen=True):
    """Remove a mailbox."""

    tag: bytes
    mailbox: str


def parse(cursor: Cursor) -> Delete:
    """`DELETE` SP mailbox."""
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.end()
    if mailbox == "INBOX":  # RFC 9051 §6.3.5
        raise no("INBOX cannot be deleted", CANNOT)
    return Delete(cursor.tag, mailbox)
