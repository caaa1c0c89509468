"""The index of a message: made once, when it is stored, so that no later reading parses MIME.

Not here: storing it. Source: RFC 9051 §7.5.2 (ENVELOPE, BODYSTRUCTURE), RFC 5256 (base subject, sort keys), RFC 5957
(display sort keys), RFC 8970 (preview). Invariants: any octets give an index; every text can be stored as UTF-8 and
holds no control character.
"""

import msgspec

from postier.mime import encoded_words
from postier.mime.address_field import AddressField
from postier.mime.bodystructure import bodystructure_of
from postier.mime.dates import Moment, parse_date
from postier.mime.defects import Defect
from postier.mime.envelope import envelope_of, envelope_values, serialise
from postier.mime.octets import Buffer
from postier.mime.part import Part, dump_parts, load_parts
from postier.mime.preview import has_attachment, preview_of
from postier.mime.structure import LIMITS, Limits, Parsed, parse_message
from postier.mime.threads import base_subject, message_id, message_ids

# RFC 5322 §3.6: at most once
_ONCE = frozenset({b"date", b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"message-id", b"in-reply-to", b"references", b"subject"})  # fmt: skip


class MessageIndex(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a message beside its octets.

    `envelope` and `bodystructure` are IMAP syntax; `parts` is for `load_parts`. `*_text` are whole fields, decoded, for
    search; `*_mailbox` the local part of the first address (RFC 5256 §3), `*_display` its name or address (RFC 5957).
    Message ids are without brackets. `sent_at` is None when Date is missing or invalid (RFC 5256 §2.2: use the
    internal date then); `sent_at + sent_zone_minutes * 60` is the local day that SENTSINCE asks for.
    """

    envelope: bytes
    bodystructure: bytes
    parts: bytes
    header_size: int
    subject: str
    base_subject: str
    from_text: str
    sender_text: str
    reply_to_text: str
    to_text: str
    cc_text: str
    bcc_text: str
    from_mailbox: str
    to_mailbox: str
    cc_mailbox: str
    from_display: str
    to_display: str
    sent_at: int | None
    sent_zone_minutes: int
    message_id: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    preview: str
    has_attachment: bool
    defects: tuple[str, ...]


def index_message(raw: Buffer, limits: Limits = LIMITS) -> MessageIndex:
    """Read a message once; never fails."""
    parsed = parse_message(raw, limits)
    root, header = parsed.root, parsed.header
    values = envelope_values(header, parsed.firsts)
    envelope = envelope_of(values)
    moment = None if envelope.date is None else parse_date(envelope.date)
    subject = "" if envelope.subject is None else encoded_words.decode(envelope.subject)
    leaves = _leaves(root)
    ids = envelope.message_id
    references = values.get(b"references")
    # In the order of the fields: by name it takes three times as long
    return MessageIndex(
        serialise(envelope),
        bodystructure_of(root),
        dump_parts(root),
        header.end,
        subject,
        base_subject(subject),
        envelope.from_.text,
        envelope.sender.text,
        envelope.reply_to.text,
        envelope.to.text,
        envelope.cc.text,
        envelope.bcc.text,
        envelope.from_.mailbox,
        envelope.to.mailbox,
        envelope.cc.mailbox,
        envelope.from_.display,
        envelope.to.display,
        None if moment is None else moment.epoch_s,
        0 if moment is None else moment.zone_minutes,
        None if ids is None else message_id(ids),
        () if envelope.in_reply_to is None else message_ids(envelope.in_reply_to),
        () if references is None else message_ids(references),
        preview_of(raw, leaves),
        has_attachment(leaves),
        _defects(
            parsed,
            raw[: header.end],
            moment,
            (envelope.from_, envelope.to, envelope.cc, envelope.bcc),
        ),
    )


def _leaves(root: Part) -> list[Part]:
    """The parts of the letter itself that have content: an enclosed message is one, not its inside."""
    if not root.children:
        return [root]
    leaves: list[Part] = []
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if part.type == "multipart":
            waiting.extend(reversed(part.children))
        else:
            leaves.append(part)
    return leaves


def _defects(
    parsed: Parsed,
    header: bytes,
    moment: Moment | None,
    fields: tuple[AddressField, ...],
) -> tuple[str, ...]:
    names = [defect.value for defect in parsed.defects]
    entries, firsts = parsed.header.entries, parsed.firsts
    keys = [key for _, key, _ in entries if key in _ONCE] if len(firsts) < len(entries) else []
    if len(keys) != len(set(keys)):
        names.append(Defect.DUPLICATE_FIELD.value)
        if keys.count(b"from") > 1:
            names.append(Defect.DUPLICATE_FROM.value)
    if header.count(b"\n") != header.count(b"\r\n"):
        names.append(Defect.BARE_LINE_END.value)
    if b"from" not in firsts:
        names.append(Defect.FROM_MISSING.value)
    if moment is None:
        names.append(Defect.DATE_INVALID.value)
    if True in [field.addresses.is_truncated for field in fields]:
        names.append(Defect.TOO_MANY_ADDRESSES.value)
    return tuple(names)


__all__ = ["MessageIndex", "index_message", "load_parts"]
