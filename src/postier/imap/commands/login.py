"""LOGIN.

Source: RFC 9051 §6.2.3; RFC 9755 §5 (UTF-8 is for AUTHENTICATE; accepted here, as it does no harm).
"""

import msgspec

from postier.imap.refusals import bad
from postier.imap.tokens import Cursor


class Login(msgspec.Struct, frozen=True):
    """User name and password."""

    tag: bytes
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login(tag={self.tag!r}, user={self.user!r})"


def parse(cursor: Cursor) -> Login:
    """`LOGIN` SP userid SP password."""
    cursor.space()
    user = cursor.astring()
    cursor.space()
    password = cursor.astring()
    cursor.end()
    try:
        return Login(cursor.tag, user.decode("utf-8"), password.decode("utf-8"))
    except UnicodeDecodeError:
        raise bad("User name and password must be UTF-8") from None
