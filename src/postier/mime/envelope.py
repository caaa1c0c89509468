"""The IMAP ENVELOPE: the fields of a header section that it shows, and its serialised form.

Not here: the SMTP envelope. Source: RFC 9051 §7.5.2. Values are as in the header: unfolded, not decoded.
"""

import msgspec

from postier.mime import nstring
from postier.mime.address_list import EMPTY, AddressList, parse_address_list
from postier.mime.headers import HeaderSection, unfold


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
    """Name to value (still folded) of the first field of each name; repeated To, Cc and Bcc are combined."""
    values: dict[bytes, bytes] = {}
    for field in header.fields:
        key = field.key
        if key not in values:
            values[key] = field.value
        elif key in (b"to", b"cc", b"bcc"):  # RFC 5322 §4.5.3
            values[key] = values[key].rstrip() + b", " + field.value
    return values


def envelope_of(values: dict[bytes, bytes]) -> Envelope:
    """The envelope of `first_values`."""
    get = values.get
    return Envelope(
        _text(get(b"date")),
        _text(get(b"subject")),
        _addresses(get(b"from")),
        _addresses(get(b"sender")),
        _addresses(get(b"reply-to")),
        _addresses(get(b"to")),
        _addresses(get(b"cc")),
        _addresses(get(b"bcc")),
        _text(get(b"in-reply-to")),
        _text(get(b"message-id")),
    )


def _text(value: bytes | None) -> bytes | None:
    return None if value is None else unfold(value)


def _addresses(value: bytes | None) -> AddressList:
    return EMPTY if value is None else parse_address_list(unfold(value))


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
