"""RENAME.

Source: RFC 9051 §6.3.6. Renaming INBOX moves its messages and leaves it empty; that is the mailbox room's
duty.
"""

import msgspec

from postier.imap.commands.create import checked_new_name
from postier.imap.mailbox_names import DELIMITER
from postier.imap.tokens import Cursor


class Rename(msgspec.Struct, frozen=True):
    """Give a mailbox and those below it another name."""

    tag: bytes
    mailbox: str
    new_name: str


def parse(cursor: Cursor) -> Rename:
    """`RENAME` SP mailbox SP mailbox."""
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.space()
    new_name = cursor.mailbox().removesuffix(DELIMITER)
    cursor.end()
    return Rename(cursor.tag, mailbox, checked_new_name(new_name))
