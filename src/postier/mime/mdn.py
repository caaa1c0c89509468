"""Message disposition notifications: the report of a recipient's machine that it refused a message (RFC 5429 §2.2.1).

Not here: when one is due (the mta room), notifications that a person asked for. Source: RFC 8098 §3, RFC 6522, RFC 6533 §5.
Invariants: the result is canonical; it says `automatic-action/MDN-sent-automatically; deleted`, never that somebody read the message.
"""

import msgspec

from postier.mime.address import Address
from postier.mime.build import id_line
from postier.mime.dates import Moment, format_date
from postier.mime.dsn import returned, to_line, typed_address
from postier.mime.entities import Entity, content_type, encoding, multipart, text_entity
from postier.mime.header_lines import Correspondent, address_line, line, text_line

DISPOSITION = "automatic-action/MDN-sent-automatically; deleted"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One message that a recipient's filter refused; message ids are without brackets, `original` is the message."""

    reporting_host: str
    recipient: Address
    from_: Correspondent
    to: Address
    date: Moment
    message_id: str
    text: str
    original: bytes
    original_message_id: str | None = None


def build_mdn(refusal: Refusal, boundary_token: str, *, smtputf8: bool = False) -> bytes:
    """The notification as octets; `smtputf8` says that the way back takes UTF-8.

    Raises HeaderValueError when an own value cannot stand in a header.
    """
    fields = [
        f"Reporting-UA: {refusal.reporting_host}; Postier",
        f"Final-Recipient: {typed_address(refusal.recipient, is_global=smtputf8)}",
    ]
    if refusal.original_message_id is not None:
        fields.append(f"Original-Message-ID: <{refusal.original_message_id}>")
    fields.append(f"Disposition: {DISPOSITION}")
    told = "".join(f"{field}\r\n" for field in fields)
    kind = "message/disposition-notification" if told.isascii() else "message/global-disposition-notification"
    told_entity = Entity(content_type(kind) + encoding("7bit" if told.isascii() else "8bit"), told.encode())
    entities = [
        text_entity(refusal.text),
        told_entity,
        returned(refusal.original, is_full=False, smtputf8=smtputf8),
    ]
    body = multipart("report", entities, boundary_token, (("report-type", "disposition-notification"),))
    lines = [
        line("Date", [format_date(refusal.date.epoch_s, refusal.date.zone_minutes)]),
        address_line("From", (refusal.from_,), smtputf8=smtputf8),
        to_line(refusal.to, smtputf8=smtputf8),
        text_line("Subject", "Your message was refused", smtputf8=smtputf8),
        id_line("Message-ID", (refusal.message_id,)),
    ]
    if refusal.original_message_id is not None:
        lines.append(id_line("In-Reply-To", (refusal.original_message_id,)))
    lines.append(b"Auto-Submitted: auto-replied\r\n")  # RFC 3834 §5.2
    return b"%bMIME-Version: 1.0\r\n%b" % (b"".join(lines), body.octets())
