r"""CREATE, with special uses.

Source: RFC 9051 §6.3.4; RFC 6154 §3 (USE). Invariant: a trailing delimiter, by which a client says that it
wants children, is dropped.
"""

import msgspec

from postier.imap.mailbox_names import DELIMITER
from postier.imap.refusals import bad, no
from postier.imap.responses import ALREADYEXISTS, CANNOT, USEATTR
from postier.imap.tokens import Cursor

# RFC 6154 §2 (and RFC 8457 for \Important); \All and \Flagged are views that no client can create
CREATABLE_USES = {
    b"\\ARCHIVE": "\\Archive",
    b"\\DRAFTS": "\\Drafts",
    b"\\JUNK": "\\Junk",
    b"\\SENT": "\\Sent",
    b"\\TRASH": "\\Trash",
}


class Create(msgspec.Struct, frozen=True):
    r"""Make a mailbox; `special_uses` like `\Sent`."""

    tag: bytes
    mailbox: str
    special_uses: tuple[str, ...] = ()


def parse(cursor: Cursor) -> Create:
    """`CREATE` SP mailbox [SP `(USE (…))`]."""
    cursor.space()
    mailbox = cursor.mailbox().removesuffix(DELIMITER)
    uses: tuple[str, ...] = ()
    if cursor.take(b" "):
        cursor.expect(b"(")
        if cursor.keyword() != b"USE":
            raise bad("Unknown CREATE parameter")
        cursor.space()
        uses = tuple(dict.fromkeys(cursor.items(lambda: _use(cursor), may_be_empty=True)))
        cursor.expect(b")")
    cursor.end()
    return Create(cursor.tag, checked_new_name(mailbox), uses)


def checked_new_name(mailbox: str) -> str:
    """A name that may come into being; raises PeerError (RFC 9051 §6.3.4, §5.1)."""
    if mailbox == "INBOX":
        raise no("INBOX always exists", ALREADYEXISTS)
    if "" in mailbox.split(DELIMITER):
        raise no("A level of the name is empty", CANNOT)
    if "%" in mailbox or "*" in mailbox:
        raise no("A mailbox name cannot contain % or *", CANNOT)  # RFC 9051 §5.1 item 3
    return mailbox


def _use(cursor: Cursor) -> str:
    cursor.expect(b"\\")
    use = CREATABLE_USES.get(b"\\" + cursor.keyword())
    if use is None:
        raise no("This special use cannot be given", USEATTR)
    return use
