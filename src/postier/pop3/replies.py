"""Answers: status lines with their response codes, and the frame of multi-line ones.

Not here: which answer (`session`), the octets of messages (`dots`). Sources: RFC 1939 §3; RFC 2449 §3, §8; RFC 3206.
Invariant: a status line is one line of at most 512 octets, and its text begins with "[" only if that is a code
(RFC 2449 §6.4).
"""

import enum

import msgspec

TERMINATOR = b".\r\n"
MAX_STATUS_OCTETS = 512  # RFC 2449 §4, its CRLF included


class Code(enum.Enum):
    """A response code that a program understands."""

    IN_USE = "IN-USE"  # RFC 2449 §8.1.2
    TEMPORARY = "SYS/TEMP"  # RFC 3206 §4
    PERMANENT = "SYS/PERM"
    AUTH = "AUTH"  # RFC 3206 §5


class Refusal(msgspec.Struct, frozen=True):
    """Why something is refused."""

    text: str
    code: Code | None = None

    def line(self) -> bytes:
        """The whole line."""
        code = "" if self.code is None else f"[{self.code.value}] "
        return b"-ERR %s\r\n" % f"{code}{self.text}".encode()[: MAX_STATUS_OCTETS - 7]


UNKNOWN_COMMAND = Refusal("unknown command")
BAD_ARGUMENTS = Refusal("wrong arguments")
LOG_IN_FIRST = Refusal("log in first")
LOGGED_IN_ALREADY = Refusal("you are logged in already")
NO_SUCH_MESSAGE = Refusal("no such message")
TLS_FIRST = Refusal("a password needs TLS; say STLS first", Code.PERMANENT)
NO_TLS = Refusal("TLS is not offered here")
TLS_ACTIVE = Refusal("TLS is active already")
USER_FIRST = Refusal("say USER first")
UTF8_BEFORE_STLS = Refusal("STLS comes before UTF8")
NOT_UTF8 = Refusal("that is not UTF-8", Code.AUTH)
MECHANISM_UNKNOWN = Refusal("unknown authentication mechanism")
AUTH_CANCELLED = Refusal("authentication cancelled")
NOT_BASE64 = Refusal("that is not base64")
NO_SUCH_LANGUAGE = Refusal("no such language")
FOREIGN_PROTOCOL = Refusal("this is a POP3 server")
TOO_MANY_COMMANDS = Refusal("too many commands before a login")
TOO_MANY_ERRORS = Refusal("too many errors")


def ok(text: str = "") -> bytes:
    """A positive status line."""
    return b"+OK %s\r\n" % text.encode() if text else b"+OK\r\n"


def multi_line(text: str, *lines: str) -> bytes:
    """A short multi-line answer; no line may begin with the terminator."""
    return b"".join([ok(text), *(f"{line}\r\n".encode() for line in lines), TERMINATOR])
