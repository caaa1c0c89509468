"""The IMAP ENVELOPE: the fields of a header section that it shows, and its serialised form.

Not here: the SMTP envelope. Source: RFC 9051 §7.5.2. Values are as in the header: unfolded, not decoded.
"""

import msgspec

from postier.mime import nstring
from postier.mime.address_list import EMPTY, AddressList, parse_address_list
from postier.mime.headers import HeaderSection, unfold

_COMBINED = frozenset({b"to", b"cc", b"bcc"})
_WANTED = _COMBINED | frozenset(
    {b"date", b"subject", b"from", b"sender", b"reply-to", b"in-reply-to", b"message-id", b"references"}
)


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What ENVELOPE holds, before Sender and Reply-To are defaulted."""

    date: bytes | None
    subject: bytes | None
    from_: AddressList
    sender: AddressList
    reply_to: AddressList
    to: AddressList
    cc: AddressList
    bcc: AddressList
    in_reply_to: bytes | None
    message_id: bytes | None


def read_envelope(header: HeaderSection) -> Envelope:
    """The envelope of a header section."""
    return envelope_of(first_values(header))


def first_values(header: HeaderSection) -> dict[bytes, bytes]:
    """Name to unfolded value of the fields of the envelope and References: the first of each name; repeated To, Cc
    and Bcc are combined.
    """
    values: dict[bytes, bytes] = {}
    for _, key, value in header.entries:
        if key in _WANTED:
            if key not in values:
                values[key] = unfold(value)
            elif key in _COMBINED:  # RFC 5322 §4.5.3
                values[key] = b"%b, %b" % (values[key], unfold(value))
    return values


def envelope_of(values: dict[bytes, bytes]) -> Envelope:
    """The envelope of `first_values`."""
    get = values.get
    return Envelope(
        get(b"date"),
        get(b"subject"),
        _addresses(get(b"from")),
        _addresses(get(b"sender")),
        _addresses(get(b"reply-to")),
        _addresses(get(b"to")),
        _addresses(get(b"cc")),
        _addresses(get(b"bcc")),
        get(b"in-reply-to"),
        get(b"message-id"),
    )


def _addresses(value: bytes | None) -> AddressList:
    return EMPTY if value is None else parse_address_list(value)


def serialise(envelope: Envelope) -> bytes:
    """The parenthesised list that stands after `ENVELOPE` in a FETCH response."""
    from_ = nstring.address_structures(envelope.from_)
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        nstring.nstring(envelope.date),
        nstring.nstring(envelope.subject),
        from_,
        # RFC 9051 §7.5.2: absent or empty Sender and Reply-To have the value of From
        nstring.address_structures(envelope.sender) if envelope.sender.entries else from_,
        nstring.address_structures(envelope.reply_to) if envelope.reply_to.entries else from_,
        nstring.address_structures(envelope.to),
        nstring.address_structures(envelope.cc),
        nstring.address_structures(envelope.bcc),
        nstring.nstring(envelope.in_reply_to),
        nstring.nstring(envelope.message_id),
    )
