"""The ESMTP parameters of MAIL and RCPT: what they say, how they are read and written.

Not here: which of them a session allows (`commands`), xtext itself (`xtext`). Sources: RFC 5321 §4.1.2
(esmtp-param), 1870 (SIZE), 6152 (BODY), 6531 (SMTPUTF8), 3461 (RET ENVID NOTIFY ORCPT), 4954 §5 (AUTH),
8689 (REQUIRETLS), 2852 §4 (BY), 6533 §3 (utf-8 addresses in ORCPT). Invariants: a value parsed and written again means the same; every
malformed or repeated parameter is a ParameterError with its reason; nothing else is raised.
"""

import re
from enum import Enum, Flag
from typing import Final, TypeVar

import msgspec

from postier.mime.address import Address
from postier.smtp.reason import ARGUMENT, UNSUPPORTED_PARAMETER, Reason
from postier.smtp.xtext import decode_unitext, decode_xtext, encode_unitext, encode_xtext

MAX_ENVID_OCTETS: Final = 100  # RFC 3461 §4.4
MAX_ORCPT_OCTETS: Final = 500  # RFC 3461 §4.2
MAX_SIZE_DIGITS: Final = 20  # RFC 1870 §5
MAX_BY_SECONDS: Final = 999_999_999  # RFC 2852 §4, in the past and in the future

_KEYWORD = re.compile(rb"[A-Z0-9][A-Z0-9-]*")  # RFC 5321 §4.1.2
_COMMON = re.compile(rb"SIZE=([0-9]{1,20})(?: BODY=(7BIT|8BITMIME))?")  # what nearly every client sends
_BY = re.compile(rb"([+-]?[0-9]{1,9});([NR])(T?)", re.IGNORECASE)  # RFC 2852 §4
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+")
_Member = TypeVar("_Member", bound=Enum)
_PRINTABLE = re.compile(r"[\t\x20-\x7e]*")


class Body(Enum):
    """What octets the message has (RFC 6152 §3)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"


class Return(Enum):
    """How much of the message a bounce gives back (RFC 3461 §4.3)."""

    FULL = "FULL"
    HEADERS = "HDRS"


class Notify(Flag):
    """When a report is wanted (RFC 3461 §4.1); NEVER is the empty set."""

    NEVER = 0
    SUCCESS = 1
    FAILURE = 2
    DELAY = 4


class OriginalRecipient(msgspec.Struct, frozen=True):
    """ORCPT: the address the sender wrote, decoded, with its type, "rfc822" or "utf-8" mostly (RFC 3461 §4.2)."""

    address_type: str
    address: str


class DeliverBy(msgspec.Struct, frozen=True):
    """BY: within how many seconds the message is to be delivered, and what follows if it is not (RFC 2852 §4).

    `is_return`: by-mode R, it fails then (`seconds` is positive); else N, the sender is told. `is_traced`: each relay is told.
    """

    seconds: int
    is_return: bool = False
    is_traced: bool = False


class MailParameters(msgspec.Struct, frozen=True):
    """The parameters of MAIL; None is "not given". `auth` of "" is AUTH=<> (RFC 4954 §5)."""

    size_bytes: int | None = None
    body: Body | None = None
    smtputf8: bool = False
    ret: Return | None = None
    envid: str | None = None
    auth: str | None = None
    requiretls: bool = False
    deliver_by: DeliverBy | None = None


class RecipientParameters(msgspec.Struct, frozen=True):
    """The parameters of RCPT; None is "not given"."""

    notify: Notify | None = None
    orcpt: OriginalRecipient | None = None


_BODIES: Final = {None: None, b"7BIT": Body.SEVEN_BIT, b"8BITMIME": Body.EIGHT_BIT}
NOTIFY_DEFAULT: Final = Notify.FAILURE | Notify.DELAY  # what no NOTIFY means (RFC 3461 §4.1)
_NOTIFY_WORDS: Final = {b"SUCCESS": Notify.SUCCESS, b"FAILURE": Notify.FAILURE, b"DELAY": Notify.DELAY}
NO_MAIL_PARAMETERS: Final = MailParameters()
NO_RECIPIENT_PARAMETERS: Final = RecipientParameters()


class ParameterError(ValueError):
    """A parameter that is malformed, repeated or unknown; `reason` is what to answer."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text)
        self.reason = reason


def _malformed(keyword: str) -> ParameterError:
    return ParameterError(ARGUMENT.with_text(f"Malformed parameter {keyword}"))


def _split(text: bytes) -> dict[bytes, bytes | None]:
    """Keyword and value of each parameter; a repeated one is an error (RFC 3461 §4.5 and by its example)."""
    found: dict[bytes, bytes | None] = {}
    for word in text.split():
        keyword, equals, value = word.partition(b"=")
        keyword = keyword.upper()
        if not _KEYWORD.fullmatch(keyword) or keyword in found or (equals and not value):
            raise ParameterError(ARGUMENT)
        found[keyword] = value if equals else None
    return found


def parse_mail_parameters(text: bytes) -> MailParameters:
    """Read what follows the reverse-path; raises ParameterError (501 malformed, 555 unknown)."""
    common = _COMMON.fullmatch(text)
    if common is not None:
        return MailParameters(int(common[1]), _BODIES[common[2]])
    size: int | None = None
    body: Body | None = None
    ret: Return | None = None
    envid: str | None = None
    auth: str | None = None
    deliver_by: DeliverBy | None = None
    smtputf8 = requiretls = False
    for keyword, value in _split(text).items():
        if keyword == b"SIZE":
            if value is None or not value.isdigit() or len(value) > MAX_SIZE_DIGITS:  # RFC 1870 §5
                raise _malformed("SIZE")
            size = int(value)
        elif keyword == b"BODY":
            body = _member(Body, "BODY", value)
        elif keyword == b"SMTPUTF8" and value is None:  # RFC 6531 §3.4: no value
            smtputf8 = True
        elif keyword == b"RET":
            ret = _member(Return, "RET", value)
        elif keyword == b"ENVID":
            envid = _envid(value)
        elif keyword == b"AUTH":
            auth = _auth(value)
        elif keyword == b"BY":
            deliver_by = _deliver_by(value)
        elif keyword == b"REQUIRETLS" and value is None:  # RFC 8689 §2
            requiretls = True
        elif keyword in {b"SMTPUTF8", b"REQUIRETLS"}:
            raise _malformed(keyword.decode())
        else:
            raise ParameterError(UNSUPPORTED_PARAMETER)  # RFC 5321 §4.1.1.11
    return MailParameters(size, body, smtputf8, ret, envid, auth, requiretls, deliver_by)


def parse_recipient_parameters(text: bytes) -> RecipientParameters:
    """Read what follows the forward-path; raises ParameterError (501 malformed, 555 unknown)."""
    notify: Notify | None = None
    orcpt: OriginalRecipient | None = None
    for keyword, value in _split(text).items():
        if keyword == b"NOTIFY":
            notify = _notify(value)
        elif keyword == b"ORCPT":
            orcpt = _original_recipient(value)
        else:
            raise ParameterError(UNSUPPORTED_PARAMETER)
    return RecipientParameters(notify, orcpt)


def _member(kind: type[_Member], keyword: str, value: bytes | None) -> _Member:
    try:
        return kind((value or b"").decode("ascii").upper())
    except ValueError:
        raise _malformed(keyword) from None


def _text(keyword: str, value: bytes | None) -> str:
    try:
        return (value or b"").decode("utf-8")
    except ValueError:
        raise _malformed(keyword) from None


def _envid(value: bytes | None) -> str:
    if value is None or len(value) > MAX_ENVID_OCTETS:
        raise _malformed("ENVID")
    try:
        envid = decode_xtext(_text("ENVID", value))
    except ValueError:
        raise _malformed("ENVID") from None
    if not _PRINTABLE.fullmatch(envid):  # RFC 3461 §4.4: it goes into a header field of the DSN
        raise _malformed("ENVID")
    return envid


def _auth(value: bytes | None) -> str:
    if value == b"<>":
        return ""
    try:
        return str(Address.parse(decode_xtext(_text("AUTH", value))))  # RFC 4954 §5: a mailbox in xtext
    except ValueError:
        raise _malformed("AUTH") from None


def _deliver_by(value: bytes | None) -> DeliverBy:
    found = _BY.fullmatch(value or b"")
    if found is None:
        raise _malformed("BY")
    by = DeliverBy(int(found[1]), found[2] in b"Rr", bool(found[3]))
    if by.is_return and by.seconds <= 0:  # RFC 2852 §4
        raise _malformed("BY")
    return by


def _notify(value: bytes | None) -> Notify:
    notify = Notify.NEVER
    words = (value or b"").upper().split(b",")
    if words == [b"NEVER"]:
        return notify
    for word in words:
        flag = _NOTIFY_WORDS.get(word)
        if flag is None:  # also NEVER beside another word: RFC 3461 §4.1
            raise _malformed("NOTIFY")
        notify |= flag
    return notify


def _original_recipient(value: bytes | None) -> OriginalRecipient:
    if value is None or len(value) > MAX_ORCPT_OCTETS:
        raise _malformed("ORCPT")
    kind, semicolon, encoded = _text("ORCPT", value).partition(";")
    is_utf8 = kind.lower() == "utf-8"
    if not semicolon or not _ADDRESS_TYPE.fullmatch(kind):
        raise _malformed("ORCPT")
    try:
        address = decode_unitext(encoded) if is_utf8 else decode_xtext(encoded)
    except ValueError:
        raise _malformed("ORCPT") from None
    # RFC 3461 §4.2: printable, as it goes into a header field of the DSN; RFC 6533 §3 widens it to UTF-8
    if not address.isprintable() or (not is_utf8 and not address.isascii()):
        raise _malformed("ORCPT")
    return OriginalRecipient(kind, address)  # RFC 3461 §5.2.1 (d): no letter changes its case


def format_mail_parameters(parameters: MailParameters) -> str:
    """The parameters as they follow the reverse-path, each with a space before it."""
    words = [""]
    if parameters.size_bytes is not None:
        words.append(f"SIZE={parameters.size_bytes}")
    if parameters.body is not None:
        words.append(f"BODY={parameters.body.value}")
    if parameters.smtputf8:
        words.append("SMTPUTF8")
    if parameters.ret is not None:
        words.append(f"RET={parameters.ret.value}")
    if parameters.envid is not None:
        words.append(f"ENVID={encode_xtext(parameters.envid)}")
    if parameters.auth is not None:
        words.append(f"AUTH={encode_xtext(parameters.auth) or '<>'}")
    if parameters.requiretls:
        words.append("REQUIRETLS")
    if (by := parameters.deliver_by) is not None:
        seconds = max(-MAX_BY_SECONDS, min(by.seconds, MAX_BY_SECONDS))
        words.append(f"BY={seconds};{'R' if by.is_return else 'N'}{'T' * by.is_traced}")
    return " ".join(words)


def format_recipient_parameters(parameters: RecipientParameters, *, smtputf8: bool) -> str:
    """The parameters as they follow the forward-path, each with a space before it."""
    words = [""]
    if parameters.notify is not None:
        words.append(f"NOTIFY={','.join(notify_words(parameters.notify))}")
    if (orcpt := parameters.orcpt) is not None:
        words.append(f"ORCPT={format_original_recipient(orcpt, smtputf8=smtputf8)}")
    return " ".join(words)


def notify_words(notify: Notify) -> tuple[str, ...]:
    """The words of NOTIFY."""
    return tuple(word.decode() for word, flag in _NOTIFY_WORDS.items() if flag in notify) or ("NEVER",)


def format_original_recipient(orcpt: OriginalRecipient, *, smtputf8: bool) -> str:
    """The value of ORCPT."""
    if orcpt.address_type.lower() == "utf-8":
        encoded = encode_unitext(orcpt.address, ascii_only=not smtputf8)
    else:
        encoded = encode_xtext(orcpt.address)
    return f"{orcpt.address_type};{encoded}"
