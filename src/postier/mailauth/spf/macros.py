"""SPF macro strings: parsed once, expanded for one check.

Not here: which values the letters have (`spf.check`). Source: RFC 7208 §7. Invariants: a parsed string is
grammatical; expansion is linear and cannot fail; names come out at most 253 characters long.
"""

import re
import urllib.parse
from collections.abc import Mapping

import msgspec

from postier.mailauth.names import MAX_NAME_LENGTH

_TOKEN = re.compile(
    r"%\{([A-Za-z])([0-9]*)([rR]?)([.\-+,/_=]*)\}"  # RFC 7208 §7.1 macro-expand
    r"|%([%_\-])"
    r"|([!-$&-~]+)"  # macro-literal
)
_SPACES = re.compile(r" +")
# RFC 7208 §7.1 toplabel
_TOPLABEL = re.compile(r"[0-9A-Za-z]*[A-Za-z][0-9A-Za-z]*|[0-9A-Za-z]+-[0-9A-Za-z\-]*[0-9A-Za-z]")
_ESCAPES = {"%": "%", "_": " ", "-": "%20"}
_NAME_LETTERS = frozenset("slodipvh")
_TEXT_LETTERS = _NAME_LETTERS | frozenset("crt")  # RFC 7208 §7.2: c, r, t only in explanation text
_MAX_PARTS = 128  # more labels than a name can have: "all of them"
_UNRESERVED = "-._~"  # RFC 3986 §2.3, beside letters and digits


class MacroError(ValueError):
    """The string does not follow RFC 7208 §7.1; the text says where."""


class Macro(msgspec.Struct, frozen=True, gc=False):
    """One `%{...}`: lower-case letter, number of right-hand parts (0: all), reversal, delimiters, URL escape."""

    letter: str
    parts: int
    is_reversed: bool
    delimiters: str
    is_escaped: bool

    def expand(self, value: str) -> str:
        """The replacement for this macro when its letter stands for `value`."""
        if self.parts or self.is_reversed or self.delimiters:
            split = _split(value, self.delimiters or ".")
            if self.is_reversed:
                split.reverse()
            value = ".".join(split[-self.parts :] if self.parts else split)
        return urllib.parse.quote(value, safe=_UNRESERVED) if self.is_escaped else value


class MacroString(msgspec.Struct, frozen=True):
    """Literals and macros in order; `literal` is the whole text when there is no macro in it."""

    pieces: tuple[str | Macro, ...]
    literal: str | None
    letters: frozenset[str]

    def expand(self, values: Mapping[str, str]) -> str:
        """The text with every macro replaced; `values` has an entry for each of `letters`."""
        if self.literal is not None:
            return self.literal
        return "".join(
            piece if isinstance(piece, str) else piece.expand(values[piece.letter]) for piece in self.pieces
        )


def parse_macro_string(text: str) -> MacroString:
    """A macro-string, as unknown modifiers have it; raises MacroError."""
    return _parse(text, _NAME_LETTERS)[0]


def parse_domain_spec(text: str) -> MacroString:
    """A domain-spec: a macro-string that ends in a macro or in a dot and a top label; raises MacroError."""
    parsed, tail = _parse(text, _NAME_LETTERS)
    if not parsed.pieces:
        raise MacroError("the domain is missing")
    if tail is not None:  # RFC 7208 §7.1 domain-end
        _, dot, top = tail.removesuffix(".").rpartition(".")
        if not dot or not _TOPLABEL.fullmatch(top):
            raise MacroError(f"{text[:60]!r} does not end in a top-level name or a macro")
    return parsed


def parse_explanation(text: str) -> MacroString:
    """An explain-string: macro-strings and spaces, all letters allowed; raises MacroError."""
    return _parse(text, _TEXT_LETTERS, allow_spaces=True)[0]


def shorten_name(name: str) -> str:
    """An expanded name within 253 characters, leftmost labels removed first (RFC 7208 §7.3)."""
    name = name.removesuffix(".")
    if len(name) <= MAX_NAME_LENGTH:
        return name
    cut = name.find(".", len(name) - MAX_NAME_LENGTH - 1)
    return name[cut + 1 :] if cut >= 0 else name


def _parse(
    text: str, allowed: frozenset[str], *, allow_spaces: bool = False
) -> tuple[MacroString, str | None]:
    """The parsed string, and its last piece if that is literal."""
    pieces: list[str | Macro] = []
    letters: set[str] = set()
    tail: str | None = None
    position = 0
    while position < len(text):
        if (found := _TOKEN.match(text, position)) is None:
            if allow_spaces and (found := _SPACES.match(text, position)) is not None:
                pieces.append(found[0])
                position = found.end()
                continue
            raise MacroError(f"{text[position : position + 12]!r} is not a macro or a visible character")
        position = found.end()
        letter, digits, reverse, delimiters, escape, tail = found.groups()
        if tail is not None:
            pieces.append(tail)
        elif escape is not None:
            pieces.append(_ESCAPES[escape])
        else:
            pieces.append(_macro(letter, digits, reverse, delimiters, allowed))
            letters.add(letter.lower())
    literal = None if letters else "".join(str(piece) for piece in pieces)
    return MacroString(tuple(pieces), literal, frozenset(letters)), tail


def _macro(letter: str, digits: str, reverse: str, delimiters: str, allowed: frozenset[str]) -> Macro:
    if letter.lower() not in allowed:
        raise MacroError(f"macro letter {letter!r} is not defined here")
    parts = 0
    if digits:
        significant = digits.lstrip("0")
        if not significant:  # RFC 7208 §7.3: a digit transformer MUST be nonzero
            raise MacroError(f"macro %{{{letter}0}} asks for no part at all")
        parts = min(int(significant[:4]), _MAX_PARTS)
    return Macro(letter.lower(), parts, bool(reverse), delimiters, letter.isupper())


def _split(value: str, delimiters: str) -> list[str]:
    """Parts between any of the delimiters; empty parts stay (RFC 7208 §7.3)."""
    first = delimiters[0]
    for other in set(delimiters[1:]):
        value = value.replace(other, first)
    return value.split(first)
