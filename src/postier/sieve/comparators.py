"""Comparators: what of two strings counts as the same, and which comes first.

Not here: match types (`matching`). Source: RFC 4790 §9 (i;octet, i;ascii-casemap, i;ascii-numeric), RFC 5051
(i;unicode-casemap, which `mime.collation` has). Invariants: a comparator is a key of its strings: equal keys are equal strings, ordered keys are
ordered strings, a key inside a key is a substring. Linear.
"""

import re
from collections.abc import Callable

import msgspec

from postier.mime.collation import unicode_fold

_DIGITS = re.compile(r"0*+([0-9]*+)")
_FOLD_COST = 24  # folding a character against comparing one
_INFINITY = (1 << 62, "")


class Comparator(msgspec.Struct, frozen=True):
    """One comparator. `weight` is what a character costs more than one that is only compared, when it is not ASCII."""

    name: str
    key: Callable[[str], object]
    fold: Callable[[str], str] | None
    is_octets: bool = False
    weight: int = 0

    def cost(self, value: str) -> int:
        """What making the key of a value costs, in characters."""
        return 0 if value.isascii() else self.weight * len(value)

    @property
    def has_substrings(self) -> bool:
        """Whether it can be used with :contains and :matches (RFC 5228 §2.7.1)."""
        return self.fold is not None


def _same(text: str) -> str:
    return text


def ascii_upper(text: str) -> str:
    """The text with the letters of US-ASCII, and no others, in upper case."""
    if text.isascii():
        return text.upper()
    return text.encode("utf-8", "surrogateescape").upper().decode("utf-8", "surrogateescape")


def ascii_lower(text: str) -> str:
    """The text with the letters of US-ASCII, and no others, in lower case."""
    if text.isascii():
        return text.lower()
    return text.encode("utf-8", "surrogateescape").lower().decode("utf-8", "surrogateescape")


def _number(text: str) -> tuple[int, str]:
    """The number at the start; what starts with no digit is infinity (RFC 4790 §9.1.1)."""
    match = _DIGITS.match(text)
    if match is None or not match[0]:
        return _INFINITY
    return len(match[1]), match[1]  # numbers without leading zeroes: the longer is larger


COMPARATORS = {
    each.name: each
    for each in (
        Comparator("i;octet", _same, _same, is_octets=True),
        Comparator("i;ascii-casemap", ascii_upper, ascii_upper, is_octets=True),
        Comparator("i;ascii-numeric", _number, None),
        Comparator("i;unicode-casemap", unicode_fold, unicode_fold, weight=_FOLD_COST),
    )
}
DEFAULT = COMPARATORS["i;ascii-casemap"]
ALWAYS_THERE = frozenset({"i;octet", "i;ascii-casemap"})  # RFC 5228 §2.7.3: need no require
