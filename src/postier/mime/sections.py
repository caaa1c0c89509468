"""Sections of a message: what IMAP's BODY[...] and BINARY[...] name, cut out of the raw octets.

Not here: parsing the specification, partial ranges, literals (the imap room). Source: RFC 9051 §6.4.5.1, §7.5.2;
RFC 3516 §4. Invariants: a section is a slice of the raw octets, except field subsets and decoded content; what does
not exist is None (NIL in the response).
"""

from collections.abc import Collection
from enum import Enum

import msgspec

from postier.mime.decode import KNOWN_ENCODINGS, content_of
from postier.mime.headers import split_header
from postier.mime.normalise import with_crlf
from postier.mime.octets import Buffer
from postier.mime.part import Part

_EMPTY_LINE_ENDS = (b"\n\r\n", b"\n\n")


class SectionText(Enum):
    """What of a part or message is meant."""

    CONTENT = ""
    HEADER = "HEADER"
    HEADER_FIELDS = "HEADER.FIELDS"
    HEADER_FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


class SectionSpec(msgspec.Struct, frozen=True, gc=False):
    """A section: part numbers, what of that part, and field names (any case) for the two FIELDS forms."""

    numbers: tuple[int, ...] = ()
    text: SectionText = SectionText.CONTENT
    names: tuple[bytes, ...] = ()


class UnknownEncodingError(ValueError):
    """The section's Content-Transfer-Encoding cannot be undone: NO [UNKNOWN-CTE] (RFC 3516 §4.3)."""


def find_part(root: Part, numbers: tuple[int, ...]) -> Part | None:
    """The part with these numbers; `root` itself when there are none."""
    part = root
    container: Part | None = root  # the multipart, or root of a message, that the next number counts in
    for number in numbers:
        if container is None:
            return None
        if container.is_multipart:
            if not 1 <= number <= len(container.children):
                return None
            part = container.children[number - 1]
        elif number == 1:  # RFC 9051 §6.4.5.1: a message that is no multipart only has a part 1
            part = container
        else:
            return None
        container = part if part.is_multipart else part.children[0] if part.is_message else None
    return part


def section_range(root: Part, numbers: tuple[int, ...], text: SectionText) -> tuple[int, int] | None:
    """Start and end of a section in the raw octets, so that it can be streamed; for the FIELDS forms those of the
    header they are taken from. None when the message has no such section.
    """
    part = find_part(root, numbers)
    if part is None:
        return None
    if text is SectionText.CONTENT:
        return (part.body_start if numbers else part.header_start), part.body_end
    if text is SectionText.MIME:
        return (part.header_start, part.body_start) if numbers else None
    if numbers:
        if not part.is_message:
            return None
        part = part.children[0]
    if text is SectionText.TEXT:
        return part.body_start, part.body_end
    return part.header_start, part.body_start


def section_bytes(raw: Buffer, root: Part, spec: SectionSpec) -> bytes | None:
    """The octets of BODY[spec], or None when there is no such section."""
    found = section_range(root, spec.numbers, spec.text)
    if found is None:
        return None
    octets = raw[found[0] : found[1]]
    if spec.text is SectionText.HEADER_FIELDS:
        return header_fields(octets, spec.names, negate=False)
    if spec.text is SectionText.HEADER_FIELDS_NOT:
        return header_fields(octets, spec.names, negate=True)
    return octets


def header_fields(raw_header: bytes, names: Collection[bytes], *, negate: bool) -> bytes:
    """The fields called one of `names` (any case), or with `negate` all others, as they stand, in their order, and the
    empty line if the header has one (RFC 9051 §6.4.5.1).
    """
    wanted = {name.lower() for name in names}
    header = split_header(raw_header)
    kept = [lines for lines, key, _ in header.entries if (key in wanted) is not negate]
    if raw_header.endswith(_EMPTY_LINE_ENDS) or raw_header in (b"\r\n", b"\n"):
        kept.append(b"\r\n")
    return b"".join(kept)


def binary_bytes(raw: Buffer, root: Part, numbers: tuple[int, ...]) -> bytes | None:
    """The decoded octets of BINARY[numbers]; text has CRLF line ends. None when there is no such part.

    Multiparts and messages are given as they are. Raises UnknownEncodingError.
    """
    part = find_part(root, numbers)
    if part is None:
        return None
    if not numbers:
        return raw[part.header_start : part.body_end]
    if part.is_multipart or part.is_message:
        return raw[part.body_start : part.body_end]
    if part.encoding not in KNOWN_ENCODINGS:
        raise UnknownEncodingError(part.encoding)
    content = content_of(raw, part)
    # RFC 9051 §7.5.2: textual sections always have CRLF
    return with_crlf(content) if part.type == "text" else content
