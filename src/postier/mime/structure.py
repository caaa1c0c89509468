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
from postier.mime.content_fields import TEXT, ContentFields
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
    """The tree, the header section of the letter itself, and the defects met anywhere in it."""

    root: Part
    header: HeaderSection
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
        "children",
        "content",
        "delimiter",
        "end",
        "envelope",
        "header",
        "is_done",
        "path",
        "position",
    )

    def __init__(
        self,
        path: str,
        header: HeaderSection,
        content: ContentFields,
        end: int,
        delimiter: bytes,
        envelope: bytes | None,
    ) -> None:
        self.path = path
        self.header = header
        self.content = content
        self.end = end
        self.delimiter = delimiter  # LF, two hyphens, boundary; empty for a message
        self.envelope = envelope
        self.position = -1 if delimiter else header.end  # -1: the first delimiter is still to be found
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
        root = self._begin(top, len(raw), "", TEXT, is_root=True)
        while open_:
            inner = open_[-1]
            region = None if inner.is_done else self._next_region(inner)
            if region is None:
                open_.pop()
                root = self._close(inner)
                if open_:
                    open_[-1].children.append(root)
                continue
            start, end = region
            is_root = not inner.delimiter
            default = _DIGEST if inner.content.type.subtype == "digest" and not is_root else TEXT
            if is_root:
                path = inner.path
            else:
                number = len(inner.children) + 1
                path = f"{inner.path}.{number}" if inner.path else str(number)
            if self._is_exhausted():
                inner.children.append(self._opaque(start, inner.end, f"{path}.1" if is_root else path))
                inner.is_done = True
                continue
            part = self._begin(split_header(raw, start, end), end, path, default, is_root=is_root)
            if part is not None:
                inner.children.append(part)
        assert root is not None
        return Parsed(root, top, tuple(self.defects))

    def _is_exhausted(self) -> bool:
        if self.count >= self.limits.parts:
            self.defects[Defect.TOO_MANY_PARTS] = None
            return True
        if self.work.octets < 0 or self.work.false_delimiters < 0:
            self.defects[Defect.TOO_COSTLY] = None
            return True
        return False

    def _begin(
        self, header: HeaderSection, end: int, path: str, default: ContentType, *, is_root: bool
    ) -> Part | None:
        """A leaf, or None after opening a multipart or message. `path` of a root is that of its message."""
        self.count += 1
        if header.defects:
            self.defects.update(dict.fromkeys(header.defects))
        content = ContentFields(header, default)
        if not content.is_valid:
            self.defects[Defect.CONTENT_TYPE_INVALID] = None
        media = content.type
        is_message = media.type == "message" and media.subtype in ("rfc822", "global")
        if media.type == "multipart" or is_message:
            if content.encoding not in _IDENTITY:
                self.defects[Defect.ENCODED_COMPOSITE] = None
            if len(self.open) >= self.limits.depth:
                self.defects[Defect.TOO_DEEP] = None
                content.type = media = _OPAQUE
            elif is_message:
                path = (f"{path}.1" if path else "1") if is_root else path
                self.work.octets -= end - header.end  # its lines will be counted
                inner_header = split_header(self.raw, header.end, end)
                inner = envelopes.serialise(envelopes.read_envelope(inner_header))
                self.open.append(_Open(path, header, content, end, b"", inner))
                return None
            else:
                self.open.append(_Open(path, header, content, end, self._delimiter(content.type), None))
                return None
        lines = 0
        if media.type == "text":
            lines = count_lines(self.raw, header.end, end)
        if is_root:
            path = f"{path}.1" if path else "1"
        return _part(path, header, content, end, lines, (), None)

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
            return inner.header.end, end
        if len(needle) == 1:
            return None
        if inner.position < 0:  # the preamble: the first delimiter may be the first line
            found = next_delimiter(raw, needle, max(inner.header.end - 1, 0), end, self.work)
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
        start, end = inner.header.end, inner.end
        lines = 0
        if inner.envelope is not None:
            lines = count_lines(self.raw, start, end)
        elif not children:
            # RFC 9051 §9 wants one body at least, and people want to see what is there
            path = f"{inner.path}.1" if inner.path else "1"
            lines = count_lines(self.raw, start, end)
            text = Part(path, "text", "plain", TEXT.params, inner.content.encoding, start, start, end, lines)
            return _part(inner.path, inner.header, inner.content, end, 0, (text,), None)
        return _part(inner.path, inner.header, inner.content, end, lines, children, inner.envelope)


def _part(
    path: str,
    header: HeaderSection,
    content: ContentFields,
    end: int,
    lines: int,
    children: tuple[Part, ...],
    envelope: bytes | None,
) -> Part:
    media = content.type
    return Part(
        path,
        media.type,
        media.subtype,
        media.params,
        content.encoding,
        header.start,
        header.end,
        end,
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
