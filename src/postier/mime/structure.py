"""The part tree of a message, read in one walk over its raw octets.

Not here: what a client is shown of it (`bodystructure`, `sections`), decoding (`decode`). Source: RFC 2046, RFC 6532
(message/global).
Invariants: any octets give a tree; iterative; the work is linear in the size (an outer delimiter ends whatever is
inside, so each level searches its own octets only, and `Limits.search_factor` bounds the sum over all levels);
beyond a limit the rest is one opaque application/octet-stream leaf and the fact is a defect.
"""

import msgspec

from postier.mime import envelope as envelopes
from postier.mime.boundaries import MAX_BOUNDARY_OCTETS, MAX_FALSE_DELIMITERS, Work, next_delimiter
from postier.mime.content_fields import TEXT, ContentFields, content_fields, read_part_header
from postier.mime.defects import Defect
from postier.mime.headers import HeaderSection, split_header
from postier.mime.octets import Buffer, count_lines
from postier.mime.params import ContentType
from postier.mime.part import Part

MAX_DEPTH = 100
MAX_PARTS = 10_000
SEARCH_FACTOR = 16
SEARCH_FLOOR_OCTETS = 256 << 20

_DIGEST = ContentType("message", "rfc822")  # RFC 2046 §5.1.5
_OPAQUE = ContentType("application", "octet-stream")
_IDENTITY = frozenset({"7bit", "8bit", "binary"})


class Limits(msgspec.Struct, frozen=True):
    """How much structure is read (SECURITY 17). Depth counts multiparts and messages around a part."""

    depth: int = MAX_DEPTH
    parts: int = MAX_PARTS
    search_factor: int = SEARCH_FACTOR
    search_floor_octets: int = SEARCH_FLOOR_OCTETS


LIMITS = Limits()


class Parsed(msgspec.Struct, frozen=True, gc=False):
    """The tree, the header section of the letter itself, its first fields by name, and the defects met anywhere in it."""

    root: Part
    header: HeaderSection
    firsts: dict[bytes, bytes]
    defects: tuple[Defect, ...]


def parse(raw: Buffer, limits: Limits = LIMITS) -> Part:
    """The root part of a message."""
    return parse_message(raw, limits).root


def parse_message(raw: Buffer, limits: Limits = LIMITS) -> Parsed:
    """The tree with what was learnt on the way."""
    return _Walk(raw, limits).run()


class _Open:
    """A multipart or message whose inside is being read."""

    __slots__ = (
        "children", "content", "delimiter", "end", "envelope", "is_done", "media", "path", "position", "region",
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        content: ContentFields,
        media: ContentType,
        region: tuple[int, int, int],
        delimiter: bytes,
        envelope: bytes | None,
    ) -> None:
        self.path = path
        self.content = content
        self.media = media
        self.region = region
        self.end = region[2]
        self.delimiter = delimiter  # LF, two hyphens, boundary; empty for a message
        self.envelope = envelope
        self.position = -1 if delimiter else region[1]  # -1: the first delimiter is still to be found
        self.children: list[Part] = []
        self.is_done = False


class _Walk:
    """One reading of one message."""

    __slots__ = ("count", "defects", "limits", "open", "raw", "work")

    def __init__(self, raw: Buffer, limits: Limits) -> None:
        self.raw = raw
        self.limits = limits
        self.work = Work(len(raw) * limits.search_factor + limits.search_floor_octets)
        self.open: list[_Open] = []
        self.count = 0
        self.defects: dict[Defect, None] = {}  # a set that keeps its order

    def run(self) -> Parsed:
        raw, open_ = self.raw, self.open
        top = split_header(raw)
        firsts = top.firsts()
        if top.defects:
            self.defects.update(dict.fromkeys(top.defects))
        region = (0, top.end, len(raw))
        root = self._begin(content_fields(firsts), region, "", TEXT, is_root=True)
        while open_:
            inner = open_[-1]
            found = None if inner.is_done else self._next_region(inner)
            if found is None:
                open_.pop()
                root = self._close(inner)
                if open_:
                    open_[-1].children.append(root)
                continue
            start, end = found
            is_root = not inner.delimiter
            default = _DIGEST if inner.media.subtype == "digest" and not is_root else TEXT
            if is_root:
                path = inner.path
            else:
                number = len(inner.children) + 1
                path = f"{inner.path}.{number}" if inner.path else str(number)
            if self._is_exhausted():
                inner.children.append(self._opaque(start, inner.end, f"{path}.1" if is_root else path))
                inner.is_done = True
                continue
            header = read_part_header(raw, start, end)
            if header.defects:
                self.defects.update(dict.fromkeys(header.defects))
            region = (start, start + header.size_octets, end)
            part = self._begin(header.content, region, path, default, is_root=is_root)
            if part is not None:
                inner.children.append(part)
        assert root is not None
        return Parsed(root, top, firsts, tuple(self.defects))

    def _is_exhausted(self) -> bool:
        if self.count >= self.limits.parts:
            self.defects[Defect.TOO_MANY_PARTS] = None
            return True
        if self.work.octets < 0 or self.work.false_delimiters < 0:
            self.defects[Defect.TOO_COSTLY] = None
            return True
        return False

    def _begin(
        self,
        content: ContentFields,
        region: tuple[int, int, int],
        path: str,
        default: ContentType,
        *,
        is_root: bool,
    ) -> Part | None:
        """A leaf, or None after opening a multipart or message. `path` of a root is that of its message; `region`
        is where the part begins, where its body does, and where it ends.
        """
        self.count += 1
        if not content.is_valid:
            self.defects[Defect.CONTENT_TYPE_INVALID] = None
        media = content.type or default
        _, start, end = region
        is_message = media.type == "message" and media.subtype in ("rfc822", "global")
        if media.type == "multipart" or is_message:
            if content.encoding not in _IDENTITY:
                self.defects[Defect.ENCODED_COMPOSITE] = None
            if len(self.open) >= self.limits.depth:
                self.defects[Defect.TOO_DEEP] = None
                media = _OPAQUE
            elif is_message:
                path = (f"{path}.1" if path else "1") if is_root else path
                self.work.octets -= end - start  # its lines will be counted
                inner_header = split_header(self.raw, start, end)
                inner = envelopes.serialise(envelopes.read_envelope(inner_header))
                self.open.append(_Open(path, content, media, region, b"", inner))
                return None
            else:
                self.open.append(_Open(path, content, media, region, self._delimiter(media), None))
                return None
        lines = 0
        if media.type == "text":
            lines = count_lines(self.raw, start, end)
        if is_root:
            path = f"{path}.1" if path else "1"
        return _part(path, content, media, region, lines, (), None)

    def _delimiter(self, media: ContentType) -> bytes:
        for name, value in media.params:
            if name == b"boundary":
                boundary = value.rstrip()
                if boundary and len(boundary) <= MAX_BOUNDARY_OCTETS:
                    return b"\n--" + boundary
                break
        self.defects[Defect.BOUNDARY_MISSING] = None
        return b"\n"  # no delimiter line is ever looked for

    def _next_region(self, inner: _Open) -> tuple[int, int] | None:
        """Where the next part of a multipart, or the message inside a message, lies."""
        raw, needle, end = self.raw, inner.delimiter, inner.end
        if not needle:
            inner.is_done = True
            return inner.region[1], end
        if len(needle) == 1:
            return None
        if inner.position < 0:  # the preamble: the first delimiter may be the first line
            found = next_delimiter(raw, needle, max(inner.region[1] - 1, 0), end, self.work)
            if found is None:
                self.defects[Defect.NO_PARTS] = None
                return None
            _, inner.position, is_close = found
            if is_close:
                return None
        start = inner.position
        if start >= end:
            self.defects[Defect.END_MISSING] = None
            return None
        found = next_delimiter(raw, needle, start - 1, end, self.work)
        if found is None:
            self.defects[Defect.END_MISSING] = None
            inner.is_done = True
            return start, end
        part_end, inner.position, inner.is_done = found
        return start, max(part_end, start)

    def _opaque(self, start: int, end: int, path: str) -> Part:
        """What is not read any further."""
        return Part(path, "application", "octet-stream", (), "7bit", start, start, end)

    def _close(self, inner: _Open) -> Part:
        """The finished part of an open one."""
        children = tuple(inner.children)
        _, start, end = inner.region
        lines = 0
        if inner.envelope is not None:
            lines = count_lines(self.raw, start, end)
        elif not children:
            # RFC 9051 §9 wants one body at least, and people want to see what is there
            path = f"{inner.path}.1" if inner.path else "1"
            lines = count_lines(self.raw, start, end)
            text = Part(path, "text", "plain", TEXT.params, inner.content.encoding, start, start, end, lines)
            return _part(inner.path, inner.content, inner.media, inner.region, 0, (text,), None)
        return _part(inner.path, inner.content, inner.media, inner.region, lines, children, inner.envelope)


def _part(
    path: str,
    content: ContentFields,
    media: ContentType,
    region: tuple[int, int, int],
    lines: int,
    children: tuple[Part, ...],
    envelope: bytes | None,
) -> Part:
    header_start, body_start, body_end = region
    return Part(
        path,
        media.type,
        media.subtype,
        media.params,
        content.encoding,
        header_start,
        body_start,
        body_end,
        lines,
        children,
        content.content_id,
        content.description,
        content.disposition,
        content.disposition_params,
        content.language,
        content.location,
        content.md5,
        envelope,
    )


__all__ = [
    "LIMITS",
    "MAX_DEPTH",
    "MAX_FALSE_DELIMITERS",
    "MAX_PARTS",
    "Limits",
    "Parsed",
    "parse",
    "parse_message",
]
