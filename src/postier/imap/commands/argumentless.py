"""The commands that take no argument.

Not here: DONE, which ends IDLE and is no command (`lexer.expect_answer`, `is_done`). Source: RFC 9051 §6.1,
§6.2.1, §6.3.10, §6.3.13, §6.4.1 to §6.4.3; RFC 3501 §6.4.1 (CHECK); RFC 8437 §3.
"""

import enum
from collections.abc import Callable

import msgspec

from postier.imap.tokens import Cursor


class Word(enum.Enum):
    """The verbs."""

    CAPABILITY = b"CAPABILITY"
    NOOP = b"NOOP"
    LOGOUT = b"LOGOUT"
    STARTTLS = b"STARTTLS"
    NAMESPACE = b"NAMESPACE"
    IDLE = b"IDLE"
    CHECK = b"CHECK"
    CLOSE = b"CLOSE"
    UNSELECT = b"UNSELECT"
    UNAUTHENTICATE = b"UNAUTHENTICATE"


class Argumentless(msgspec.Struct, frozen=True):
    """A verb by itself."""

    tag: bytes
    word: Word


def parser(word: Word) -> Callable[[Cursor], Argumentless]:
    """The parser of one of these verbs."""

    def parse(cursor: Cursor) -> Argumentless:
        cursor.end()
        return Argumentless(cursor.tag, word)

    return parse


def is_done(answer: bytes) -> bool:
    """Whether the line that came during IDLE ends it; anything else is the client's fault (BAD)."""
    return answer.upper() == b"DONE"
