"""Addresses that a script names or tests: their syntax, and their parts.

Not here: reading header fields (`message`). Source: RFC 5228 §2.4.2.3 (sieve-address), §2.7.4, §5.1; RFC 5233 §4.
Invariants: an outbound address is one addr-spec, with a name perhaps, without routes and groups.
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
    try:
        return str(Address.parse(inner.strip()))
    except ValueError:
        return None


def mailbox_list(text: str) -> bool:
    """Whether a text is a mailbox-list of RFC 5322, as :from arguments must be."""
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
    return all(outbound_address(piece) is not None for piece in [*pieces, text[start:]])


def split_address(text: str) -> AddressValue:
    """An address of the envelope in its parts."""
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        return AddressValue(text)
    if local.startswith('"') and local.endswith('"') and len(local) >= 2:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return AddressValue(text, local, domain)


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
