"""The Content-* fields of one part, with their defaults.

Not here: the tree (`structure`), parameters (`params`). Source: RFC 2045 §5, §6, §7, §8; RFC 2183; RFC 3282
(Content-Language); RFC 2557 (Content-Location); RFC 1864 (Content-MD5). Invariants: what cannot be understood has its
default; values stay octets, except type, encoding and disposition, which are names in lower case.
The headers of parts are mostly a few lines that all mail has: short ones that were read lately are remembered.
"""

from functools import lru_cache
from typing import Any

import msgspec

from postier.mime.comments import without_comments
from postier.mime.defects import Defect
from postier.mime.headers import HeaderSection, split_header, unfold
from postier.mime.octets import Buffer
from postier.mime.params import ContentType, Parameters, parse_content_type, parse_disposition

MAX_LANGUAGES = 100
MAX_KEPT_OCTETS = 256  # a longer header of a part names a file or an id, and rarely comes twice
MAX_KEPT_HEADERS = 1_024

TEXT = ContentType("text", "plain", ((b"charset", b"us-ascii"),))  # RFC 2045 §5.2

_ENCODINGS = {name.encode(): name for name in ("7bit", "8bit", "binary", "base64", "quoted-printable")}
_KEYS = frozenset(
    b"content-" + name
    for name in (
        b"type",
        b"transfer-encoding",
        b"disposition",
        b"id",
        b"description",
        b"language",
        b"location",
        b"md5",
    )
)


class ContentFields(msgspec.Struct, frozen=True, gc=False):
    """The Content-* fields of one part; of a repeated field the first counts.

    `type` is None when there is no Content-Type: the default depends on what the part is in.
    """

    type: ContentType | None = None
    is_valid: bool = True
    encoding: str = "7bit"  # RFC 2045 §6.1
    content_id: bytes | None = None
    description: bytes | None = None
    disposition: str | None = None
    disposition_params: Parameters = ()
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    md5: bytes | None = None


_ABSENT = ContentFields()


class PartHeader(msgspec.Struct, frozen=True, gc=False):
    """What the header of a part says, and its size with the empty line."""

    content: ContentFields
    size_octets: int
    defects: tuple[Defect, ...]


def read_part_header(raw: Buffer, start: int, end: int) -> PartHeader:
    """Read the header of the part raw[start:end]."""
    limit = start + MAX_KEPT_OCTETS
    empty_line = raw.find(b"\n\r\n", start - 1 if start else 0, min(end, limit))
    if empty_line >= 0:
        # All that the header can be: it ends there, if not before
        octets = raw[start : empty_line + 3]
        if b"boundary" not in octets:
            return _remembered(octets)
    return _part_header(split_header(raw, start, end))


def _part_header(header: HeaderSection) -> PartHeader:
    return PartHeader(content_fields(header.firsts()), header.end - header.start, header.defects)


@lru_cache(MAX_KEPT_HEADERS)
def _remembered(octets: bytes) -> PartHeader:
    return _part_header(split_header(octets))


def content_fields(values: dict[bytes, bytes]) -> ContentFields:
    """The Content-* fields among the first fields of each name (`HeaderSection.firsts`)."""
    keys = _KEYS.intersection(values)
    if not keys:
        return _ABSENT
    found: dict[str, Any] = {}
    for key in keys:
        _take(found, key, unfold(values[key]))
    return ContentFields(**found)


def _take(found: dict[str, Any], key: bytes, value: bytes) -> None:
    if key == b"content-type":
        media = parse_content_type(value)
        found["is_valid"] = media is not None
        found["type"] = media or TEXT  # RFC 2045 §5.2: what cannot be understood is plain text
    elif key == b"content-transfer-encoding":
        found["encoding"] = _ENCODINGS.get(value) or _encoding(value)
    elif key == b"content-disposition":
        disposition = parse_disposition(value)
        if disposition is not None:
            found["disposition"], found["disposition_params"] = disposition.name, disposition.params
    elif key == b"content-id":
        found["content_id"] = value
    elif key == b"content-description":
        found["description"] = value
    elif key == b"content-language":
        tags = [tag.strip() for tag in without_comments(value).split(b",")]
        found["language"] = tuple([tag for tag in tags if tag][:MAX_LANGUAGES])
    elif key == b"content-location":
        found["location"] = b"".join(value.split())  # RFC 2557 §4.4.1
    elif key == b"content-md5":
        found["md5"] = value


def _encoding(value: bytes) -> str:
    return without_comments(value).strip(b" \t;").decode("ascii", "replace").lower() or "7bit"
