"""Delivery status notifications: the report that tells a sender what became of a message.

Not here: when one is due and to whom it goes (the mta room; the reverse-path of a report is always null), reading
reports. Source: RFC 3464, RFC 3461 §6, RFC 6522, RFC 6533, RFC 2852 §5, RFC 3834 §5 (Auto-Submitted). Invariants: the result is
canonical; what peers said (diagnostics, ORCPT, ENVID) is made one harmless line, never refused, for a report must go
out.
"""

import re
from enum import StrEnum

import msgspec

from postier.mime import encoded_words
from postier.mime.address import Address
from postier.mime.build import id_line
from postier.mime.dates import Moment, format_date
from postier.mime.entities import Entity, base64_lines, content_type, encoding, multipart, text_entity
from postier.mime.header_lines import Correspondent, address_line, line, text_line
from postier.mime.headers import split_header
from postier.mime.normalise import is_canonical, normalise

MAX_FIELD_CHARACTERS = 2_000
MAX_RETURNED_HEADER_OCTETS = 64 * 1024

_XTEXT = re.compile(rb"\+([0-9A-Fa-f]{2})")  # RFC 3461 §4
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")  # RFC 6533 §3
_NOT_QCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")


class Action(StrEnum):
    """What became of a recipient (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class RecipientStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient's fate. `status` is an enhanced code (`5.1.1`), `orcpt` the ORCPT parameter as received."""

    recipient: Address
    action: Action
    status: str
    orcpt: str | None = None
    remote_mta: str | None = None
    diagnostic: str | None = None  # the SMTP reply, code first
    last_attempt: Moment | None = None
    final_log_id: str | None = None
    will_retry_until: Moment | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One report on one message. `envid` is the ENVID parameter as received; `text` replaces the English explanation;
    `original` is the message, of which all is returned when `return_full` (RET=FULL), else the header.
    """

    reporting_mta: str
    recipients: tuple[RecipientStatus, ...]
    from_: Correspondent
    to: Address
    date: Moment
    message_id: str
    original: bytes | None = None
    return_full: bool = False
    envid: str | None = None
    received_from_mta: str | None = None
    arrival: Moment | None = None
    deliver_by: Moment | None = None
    subject: str | None = None
    text: str | None = None
    in_reply_to: str | None = None


def build_dsn(report: Report, boundary_token: str, *, smtputf8: bool = False) -> bytes:
    """The report as octets; `smtputf8` says that the way back takes UTF-8 (RFC 6533 §4.5).

    Raises HeaderValueError when an own value (not a peer's) cannot stand in a header.
    """
    entities = [text_entity(report.text or explanation(report)), _status_entity(report, smtputf8=smtputf8)]
    if report.original is not None:
        entities.append(returned(report.original, is_full=report.return_full, smtputf8=smtputf8))
    body = multipart("report", entities, boundary_token, (("report-type", "delivery-status"),))
    lines = [
        line("Date", [format_date(report.date.epoch_s, report.date.zone_minutes)]),
        address_line("From", (report.from_,), smtputf8=smtputf8),
        to_line(report.to, smtputf8=smtputf8),
        text_line("Subject", report.subject or _subject(report), smtputf8=smtputf8),
        id_line("Message-ID", (report.message_id,)),
    ]
    if report.in_reply_to is not None:
        lines.append(id_line("In-Reply-To", (report.in_reply_to,)))
    lines.append(b"Auto-Submitted: auto-replied\r\n")  # RFC 3834 §5.2
    return b"%bMIME-Version: 1.0\r\n%b" % (b"".join(lines), body.octets())


def to_line(to: Address, *, smtputf8: bool) -> bytes:
    """The To field of a report."""
    if smtputf8 or to.is_ascii:
        return address_line("To", (Correspondent(to),), smtputf8=smtputf8)
    # RFC 6857 §3.1.8: a header without SMTPUTF8 cannot hold it; an empty group tells it to the reader
    words = encoded_words.encode(str(to))
    return line("To", [words[0], *[f" {word}" for word in words[1:]], " :;"])


def _subject(report: Report) -> str:
    actions = {recipient.action for recipient in report.recipients}
    if Action.FAILED in actions:
        return "Your message could not be delivered"
    if Action.DELAYED in actions:
        return "Your message is delayed"
    if actions != {Action.DELIVERED}:
        return "Your message was passed on"
    return "Your message was delivered"


_SENTENCES = {
    Action.FAILED: "It could not be delivered, and no further attempt will be made, to:",
    Action.DELAYED: "It could not be delivered yet, and attempts go on (you need not send it again), to:",
    Action.DELIVERED: "It was delivered to:",
    Action.RELAYED: "It was passed on, to a system that does not confirm delivery, for:",
    Action.EXPANDED: "It was delivered to an address that stands for several others:",
}


def explanation(report: Report) -> str:
    """The report in English sentences for people."""
    pieces = [
        f"This is the mail system at {_one_line(report.reporting_mta)}, about a message that you sent.\n"
    ]
    for action, sentence in _SENTENCES.items():
        affected = [recipient for recipient in report.recipients if recipient.action is action]
        if not affected:
            continue
        pieces.append(f"\n{sentence}\n\n")
        for recipient in affected:
            pieces.append(f"  {recipient.recipient}\n")
            if recipient.diagnostic:
                said = f"{_one_line(recipient.remote_mta)} said" if recipient.remote_mta else "The reason"
                pieces.append(f"    {said}: {_one_line(recipient.diagnostic)}\n")
            if recipient.will_retry_until is not None:
                until = format_date(
                    recipient.will_retry_until.epoch_s, recipient.will_retry_until.zone_minutes
                )
                pieces.append(f"    Attempts go on until {until}\n")
    if report.original is not None:
        returned = "Your message" if report.return_full else "The header of your message"
        pieces.append(f"\n{returned} is attached.\n")
    return "".join(pieces)


def _status_entity(report: Report, *, smtputf8: bool) -> Entity:
    """message/delivery-status, or message/global-delivery-status when UTF-8 may be written and is needed."""
    groups = [_message_fields(report)]
    groups.extend([_recipient_fields(recipient, is_global=smtputf8) for recipient in report.recipients])
    body = "\r\n".join(["".join([f"{field}\r\n" for field in fields]) for fields in groups])
    if body.isascii():
        return Entity(content_type("message/delivery-status") + encoding("7bit"), body.encode())
    if not smtputf8:  # RFC 3464 §2.1: 7bit; only text of peers can be affected
        body = body.encode("ascii", "replace").decode("ascii")
        return Entity(content_type("message/delivery-status") + encoding("7bit"), body.encode())
    return Entity(content_type("message/global-delivery-status") + encoding("8bit"), body.encode())


def _message_fields(report: Report) -> list[str]:
    fields: list[str] = []
    if report.envid is not None:  # RFC 3461 §6.3 (a)
        fields.append(f"Original-Envelope-Id: {_field_text(_from_xtext(report.envid))}")
    fields.append(f"Reporting-MTA: dns; {_field_text(report.reporting_mta)}")
    if report.received_from_mta is not None:
        fields.append(f"Received-From-MTA: dns; {_field_text(report.received_from_mta)}")
    if report.arrival is not None:
        fields.append(f"Arrival-Date: {_date(report.arrival)}")
    if report.deliver_by is not None:  # RFC 2852 §5
        fields.append(f"Deliver-By-Date: {_date(report.deliver_by)}")
    return fields


def _recipient_fields(recipient: RecipientStatus, *, is_global: bool) -> list[str]:
    fields: list[str] = []
    if recipient.orcpt is not None:  # RFC 3461 §6.3 (d)
        fields.append(f"Original-Recipient: {_original_recipient(recipient.orcpt, is_global=is_global)}")
    fields.append(f"Final-Recipient: {typed_address(recipient.recipient, is_global=is_global)}")
    fields.append(f"Action: {recipient.action.value}")
    fields.append(f"Status: {_field_text(recipient.status)}")
    if recipient.remote_mta is not None:
        fields.append(f"Remote-MTA: dns; {_field_text(recipient.remote_mta)}")
    if recipient.diagnostic is not None:
        fields.append(f"Diagnostic-Code: smtp; {_field_text(recipient.diagnostic)}")
    if recipient.last_attempt is not None:
        fields.append(f"Last-Attempt-Date: {_date(recipient.last_attempt)}")
    if recipient.final_log_id is not None:
        fields.append(f"Final-Log-ID: {_field_text(recipient.final_log_id)}")
    if recipient.will_retry_until is not None and recipient.action is Action.DELAYED:  # RFC 3464 §2.3.9
        fields.append(f"Will-Retry-Until: {_date(recipient.will_retry_until)}")
    return fields


def typed_address(address: Address, *, is_global: bool) -> str:
    """An address with its type, as Final-Recipient has it; `is_global`: UTF-8 may stand there (RFC 6533 §3)."""
    text = _field_text(str(address))
    if address.is_ascii:
        return f"rfc822; {text}"
    return f"utf-8; {text if is_global else utf8_addr_xtext(str(address))}"


def utf8_addr_xtext(address: str) -> str:
    """The 7-bit form of a UTF-8 address (RFC 6533 §3, utf-8-addr-xtext)."""
    return _NOT_QCHAR.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", address)


def _original_recipient(orcpt: str, *, is_global: bool) -> str:
    """RFC 3461 §4.2: the xtext of ORCPT undone; of a UTF-8 address the form that fits (RFC 6533 §3)."""
    kind, semicolon, value = orcpt.partition(";")
    if not semicolon:
        return _field_text(orcpt)
    if kind.strip().lower() != "utf-8":
        return f"{_field_text(kind)}; {_field_text(_from_xtext(value))}"
    if is_global:
        value = _UNITEXT.sub(_character, value)
    elif not value.isascii():
        value = "".join([c if c.isascii() else f"\\x{{{ord(c):X}}}" for c in value])
    return f"utf-8; {_field_text(value)}"


def _character(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return chr(number) if number <= 0x10FFFF else found[0]


def _from_xtext(value: str) -> str:
    octets = _XTEXT.sub(lambda found: bytes([int(found[1], 16)]), value.encode("utf-8", "replace"))
    return octets.decode("utf-8", "replace")


def _one_line(text: str) -> str:
    return _UNSAFE.sub(" ", text)[:MAX_FIELD_CHARACTERS].strip()


def _field_text(text: str) -> str:
    """What a peer said as field text: one line, folded so that no line is over-long."""
    text = _one_line(text)
    if len(text) <= 200:
        return text
    return "\r\n ".join([text[at : at + 200] for at in range(0, len(text), 200)])


def _date(moment: Moment) -> str:
    return format_date(moment.epoch_s, moment.zone_minutes)


def returned(original: bytes, *, is_full: bool, smtputf8: bool) -> Entity:
    """The message or its header, in the type and encoding that the way back takes (RFC 6533 §4.5)."""
    header = original[: split_header(original).end].rstrip(b"\r\n") + b"\r\n"
    is_global = not header.isascii()
    if is_full:
        octets = original if is_canonical(original) else normalise(original)
        media_type = "message/global" if is_global else "message/rfc822"
    else:
        if len(header) > MAX_RETURNED_HEADER_OCTETS:
            header = header[: header.rfind(b"\r\n", 0, MAX_RETURNED_HEADER_OCTETS) + 2]
        octets = header if is_canonical(header) else normalise(header)
        media_type = "message/global-headers" if is_global else "text/rfc822-headers"
    if is_global and not smtputf8:
        return Entity(content_type(media_type) + encoding("base64"), base64_lines(octets))
    return Entity(content_type(media_type) + encoding("7bit" if octets.isascii() else "8bit"), octets)
