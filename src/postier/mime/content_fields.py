"""The Content-* fields of one part, with their defaults.

Not here: the tree (`structure`), parameters (`params`). Source: RFC 2045 §5, §6, §7, §8; RFC 2183; RFC 3282
(Content-Language); RFC 2557 (Content-Location); RFC 1864 (Content-MD5). Invariants: what cannot be understood has its
default; values stay octets, except type, encoding and disposition, which are names in lower case.
"""

from postier.mime.comments import without_comments
from postier.mime.headers import HeaderSection, unfold
from postier.mime.params import ContentType, Parameters, parse_content_type, parse_disposition

MAX_LANGUAGES = 100

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


class ContentFields:
    """The Content-* fields of one part, defaults applied; of a repeated field the first counts."""

    __slots__ = (
        "content_id", "description", "disposition", "disposition_params", "encoding",
        "is_valid", "language", "location", "md5", "type",
    )  # fmt: skip

    def __init__(self, header: HeaderSection, default: ContentType) -> None:
        self.type = default
        self.encoding = "7bit"  # RFC 2045 §6.1
        self.content_id: bytes | None = None
        self.description: bytes | None = None
        self.disposition: str | None = None
        self.disposition_params: Parameters = ()
        self.language: tuple[bytes, ...] = ()
        self.location: bytes | None = None
        self.md5: bytes | None = None
        self.is_valid = True
        taken: list[bytes] = []
        for _, key, value in header.entries:
            if key[:8] == b"content-" and key in _KEYS and key not in taken:
                taken.append(key)
                self._take(key, unfold(value))

    def _take(self, key: bytes, value: bytes) -> None:
        if key == b"content-type":
            media = parse_content_type(value)
            self.is_valid = media is not None
            self.type = media or TEXT  # RFC 2045 §5.2: what cannot be understood is plain text
        elif key == b"content-transfer-encoding":
            self.encoding = _ENCODINGS.get(value) or _encoding(value)
        elif key == b"content-disposition":
            disposition = parse_disposition(value)
            if disposition is not None:
                self.disposition, self.disposition_params = disposition.name, disposition.params
        elif key == b"content-id":
            self.content_id = value
        elif key == b"content-description":
            self.description = value
        elif key == b"content-language":
            tags = [tag.strip() for tag in without_comments(value).split(b",")]
            self.language = tuple([tag for tag in tags if tag][:MAX_LANGUAGES])
        elif key == b"content-location":
            self.location = b"".join(value.split())  # RFC 2557 §4.4.1
        elif key == b"content-md5":
            self.md5 = value


def _encoding(value: bytes) -> str:
    return without_comments(value).strip(b" \t;").decode("ascii", "replace").lower() or "7bit"
