"""Strings of IMAP responses: `nstring` and its kin.

Not here: whole responses (the imap room). Source: RFC 9051 §4.3, §9. Invariants: NUL never appears; what cannot be
quoted (CR, LF, 8-bit) goes out as a literal, so no value can break a response.
"""

import re
from itertools import chain

from postier.mime.address_list import AddressList, Group, Mailbox

_NEEDS_CARE = re.compile(rb'["\\\r\n\x00\x80-\xff]')
_NEEDS_LITERAL = re.compile(rb"[\r\n\x80-\xff]")


def string(value: bytes) -> bytes:
    """A quoted string, or a literal when it must be one."""
    if _NEEDS_CARE.search(value) is None:
        return b'"%b"' % value
    value = value.replace(b"\x00", b"")
    if _NEEDS_LITERAL.search(value):
        return b"{%d}\r\n%b" % (len(value), value)
    return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def nstring(value: bytes | None) -> bytes:
    """A string, or NIL."""
    return b"NIL" if value is None else string(value)


def parameter_list(params: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """`("name" "value" ...)`, or NIL when there are none."""
    if not params:
        return b"NIL"
    strings = [*chain.from_iterable(params)]
    if _NEEDS_CARE.search(b"".join(strings)) is None:  # one search for all of them
        return b'("%b")' % b'" "'.join(strings)
    return b"(%b)" % b" ".join([string(value) for value in strings])


def address_structures(addresses: AddressList) -> bytes:
    """`((name adl mailbox host) ...)`, or NIL when there are none (RFC 9051 §7.5.2)."""
    if not addresses.entries:
        return b"NIL"
    out: list[bytes] = []
    for entry in addresses.entries:
        match entry:
            case Mailbox():
                out.append(_address(entry))
            case Group():
                out.append(b"(NIL NIL %b NIL)" % string(entry.display))
                out.extend([_address(member) for member in entry.members])
                out.append(b"(NIL NIL NIL NIL)")
    return b"(%b)" % b"".join(out)


def _address(mailbox: Mailbox) -> bytes:
    display, route, local, domain = mailbox.display, mailbox.route, mailbox.local, mailbox.domain
    if (
        route is None
        and _NEEDS_CARE.search(local + domain if display is None else display + local + domain) is None
    ):
        if display is None:
            return b'(NIL NIL "%b" "%b")' % (local, domain)
        return b'("%b" NIL "%b" "%b")' % (display, local, domain)
    return b"(%b %b %b %b)" % (nstring(display), nstring(route), string(local), string(domain))
