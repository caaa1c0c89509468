"""JSON objects that a stranger wrote, read into plain values within bounds.

Not here: what the members mean. Source: RFC 8259, RFC 7493 (I-JSON). Invariants: any octets give an object or JsonError;
a name stands once in an object (RFC 7519 §4: refuse, or take the last, and others might take the first); nesting is
counted before it is read; numbers are finite and short; text is Unicode without lone surrogates.
"""

import json
import math
import re
from typing import NoReturn

MAX_DEPTH = 8  # of objects and arrays
MAX_NUMBER_CHARACTERS = 32

# Strings are passed over; one that never ends is passed over to the end, so that each octet is looked at once
_MARK = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*\\?(?:"|\Z)|[\[\]{}]', re.DOTALL)
_DEEPER = frozenset("[{")
_HIGHER = frozenset("]}")


class JsonError(ValueError):
    """The octets are not the JSON object that is wanted."""


def read_object(octets: bytes, limit_octets: int) -> dict[str, object]:
    """The object; its values are None, bool, int, float, str, list and dict. Raises JsonError."""
    if len(octets) > limit_octets:
        raise JsonError(f"it is over {limit_octets} octets")
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise JsonError("it is not UTF-8") from None
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except JsonError:
        raise
    except ValueError:
        raise JsonError("it is not JSON") from None
    if not isinstance(value, dict):
        raise JsonError("it is no JSON object")
    return value


def text_of(value: object, limit_characters: int) -> str | None:
    """The text, if it is one that is not empty and not too long; None otherwise."""
    if not isinstance(value, str) or not 0 < len(value) <= limit_characters:
        return None
    try:
        value.encode("utf-8")  # an escaped lone surrogate is no character
    except UnicodeEncodeError:
        return None
    return value


def _check_depth(text: str) -> None:
    depth = 0
    for found in _MARK.finditer(text):
        mark = found[0]
        if mark in _DEEPER:
            depth += 1
            if depth > MAX_DEPTH:
                raise JsonError(f"it is nested over {MAX_DEPTH} levels")
        elif mark in _HIGHER:
            depth -= 1


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise JsonError("a name stands twice in it")
    return value


def _whole(digits: str) -> int:
    if len(digits) > MAX_NUMBER_CHARACTERS:
        raise JsonError("a number is too long")
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits) if len(digits) <= MAX_NUMBER_CHARACTERS else math.inf
    if not math.isfinite(number):
        raise JsonError("a number is too large or too long")
    return number


def _constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is no number of JSON")
