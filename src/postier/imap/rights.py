"""Rights on mailboxes, as letters.

Not here: who has them (`mailbox.rights`). Source: RFC 4314 §2.1, §2.1.1 (the virtual rights c and d). Invariant: c and d are
never stored; they are read as their members and shown with any of them.
"""

import enum
from collections.abc import Iterable

from postier.imap.refusals import bad


class Right(enum.Enum):
    """The standard rights (RFC 4314 §2.1), in the order in which they are shown."""

    LOOKUP = "l"
    READ = "r"
    SEEN = "s"
    WRITE = "w"
    INSERT = "i"
    POST = "p"
    CREATE = "k"
    DELETE_MAILBOX = "x"
    DELETE_MESSAGE = "t"
    EXPUNGE = "e"
    ADMINISTER = "a"


ALL_RIGHTS = frozenset(Right)
NEW_RIGHTS = "".join(sorted("kxte"))  # of the RIGHTS= capability (RFC 4314 §2.2)

_CREATE = frozenset([Right.CREATE, Right.DELETE_MAILBOX])  # c
_DELETE = frozenset([Right.EXPUNGE, Right.DELETE_MESSAGE])  # d
_LETTERS = {right.value: frozenset([right]) for right in Right} | {"c": _CREATE, "d": _DELETE}


def parse_rights(text: str) -> frozenset[Right]:
    """The rights that letters name. Raises PeerError (BAD) for a letter that is no right."""
    rights: frozenset[Right] = frozenset()
    for letter in text:
        if letter not in _LETTERS:
            raise bad(f"{letter!r} is not a right")
        rights |= _LETTERS[letter]
    return rights


def stored_rights(rights: Iterable[Right]) -> str:
    """The letters as they are kept."""
    held = frozenset(rights)
    return "".join(right.value for right in Right if right in held)


def rights_text(rights: Iterable[Right]) -> str:
    """The letters as they are shown: c and d go with their members."""
    held = frozenset(rights)
    return stored_rights(held) + ("c" if held & _CREATE else "") + ("d" if held & _DELETE else "")
