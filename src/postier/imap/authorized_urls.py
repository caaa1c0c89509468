"""URLs that let others read a message or a part of it: how they are read, signed and checked.

Not here: whose keys there are, and whether the creator may still read the message. Source: RFC 4467 §3, §5, §6, §9; RFC 5092 §6.1,
§11; RFC 3339 §5.6 (EXPIRE). Invariants: what is signed are the octets as they came, up to the access identifier, with nothing
decoded or folded; the token begins with the name of its algorithm; whatever comes in, linear time.
"""

import enum
import hmac
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_to_bytes

import msgspec

from postier.imap.refusals import PeerError, bad
from postier.imap.urls import MAX_URL_BYTES, MessageUrl, parse_url

INTERNAL = b"INTERNAL"  # the one mechanism (RFC 4467 §2.4.1)
KEY_BYTES = 32  # RFC 4467 §2.2: at least 16

_HMAC_SHA256 = "01"  # RFC 4467 §2.4.1: the token says how it was made
_URLAUTH, _EXPIRE = ";URLAUTH=", ";EXPIRE="
_ACHAR = r"(?:[A-Za-z0-9\-._~!$'()*+,&=]|%[0-9A-Fa-f]{2})"  # RFC 5092 §11 achar
_VISIBLE = re.compile(r"[!-~]+")
_SERVER = re.compile(rf"imap://({_ACHAR}+)(?:;AUTH={_ACHAR}+)?@[^/?#@;]+(?=/)", re.IGNORECASE | re.ASCII)
_ACCESS = re.compile(rf"(?:(submit\+|user\+)({_ACHAR}+)|authuser|anonymous)", re.IGNORECASE | re.ASCII)
_MECHANISM = re.compile(r"[A-Za-z0-9.-]+")
_TOKEN = re.compile(r"[0-9A-Fa-f]{32,}")
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))",
    re.IGNORECASE | re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAP_SECOND = 60


class AccessKind(enum.Enum):
    """Who may use a URL (RFC 4467 §3)."""

    SUBMIT = "submit+"  # who submits mail for the named user
    USER = "user+"  # the named user
    AUTHUSER = "authuser"  # whoever has logged in
    ANONYMOUS = "anonymous"  # any session


class RumpUrl(msgspec.Struct, frozen=True):
    """A URL up to its access identifier; `text` is what is signed, `user` whose keys sign it."""

    text: str
    user: str
    mailbox: str
    message: MessageUrl
    access: AccessKind
    access_user: str = ""
    expires_us: int | None = None  # microseconds since 1970: the last moment at which it is good


class AuthorizedUrl(msgspec.Struct, frozen=True):
    """A URL with its token."""

    rump: RumpUrl
    mechanism: bytes
    token: str


def parse_rump(text: str) -> RumpUrl:
    """Read a URL that is to be signed; raises PeerError (BAD), which says what is missing (RFC 4467, GENURLAUTH)."""
    if len(text) > MAX_URL_BYTES or not _VISIBLE.fullmatch(text):
        raise bad("The URL is too long or has characters that no URL has")
    folded = text.upper()
    end = folded.rfind(_URLAUTH)
    access = _ACCESS.fullmatch(text, end + len(_URLAUTH)) if end >= 0 else None
    if access is None:
        raise bad("Missing access identifier in the URL")
    server = _SERVER.match(text)
    if server is None:
        raise bad("Missing user or server in the URL")  # RFC 4467: iuserauth is mandatory
    expires_us = None
    start = folded.rfind(_EXPIRE, server.end(), end)
    if start >= 0:
        expires_us = _moment(text[start + len(_EXPIRE) : end])
        end = start
    message = parse_url(text[server.end() : end])
    if message is None or message.mailbox is None:
        raise bad("The URL names no message in a mailbox")
    kind = AccessKind((access[1] or access[0]).lower())
    return RumpUrl(
        text,
        _decoded(server[1]),
        message.mailbox,
        message,
        kind,
        _decoded(access[2]) if access[2] else "",
        expires_us,
    )


def parse_authorized(text: str) -> AuthorizedUrl | None:
    """Read a URL with its token; None for anything else."""
    rest, _, token = text.rpartition(":")
    rump, _, mechanism = rest.rpartition(":")
    if not _TOKEN.fullmatch(token) or not _MECHANISM.fullmatch(mechanism):
        return None
    try:
        return AuthorizedUrl(parse_rump(rump), mechanism.upper().encode("ascii"), token)
    except PeerError:
        return None


def authorized(rump: RumpUrl, key: bytes) -> str:
    """The URL with its token."""
    return f"{rump.text}:{INTERNAL.decode()}:{_token(rump, key)}"


def is_signed(url: AuthorizedUrl, key: bytes) -> bool:
    """Whether the token was made with this key, for this URL; takes the same time whatever is wrong."""
    is_equal = hmac.compare_digest(_token(url.rump, key), url.token.lower())
    return is_equal and url.mechanism == INTERNAL


def _token(rump: RumpUrl, key: bytes) -> str:
    return _HMAC_SHA256 + hmac.digest(key, rump.text.encode("ascii"), "sha256").hex()


def _decoded(raw: str) -> str:
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise bad("A user in the URL is not UTF-8") from None


def _moment(text: str) -> int:
    """A date-time of RFC 3339 in microseconds since 1970; raises PeerError."""
    found = _DATE_TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        date, clock, seconds, fraction, sign, hours, minutes = found.groups("")
        moment = datetime.fromisoformat(f"{date}T{clock}:00+00:00")
        if int(seconds) > _LEAP_SECOND or (sign and (int(hours) > 23 or int(minutes) > 59)):
            raise ValueError(text)
    except ValueError:
        raise bad("EXPIRE is no date and time") from None
    offset_s = (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1) if sign else 0
    whole_s = (moment - _EPOCH) // timedelta(seconds=1) + int(seconds) - offset_s
    return whole_s * 1_000_000 + int(fraction[:6].ljust(6, "0"))
