"""Content-Type and Content-Disposition: type, parameters, RFC 2231 continuations and charsets.

Not here: the defaults that depend on the enclosing part (`structure`). Source: RFC 2045 §5.1, RFC 2183 §2, RFC 2231
(eid590, eid477). Parameters are kept as octets: names in lower case, values unquoted. Continuations are joined. An
extended value is kept under the name with its `*` as `utf-8''percent-encoded`: RFC 9051 §7.5.2 gives it that name and
charset; the percent form stays because deployed IMAP clients (mutt, Roundcube, Apple Mail) decode what is called
`filename*` by RFC 2231. Invariants: linear, never fails, at most MAX_PARAMETERS parameters and segments.
"""

import re
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

from postier.mime import charsets, encoded_words
from postier.mime.comments import without_comments

MAX_PARAMETERS = 256
CACHED_VALUE_OCTETS = 128  # longer values, and those with a boundary, hardly ever come twice

_MEDIA_TYPE = re.compile(
    rb"[ \t]*+([!#-'*+.0-9A-Z^-~-]++)[ \t]*+/[ \t]*+([!#-'*+.0-9A-Z^-~-]++)[ \t]*+(?=;|\Z|\s)"
)
_TOKEN = re.compile(rb"[ \t]*+([!#-'*+.0-9A-Z^-~-]++)")
_PARAMETER = re.compile(
    rb';\s*+([^\s=;"]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]++|\\.)*)(?:"|\\?\Z)[^;]*+|([^;]*+))', re.DOTALL
)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_SEGMENT = re.compile(rb"([^*]++)(?:\*(\d{1,4}))?(\*)?")

Parameters = tuple[tuple[bytes, bytes], ...]


class ContentType(msgspec.Struct, frozen=True, gc=False):
    """A media type in lower case with its parameters."""

    type: str
    subtype: str
    params: Parameters = ()


class Disposition(msgspec.Struct, frozen=True, gc=False):
    """A disposition in lower case (`inline`, `attachment`, ...) with its parameters."""

    name: str
    params: Parameters = ()


def parse_content_type(value: bytes) -> ContentType | None:
    """Read an unfolded Content-Type value; None when there is no `type/subtype` in it."""
    if len(value) <= CACHED_VALUE_OCTETS and b"boundary" not in value:
        return _content_type_cached(value)
    return _content_type(value)


def _content_type(value: bytes) -> ContentType | None:
    if b"(" in value:
        value = without_comments(value)
    match = _MEDIA_TYPE.match(value)
    if match is None:
        return None
    main, sub = match.groups()
    return ContentType(
        main.decode("ascii").lower(), sub.decode("ascii").lower(), parse_parameters(value, match.end())
    )


_content_type_cached = lru_cache(maxsize=512)(_content_type)


def parse_disposition(value: bytes) -> Disposition | None:
    """Read an unfolded Content-Disposition value; None when it starts with no token."""
    if b"(" in value:
        value = without_comments(value)
    match = _TOKEN.match(value)
    if match is None:
        return None
    return Disposition(match[1].decode("ascii").lower(), parse_parameters(value, match.end()))


def parse_parameters(value: bytes, start: int = 0) -> Parameters:
    """The parameters in value[start:], each introduced by `;`; the first of a name counts."""
    found: dict[bytes, bytes] = {}
    is_segmented = False
    for written, quoted, plain in _PARAMETER.findall(value, start):
        name = written.lower()
        if name in found:
            continue
        if len(found) == MAX_PARAMETERS:
            break
        if quoted:
            found[name] = _QUOTED_PAIR.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        else:
            found[name] = plain.rstrip()  # empty as well after empty quotes
        if b"*" in name:
            is_segmented = True
    return _joined(found) if is_segmented else tuple(found.items())


def _joined(found: dict[bytes, bytes]) -> Parameters:
    """RFC 2231 §3 and §4: segments in their order, whatever order they came in."""
    result: dict[bytes, bytes] = {}
    segments: dict[bytes, dict[int, tuple[bool, bytes]]] = {}
    for name, value in found.items():
        match = _SEGMENT.fullmatch(name)
        if match is None:
            result[name] = value
            continue
        stem, number, star = match.groups()
        if number is None and star is None:
            result[name] = value
        elif number is None:
            result[stem + b"*"] = _extended([(True, value)])
        else:
            segments.setdefault(stem, {}).setdefault(int(number), (star is not None, value))
    for stem, numbered in segments.items():
        ordered: list[tuple[bool, bytes]] = []
        while (segment := numbered.get(len(ordered))) is not None:  # no gaps are allowed: the rest is dropped
            ordered.append(segment)
        if not ordered:
            continue
        if any(is_extended for is_extended, _ in ordered):
            result.setdefault(stem + b"*", _extended(ordered))
        else:
            result.setdefault(stem, b"".join([value for _, value in ordered]))
    return tuple(result.items())


def _extended(segments: list[tuple[bool, bytes]]) -> bytes:
    """The value of the segments as `utf-8'language'percent-encoded`."""
    charset, language = b"", b""
    octets: list[bytes] = []
    for index, (is_extended, value) in enumerate(segments):
        rest = value
        if not index and is_extended and value.count(b"'") >= 2:
            charset, language, rest = value.split(b"'", 2)
        octets.append(unquote_to_bytes(rest) if is_extended else rest)
    text = charsets.decode(b"".join(octets), charset.decode("ascii", "replace").lower() or None)
    return b"utf-8'%b'%b" % (language, quote_from_bytes(text.encode(), safe="").encode())


def parameter_text(params: Parameters, name: str) -> str | None:
    """The decoded text of a parameter for people: the extended form first, then the plain one (encoded words and
    raw octets in it are wrong but usual); control characters become spaces.
    """
    key = name.encode()
    plain: bytes | None = None
    for found, value in params:
        if found == key + b"*":
            return encoded_words.decode(unquote_to_bytes(value.split(b"'", 2)[-1]))
        if found == key and plain is None:
            plain = value
    return None if plain is None else encoded_words.decode(plain)
