"""What the server says: strings, OK, NO and BYE with their codes.

Source: RFC 5804 §1.3, §4. Invariant: whatever text goes in, one response comes out: it is quoted if it can be, else a literal.
"""

import enum

import msgspec

from postier.managesieve.settings import MAX_STRING_OCTETS


class Status(enum.Enum):
    """How a command ended."""

    OK = "OK"
    NO = "NO"
    BYE = "BYE"


class Code(enum.Enum):
    """RFC 5804 §1.3."""

    ENCRYPT_NEEDED = "ENCRYPT-NEEDED"
    QUOTA = "QUOTA"
    QUOTA_MAX_SCRIPTS = "QUOTA/MAXSCRIPTS"
    QUOTA_MAX_SIZE = "QUOTA/MAXSIZE"
    TRY_LATER = "TRYLATER"
    ACTIVE = "ACTIVE"
    NONEXISTENT = "NONEXISTENT"
    ALREADY_EXISTS = "ALREADYEXISTS"
    WARNINGS = "WARNINGS"


class Answer(msgspec.Struct, frozen=True):
    """The end of a command; `data` are the lines before it."""

    status: Status = Status.OK
    text: str = ""
    code: Code | None = None
    data: bytes = b""

    def encode(self) -> bytes:
        """All of it."""
        code = b"" if self.code is None else b" (%s)" % self.code.value.encode()
        text = b" " + string(self.text.encode()) if self.text else b""
        return b"%s%s%s%s\r\n" % (self.data, self.status.value.encode(), code, text)


def no(text: str, code: Code | None = None) -> Answer:
    """A refusal."""
    return Answer(Status.NO, text, code)


def bye(text: str, code: Code | None = None) -> Answer:
    """The last word."""
    return Answer(Status.BYE, text, code)


def string(octets: bytes) -> bytes:
    """A quoted string, or a literal for what is long or has lines."""
    if len(octets) > MAX_STRING_OCTETS or b"\r" in octets or b"\n" in octets or b"\0" in octets:
        return literal(octets)
    return b'"%s"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def literal(octets: bytes) -> bytes:
    """A literal as servers send it."""
    return b"{%d}\r\n%s" % (len(octets), octets)


def tag(octets: bytes) -> bytes:
    """The answer to a NOOP that carries a string (RFC 5804 §2.13)."""
    return b'OK (TAG %s) "Done"\r\n' % string(octets)


LOG_IN_FIRST = no("log in first")
LOGGED_IN_ALREADY = no("you are logged in already")
UNKNOWN_COMMAND = no("unknown command")
BAD_ARGUMENTS = no("wrong arguments")
BAD_NAME = no("that can't be the name of a script")
TLS_FIRST = no("a password needs TLS; say STARTTLS first", Code.ENCRYPT_NEEDED)
NO_TLS = no("TLS is not offered here")
TLS_ACTIVE = no("TLS is active already")
MECHANISM_UNKNOWN = no("unknown authentication mechanism")
AUTH_CANCELLED = no("authentication cancelled")
NOT_BASE64 = no("that is not base64")
EMPTY_SCRIPT = no("a script is not empty")
SCRIPT_TOO_LARGE = no("the script is too large", Code.QUOTA_MAX_SIZE)
