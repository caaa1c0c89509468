"""Command lines and paths: from octets to typed values.

Not here: parameters (`parameters`), what is allowed when (`commands`). Sources: RFC 5321 §4.1.1 and §4.1.2, RFC 6531
§3.3. Invariants: the fast patterns accept only what the full grammar accepts, with the same result; each parse
takes time linear in the line; malformed input gives PathError or ValueError, nothing else.
"""

import re
from typing import Final

import msgspec

from postier.mime.address import Address
from postier.smtp.reason import RECIPIENT_SYNTAX, SENDER_SYNTAX, Reason

MAX_PATH_OCTETS: Final = 256  # RFC 5321 §4.5.3.1.3, brackets included, without the source route
MAX_HELLO_OCTETS: Final = 255  # RFC 5321 §4.5.3.1.2

_LABEL = rb"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_PLAIN_ATOM = rb"[A-Za-z0-9#$&'*+\-/=?^_`{|}~]+"  # without the "%" and "!" of routing tricks
_PLAIN_MAILBOX = (
    rb"<(" + _PLAIN_ATOM + rb"(?:\." + _PLAIN_ATOM + rb")*)@(" + _LABEL + rb"(?:\." + _LABEL + rb")*)>"
)

# The form that nearly every command has, matched where it stands in the buffer: no line is cut out.
FAST_MAIL: Final = re.compile(rb"MAIL FROM:" + _PLAIN_MAILBOX + rb"(?: ([!-~]+(?: [!-~]+)*))?\r\n")
FAST_RECIPIENT: Final = re.compile(rb"RCPT TO:" + _PLAIN_MAILBOX + rb"(?: ([!-~]+(?: [!-~]+)*))?\r\n")

_PATH = re.compile(
    rb"<(?:(@[^<>\",:@ ]+(?:,@[^<>\",:@ ]+)*):)?"  # A-d-l, the source route
    rb"(|(?:\"(?:[^\"\\]|\\.)*\"|[^<>\"@ ]+)(?:@[^<>\"@ ]+)?)>"  # Mailbox, "Postmaster" or nothing
    rb"(?: +(.*))?",
    re.DOTALL,
)
_HELLO = re.compile(rb"[^\x00-\x20()<>@,;\\\"\x7f-\xff]{1,%d}" % MAX_HELLO_OCTETS)
CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")  # RFC 5321 §4.1.2: not in commands


class Path(msgspec.Struct, frozen=True):
    """What stands between "<" and ">" (`mailbox` None: the null path or bare Postmaster) and what follows it."""

    mailbox: Address | None
    parameters: bytes
    is_routed: bool  # it had a source route, which is left out: RFC 5321 §4.1.2, Appendix C
    is_ascii: bool  # it could be sent without SMTPUTF8: RFC 6531 §3.5


class PathError(ValueError):
    """Not a path; `reason` is what to answer."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text)
        self.reason = reason


def split_command(line: bytes) -> tuple[bytes, bytes]:
    """Verb in upper case and argument without surrounding spaces, of a line without its CRLF."""
    verb, _, argument = line.partition(b" ")
    return verb.upper(), argument.strip(b" ")


def parse_hello(argument: bytes) -> str:
    """The name after HELO, EHLO or LHLO; raises ValueError.

    Wider than Domain / address-literal: Windows machines send underscores, broken NATs send bare addresses, and
    RFC 5321 §4.1.4 forbids to refuse mail for a name that is merely wrong. Nothing that needs quoting gets in.
    """
    if not _HELLO.fullmatch(argument):
        raise ValueError("not a host name")
    return argument.decode("ascii")


def fast_address(local: bytes, domain: bytes) -> Address | None:
    """The address of a fast match, or None where a limit calls for the full parser and its error."""
    if len(local) > 64 or len(local) + len(domain) > MAX_PATH_OCTETS - 3:
        return None
    return Address(local.decode("ascii"), domain.decode("ascii").lower())


def parse_reverse_path(argument: bytes) -> Path:
    """The argument of MAIL, `FROM:<path> parameters`; raises PathError.

    A source route is ignored, as RFC 5321 §4.1.2 asks. Spaces after the colon, which §3.3 forbids, are let pass:
    scripts and old device firmware send them, and they can mean nothing else.
    """
    path = _parse(argument, b"FROM:", SENDER_SYNTAX)
    if path.mailbox is None and argument[5:].lstrip(b" ")[:2] != b"<>":
        raise PathError(SENDER_SYNTAX)
    return path


def parse_forward_path(argument: bytes) -> Path:
    """The argument of RCPT, `TO:<path> parameters`; raises PathError. `mailbox` is None for bare `<Postmaster>`."""
    path = _parse(argument, b"TO:", RECIPIENT_SYNTAX)
    if path.mailbox is None and argument[3:].lstrip(b" ")[:12].lower() != b"<postmaster>":
        raise PathError(RECIPIENT_SYNTAX)
    return path


def _parse(argument: bytes, keyword: bytes, reason: Reason) -> Path:
    if argument[: len(keyword)].upper() != keyword:
        raise PathError(reason)
    match = _PATH.fullmatch(argument[len(keyword) :].lstrip(b" "))
    if match is None:
        raise PathError(reason)
    route, mailbox, parameters = match.groups()
    if len(mailbox) > MAX_PATH_OCTETS - 2:
        raise PathError(reason.with_text("Path too long"))  # RFC 5321 §4.5.3.1.9
    address: Address | None = None
    if mailbox and mailbox.lower() != b"postmaster":  # RFC 5321 §4.1.1.3: Postmaster in any case, no domain
        try:
            address = Address.parse(mailbox.decode("utf-8"))
        except ValueError:
            raise PathError(reason) from None
    elif route:
        raise PathError(reason)
    return Path(address, parameters or b"", route is not None, mailbox.isascii())
