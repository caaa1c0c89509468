"""Addresses that a script names or tests: their syntax, and their parts.

Not here: reading header fields (`message`). Source: RFC 5228 §2.4.2.3 (sieve-address), §2.7.4, §5.1, §5.4; RFC 5233 §4;
RFC 5321 §4.1.2 (paths). Invariants: an outbound address is one addr-spec, with a name perhaps, without routes and
groups; it comes out as it can be sent, whatever white space and quotes it was written with.
"""

import re
from collections.abc import Callable

from postier.mime.address import Address
from postier.sieve.message import AddressValue

# RFC 5228 §5.1: the address test is for fields that hold addresses. The required ones, and those in use
ADDRESS_FIELDS = frozenset(
    [
        "from",
        "to",
        "cc",
        "bcc",
        "sender",
        "reply-to",
        "resent-from",
        "resent-to",
        "resent-cc",
        "resent-bcc",
        "resent-sender",
        "resent-reply-to",
        "return-path",
        "delivered-to",
        "envelope-to",
        "x-envelope-to",
        "x-original-to",
        "x-delivered-to",
        "original-recipient",
        "original-from",
        "errors-to",
        "x-forwarded-to",
        "x-forwarded-for",
        "disposition-notification-to",
        "return-receipt-to",
        "x-confirm-reading-to",
        "mail-followup-to",
        "mail-reply-to",
        "x-loop",
        "x-beenthere",
        "x-sender",
        "x-receiver",
        "apparently-to",
        "abuse-reports-to",
        "x-complaints-to",
        "x-report-abuse-to",
        "list-post",
        "list-owner",
        "approved",
        "content-from",
        "content-to",
        "content-cc",
        "content-sender",
        "content-reply-to",
    ]
)

_PHRASE = re.compile(
    r"[ \t\r\n]*(?:\"(?:[^\"\\\r\n]|\\[^\r\n])*\"|[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\x80-\U0010ffff \t\r\n])*[ \t\r\n]*"
)
MAX_ADDRESS_CHARACTERS = 1_000

# RFC 5322 §3.2.3, §3.4.1, with white space around each piece; dots stand anywhere in a local part, for some providers
# gave out such addresses. Nothing here can match in two ways
_ATOMS = r'[^\s\x00-\x1f\x7f\ud800-\udfff"(),:;<>@\[\\\]]+'
_LABEL = r'[^\s\x00-\x1f\x7f\ud800-\udfff"(),.:;<>@\[\\\]]+'
_DOMAIN = rf"{_LABEL}(?:[ \t]*\.[ \t]*{_LABEL})*|\[[^\s\[\\\]]*\]"
_BLANK = r"[ \t\r\n]*"
_ADDR_SPEC = re.compile(
    rf'{_BLANK}(?P<local>"(?:[^"\\\r\n\ud800-\udfff]|\\[^\r\n\ud800-\udfff])*"|{_ATOMS}){_BLANK}(?:@{_BLANK}(?P<domain>{_DOMAIN}){_BLANK})?'
)
_HOP = re.compile(rf"{_BLANK}@{_BLANK}(?:{_DOMAIN}){_BLANK}")
_PLAIN = re.compile(rf"{_ATOMS}@{_LABEL}(?:\.{_LABEL})*|")
_WHITE = re.compile(r"\s+")

Part = Callable[[AddressValue], str | None]


def outbound_address(text: str) -> str | None:
    """The addr-spec of a sieve-address, or None when it is not one."""
    text = text.strip()
    if not text or len(text) > MAX_ADDRESS_CHARACTERS:
        return None
    inner = text
    if text.endswith(">"):
        phrase, opening, inner = text[:-1].rpartition("<")
        if not opening or not _PHRASE.fullmatch(phrase):
            return None
    match = _ADDR_SPEC.fullmatch(inner)
    if match is None or match["domain"] is None:
        return None
    quoted = _unquoted(match["local"]).replace("\\", "\\\\").replace('"', '\\"')
    try:
        return str(Address.parse(f'"{quoted}"@{_WHITE.sub("", match["domain"])}'))
    except ValueError:
        return None


def _unquoted(local: str) -> str:
    return re.sub(r"\\(.)", r"\1", local[1:-1]) if local.startswith('"') else local


def mailbox_list(text: str) -> bool:
    """Whether a text is a mailbox-list of RFC 5322, as :from arguments must be."""
    return all(outbound_address(piece) is not None for piece in split_list(text))


def split_list(text: str) -> list[str]:
    """The pieces between the commas that stand in no quotes."""
    pieces: list[str] = []
    start, is_quoted, is_escaped = 0, False, False
    for index, character in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif character == "\\" and is_quoted:
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        elif character == "," and not is_quoted:
            pieces.append(text[start:index])
            start = index + 1
    return [*pieces, text[start:]]


def path_address(path: str) -> AddressValue:
    """A path of the envelope in its parts: angle brackets, white space and a source route do not belong to them.

    What is no path is only compared as a whole (RFC 5228 §2.7.4).
    """
    if _PLAIN.fullmatch(path):
        local, _, domain = path.rpartition("@")
        return AddressValue(path, local, domain) if path else _NULL_PATH
    inner = path.strip()
    if inner.startswith("<") and inner.endswith(">"):
        inner = inner[1:-1].strip()
    if not inner:
        return _NULL_PATH
    if inner.startswith("@"):
        route, colon, inner = inner.partition(":")
        if not colon or not all(_HOP.fullmatch(hop) for hop in route.split(",")):
            return AddressValue(path)
    match = _ADDR_SPEC.fullmatch(inner)
    if match is None:
        return AddressValue(path)
    local = match["local"]
    if match["domain"] is None:  # RFC 5321 §4.5.1: <Postmaster>
        return AddressValue(local, _unquoted(local))
    domain = _WHITE.sub("", match["domain"])
    return AddressValue(f"{local}@{domain}", _unquoted(local), domain)


_NULL_PATH = AddressValue("")


def is_plain_path(path: str | None) -> bool:
    """Whether a path is an address, or the null path, and nothing else."""
    return path is None or _PLAIN.fullmatch(path) is not None


def part_of(tag: str | None, separator: str) -> Part:
    """What an ADDRESS-PART takes from an address; None: the address matches nothing."""
    match tag:
        case ":localpart":
            return lambda address: address.local
        case ":domain":
            return lambda address: address.domain
        case ":user":
            return lambda address: None if address.local is None else address.local.partition(separator)[0]
        case ":detail":
            return lambda address: _detail(address, separator)
        case _:
            return lambda address: address.whole


def _detail(address: AddressValue, separator: str) -> str | None:
    if address.local is None or separator not in address.local:
        return None  # RFC 5233 §4: without a detail it fails to match
    return address.local.partition(separator)[2]
