"""Header lines that we write: folding, encoded words, phrases, parameters; injection refused.

Not here: what fields a message needs (`build`, `dsn`). Source: RFC 5322 §2.1.1, §2.2.3, §3.2; RFC 2047 §5; RFC 2231;
RFC 6532; SECURITY 19. Invariants: a value with CR, LF, NUL or another control character is refused, so a value is never
a second field; no line exceeds 998 octets; unfolding and decoding a line gives the value back. With `smtputf8` text
outside ASCII stands as UTF-8.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from postier.mime import encoded_words
from postier.mime.address import Address

LINE_COLUMNS = 78  # RFC 5322 §2.1.1 SHOULD
MAX_TOKEN_COLUMNS = 900  # a longer run without white space goes into encoded words, to stay below 998
SEGMENT_COLUMNS = 60

_NAME = re.compile(r"[!-9;-~]{1,76}")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&+\-.^_`{|}~]+")
_WORDS = re.compile(r"[ \t]*[^ \t]+")
_LONG_RUN = re.compile(r"[^ \t]{900}")


class HeaderValueError(ValueError):
    """A value that cannot stand in a header line."""


class Correspondent(msgspec.Struct, frozen=True):
    """Someone a letter is from or to: an address and the name shown with it."""

    address: Address
    name: str = ""


def checked(value: str) -> str:
    """The value, or HeaderValueError when it holds a control character (tab excepted) or half a surrogate pair."""
    if found := _FORBIDDEN.search(value):
        raise HeaderValueError(f"header value holds the character U+{ord(found[0]):04X}")
    return value


def line(name: str, tokens: Sequence[str]) -> bytes:
    """`Name: tokens` folded between tokens; each token but the first brings its own white space in front."""
    if not _NAME.fullmatch(name):
        raise HeaderValueError(f"{name!r} is no field name")
    checked("".join(tokens))
    pieces = [name, ":"]
    used = len(name) + 1
    is_empty = True
    for index, token in enumerate(tokens):
        text = token if index else f" {token}"
        # A field name alone on its line is legal, but some readers lose the value
        if used + len(text) > LINE_COLUMNS and not is_empty:
            pieces.append("\r\n")
            used = 0
        pieces.append(text)
        used += len(text)
        is_empty = False
    pieces.append("\r\n")
    return "".join(pieces).encode()


def text_line(name: str, value: str, *, smtputf8: bool = False) -> bytes:
    """An unstructured field such as Subject."""
    return line(name, _text_tokens(checked(value).strip(" \t"), len(name) + 2, smtputf8=smtputf8))


def _text_tokens(value: str, column: int, *, smtputf8: bool) -> list[str]:
    words = _WORDS.findall(value)
    troubled = [index for index, word in enumerate(words) if _must_encode(word, smtputf8=smtputf8)]
    if not troubled:
        return words
    first, last = troubled[0], troubled[-1]
    middle = "".join(words[first : last + 1])
    if first:  # the encoded words stand for the text after one space; more white space goes inside
        encoded = [f" {word}" for word in encoded_words.encode(middle[1:])]
    else:
        room = min(max(LINE_COLUMNS - column, 40), encoded_words.MAX_WORD_OCTETS)
        head, *rest = encoded_words.encode(middle, room)
        encoded = [head, *[f" {word}" for word in rest]]
    return [*words[:first], *encoded, *words[last + 1 :]]


def _must_encode(word: str, *, smtputf8: bool) -> bool:
    if "=?" in word or len(word) > MAX_TOKEN_COLUMNS or (smtputf8 and len(word.encode()) > MAX_TOKEN_COLUMNS):
        return True
    return not smtputf8 and not word.isascii()


def phrase(name: str, *, smtputf8: bool = False) -> list[str]:
    """A display name as tokens: atoms, a quoted string, or encoded words."""
    name = " ".join(checked(name).split())
    if not name:
        return []
    if "=?" in name or len(name) > MAX_TOKEN_COLUMNS // 4 or not (smtputf8 or name.isascii()):
        words = encoded_words.encode(name)
        return [words[0], *[f" {word}" for word in words[1:]]]
    if _ATOMS.fullmatch(name):
        return [name]
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{escaped}"']


def address_line(name: str, people: Sequence[Correspondent], *, smtputf8: bool = False) -> bytes:
    """A field of mailboxes such as To; HeaderValueError for a UTF-8 local part without SMTPUTF8 (RFC 6532 §3.2)."""
    tokens: list[str] = []
    for person in people:
        if not smtputf8 and not person.address.is_ascii:
            raise HeaderValueError(f"{person.address} needs SMTPUTF8")
        words = phrase(person.name, smtputf8=smtputf8)
        words.append(f" <{person.address}>" if words else str(person.address))
        if tokens:
            tokens[-1] += ","
            words[0] = f" {words[0]}"
        tokens.extend(words)
    return line(name, tokens)


def parameter(name: str, value: str) -> list[str]:
    """A MIME parameter as tokens, each with `;` and white space in front: plain, quoted, or by RFC 2231."""
    checked(value)
    if _TOKEN.fullmatch(value) and len(value) <= SEGMENT_COLUMNS:
        return [f"; {name}={value}"]
    if value.isascii() and len(value) <= SEGMENT_COLUMNS:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return [f'; {name}="{escaped}"']
    encoded = quote(value, safe="")
    if len(encoded) <= SEGMENT_COLUMNS:
        return [f"; {name}*=utf-8''{encoded}"]
    segments = _segments(encoded)
    segments[0] = f"utf-8''{segments[0]}"
    return [f"; {name}*{number}*={segment}" for number, segment in enumerate(segments)]


def _segments(encoded: str) -> list[str]:
    """Percent-encoded text in pieces that do not cut an escape."""
    segments: list[str] = []
    start = 0
    while start < len(encoded):
        end = min(start + SEGMENT_COLUMNS - 10, len(encoded))
        if end < len(encoded):
            escape = encoded.rfind("%", end - 2, end)
            end = end if escape < 0 else escape
        segments.append(encoded[start:end])
        start = end
    return segments
