"""The IMAP ENVELOPE: the fields of a header section that it shows, and its serialised form.

Not here: the SMTP envelope. Source: RFC 9051 §7.5.2. Values are as in the header: unfolded, not decoded.
"""

import msgspec

from postier.mime import nstring
from postier.mime.address_field import AddressField, read_address_field
from postier.mime.headers import HeaderSection, unfold

_COMBINED = frozenset({b"to", b"cc", b"bcc"})
_WANTED = _COMBINED | frozenset(
    {b"date", b"subject", b"from", b"sender", b"reply-to", b"in-reply-to", b"message-id", b"references"}
)


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What ENVELOPE holds, before Sender and Reply-To are defaulted."""

    date: bytes | None
    subject: bytes | None
    from_: AddressField
    sender: AddressField
    reply_to: AddressField
    to: AddressField
    cc: AddressField
    bcc: AddressField
    in_reply_to: bytes | None
    message_id: bytes | None


def read_envelope(header: HeaderSection) -> Envelope:
    """The envelope of a header section."""
    return envelope_of(envelope_values(header, header.firsts()))


def envelope_values(header: HeaderSection, firsts: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Name to unfolded value of the fields of the envelope and References: the first of each name (`firsts` of the
    header); repeated To, Cc and Bcc are combined.
    """
    values = {key: unfold(firsts[key]) for key in _WANTED.intersection(firsts)}
    if len(firsts) < len(header.entries):
        keys = [key for _, key, _ in header.entries]
        for key in _COMBINED.intersection(firsts):
            if keys.count(key) > 1:  # RFC 5322 §4.5.3
                values[key] = b", ".join(header.all(key))
    return values


def envelope_of(values: dict[bytes, bytes]) -> Envelope:
    """The envelope of `envelope_values`."""
    get = values.get
    return Envelope(
        get(b"date"),
        get(b"subject"),
        read_address_field(get(b"from")),
        read_address_field(get(b"sender")),
        read_address_field(get(b"reply-to")),
        read_address_field(get(b"to")),
        read_address_field(get(b"cc")),
        read_address_field(get(b"bcc")),
        get(b"in-reply-to"),
        get(b"message-id"),
    )


def serialise(envelope: Envelope) -> bytes:
    """The parenthesised list that stands after `ENVELOPE` in a FETCH response."""
    from_ = envelope.from_.structures
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        nstring.nstring(envelope.date),
        nstring.nstring(envelope.subject),
        from_,
        # RFC 9051 §7.5.2: absent or empty Sender and Reply-To have the value of From
        envelope.sender.structures if envelope.sender.addresses.entries else from_,
        envelope.reply_to.structures if envelope.reply_to.addresses.entries else from_,
        envelope.to.structures,
        envelope.cc.structures,
        envelope.bcc.structures,
        nstring.nstring(envelope.in_reply_to),
        nstring.nstring(envelope.message_id),
    )
