"""Strings of a script: encoded characters, variables, and their expansion.

Not here: `set` and its modifiers (`ext.variables`). Source: RFC 5228 §2.4.2.4; RFC 5229 §3, §3.1, §3.2; RFC 6609 §3.4.
Strings are `str`: what is no UTF-8 stands as lone surrogates (surrogateescape). Invariants: quoting, then encoded
characters, then variables, each done once: what an expansion brings in is never expanded again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from postier.sieve.running import Run

_ENCODED = re.compile(
    r"\$\{(?:hex:\s*((?:[0-9a-f]{1,2}\s+)*[0-9a-f]{1,2})\s*|unicode:\s*((?:[0-9a-f]+\s+)*[0-9a-f]+)\s*)\}".replace(
        r"\s", "[ \t\r\n]"
    ),
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\$\{((?:[A-Za-z_][A-Za-z0-9_]*\.)*)([A-Za-z_][A-Za-z0-9_]*|[0-9]+)\}")
NAME = re.compile(
    r"(?:([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\.)?([A-Za-z_][A-Za-z0-9_]*|[0-9]+)"
)


_TEXT_COST = 16  # what a string of a list costs each time, whatever is done with it


class Scope(Enum):
    """Where a variable lives."""

    SCRIPT = "script"
    GLOBAL = "global"
    MATCH = "match"


class Variable(msgspec.Struct, frozen=True):
    """A reference: a name in lower case, or the number of a match variable."""

    scope: Scope
    name: str
    index: int = 0

    def value(self, run: Run) -> str:
        """Its value now; empty when it has none (RFC 5229 §3)."""
        match self.scope:
            case Scope.SCRIPT:
                return run.frame.variables.get(self.name, "")
            case Scope.GLOBAL:
                return run.globals.get(self.name, "")
            case Scope.MATCH:
                found = run.frame.matches
                return found[self.index] if self.index < len(found) else ""


class Template(msgspec.Struct, frozen=True):
    """A string with variables in it; `written` is the string as it stands in the script."""

    pieces: tuple[str | Variable, ...]
    written: str

    def expand(self, run: Run) -> str:
        """The string with the values of now, cut off at the limit."""
        text = "".join([each if isinstance(each, str) else each.value(run) for each in self.pieces])
        run.charge(len(text))
        return text[: run.limits.expanded_characters]


Text = str | Template


def expand(text: Text, run: Run) -> str:
    """A string of the script as it is now."""
    return text if isinstance(text, str) else text.expand(run)


def expand_all(texts: tuple[Text, ...], run: Run) -> list[str]:
    """A list of strings as they are now."""
    run.charge(_TEXT_COST * len(texts))
    return [text if isinstance(text, str) else text.expand(run) for text in texts]


def storable(text: str) -> str:
    """A name or id as Unicode without NUL; different texts stay different."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


def decode_characters(text: str) -> str:
    """The string with its `${hex:}` and `${unicode:}` sequences decoded; raises ValueError for no character."""

    def decoded(match: re.Match[str]) -> bytes:
        octets, characters = match.groups()
        if octets is not None:
            return bytes([int(each, 16) for each in octets.split()])
        numbers = [int(each, 16) if len(each.lstrip("0")) <= 6 else 0x110000 for each in characters.split()]
        for number in numbers:
            if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
                raise ValueError(f"{match[0][:40]} names no Unicode character")
        return "".join(map(chr, numbers)).encode()

    if "${" not in text:
        return text
    pieces: list[bytes] = []
    position = 0
    for match in _ENCODED.finditer(text):
        pieces += [text[position : match.start()].encode("utf-8", "surrogateescape"), decoded(match)]
        position = match.end()
    pieces.append(text[position:].encode("utf-8", "surrogateescape"))
    return b"".join(pieces).decode("utf-8", "surrogateescape")


def template(text: str, variable: Callable[[str, str], Variable]) -> Text:
    """The string with its references found; `variable` makes one from namespace and name, or raises ValueError."""
    if "${" not in text:
        return text
    pieces: list[str | Variable] = []
    position = 0
    for match in _REFERENCE.finditer(text):
        if match.start() > position:
            pieces.append(text[position : match.start()])
        pieces.append(variable(match[1].removesuffix(".").lower(), match[2].lower()))
        position = match.end()
    if not pieces:
        return text
    if position < len(text):
        pieces.append(text[position:])
    return Template(tuple(pieces), text)
