"""New letters: header, text, HTML, attachments, put together from typed values.

Not here: what the header must hold by policy, signing, sending. Source: RFC 5322 §3.6, RFC 2045, RFC 2046, RFC 2183,
RFC 2387. Time, message id and the boundary token are arguments. Invariants: the result is canonical (`normalise`) and
reads back as what went in; values that would inject a header line raise HeaderValueError (SECURITY 19).
"""

import re
from collections.abc import Sequence

import msgspec

from postier.mime.dates import Moment, format_date
from postier.mime.entities import (
    Entity,
    base64_lines,
    content_type,
    disposition,
    encoding,
    multipart,
    text_entity,
)
from postier.mime.header_lines import Correspondent, HeaderValueError, address_line, checked, line, text_line
from postier.mime.normalise import is_canonical, normalise

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_MESSAGE_ID = re.compile(r"[^\s<>\x00-\x1f\x7f]{1,900}")
# Set by `build` itself from the letter
_OWN_FIELDS = frozenset(
    [
        "date",
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "bcc",
        "subject",
        "message-id",
        "in-reply-to",
        "references",
        "mime-version",
    ]
)


class Attachment(msgspec.Struct, frozen=True):
    """A file with the letter; one with a `content_id` (without brackets) is shown inside the HTML."""

    content: bytes
    media_type: str = "application/octet-stream"
    filename: str | None = None
    content_id: str | None = None


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A letter to be built. Message ids are without brackets; `fields` are further unstructured fields."""

    from_: tuple[Correspondent, ...]
    date: Moment
    message_id: str
    sender: Correspondent | None = None
    reply_to: tuple[Correspondent, ...] = ()
    to: tuple[Correspondent, ...] = ()
    cc: tuple[Correspondent, ...] = ()
    bcc: tuple[Correspondent, ...] = ()
    subject: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()


def build(letter: Letter, boundary_token: str, *, smtputf8: bool = False) -> bytes:
    """The letter as octets. Raises HeaderValueError for a value that cannot stand in a header; with `smtputf8` the
    header is UTF-8 (RFC 6532), without it a local part outside ASCII is refused.
    """
    body = _body(letter, boundary_token)
    return _header(letter, smtputf8=smtputf8) + b"MIME-Version: 1.0\r\n" + body.octets()


def _header(letter: Letter, *, smtputf8: bool) -> bytes:
    lines = [line("Date", [format_date(letter.date.epoch_s, letter.date.zone_minutes)])]
    lists = (
        ("From", letter.from_),
        ("Sender", () if letter.sender is None else (letter.sender,)),
        ("Reply-To", letter.reply_to),
        ("To", letter.to),
        ("Cc", letter.cc),
        ("Bcc", letter.bcc),
    )
    lines.extend([address_line(name, people, smtputf8=smtputf8) for name, people in lists if people])
    lines.append(text_line("Subject", letter.subject, smtputf8=smtputf8))
    lines.append(id_line("Message-ID", (letter.message_id,)))
    if letter.in_reply_to:
        lines.append(id_line("In-Reply-To", letter.in_reply_to))
    if letter.references:
        lines.append(id_line("References", letter.references))
    for name, value in letter.fields:
        if name.lower() in _OWN_FIELDS or name.lower().startswith("content-"):
            raise HeaderValueError(f"{name!r} is not a further field")
        lines.append(text_line(name, value, smtputf8=smtputf8))
    return b"".join(lines)


def id_line(name: str, ids: Sequence[str]) -> bytes:
    """A field of message ids, given without their brackets."""
    for identifier in ids:
        if not _MESSAGE_ID.fullmatch(checked(identifier)):
            raise HeaderValueError(f"{identifier!r} is no message id")
    return line(
        name, [f" <{identifier}>" if index else f"<{identifier}>" for index, identifier in enumerate(ids)]
    )


def _body(letter: Letter, token: str) -> Entity:
    embedded = [a for a in letter.attachments if a.content_id is not None and letter.html is not None]
    attached = [a for a in letter.attachments if a.content_id is None or letter.html is None]
    alternatives: list[Entity] = []
    if letter.text is not None or letter.html is None:
        alternatives.append(text_entity(letter.text or ""))
    if letter.html is not None:
        html = text_entity(letter.html, "html")
        if embedded:  # RFC 2387
            parts = [html, *[_attachment(a, "inline") for a in embedded]]
            html = multipart("related", parts, f"{token}r", (("type", "text/html"),))
        alternatives.append(html)
    body = alternatives[0] if len(alternatives) == 1 else multipart("alternative", alternatives, f"{token}a")
    if attached:
        body = multipart("mixed", [body, *[_attachment(a, "attachment") for a in attached]], f"{token}m")
    return body


def _attachment(attachment: Attachment, disposition_name: str) -> Entity:
    media_type = attachment.media_type.lower()
    if not _MEDIA_TYPE.fullmatch(media_type) or media_type.startswith("multipart/"):
        raise HeaderValueError(f"{attachment.media_type!r} is no media type of a file")
    header = content_type(media_type)
    content_id = b"" if attachment.content_id is None else id_line("Content-ID", (attachment.content_id,))
    header += content_id + disposition(disposition_name, attachment.filename)
    if media_type.startswith("message/"):  # RFC 2046 §5.2.1: no base64 around it
        octets = attachment.content if is_canonical(attachment.content) else normalise(attachment.content)
        return Entity(header + encoding("7bit" if octets.isascii() else "8bit"), octets)
    return Entity(header + encoding("base64"), base64_lines(attachment.content))
