"""What a client sent as JSON, held to I-JSON.

Not here: what it means (`request`). Sources: RFC 8620 §1.5, RFC 7493 §2. Invariants: any octets give a value or JsonError; a
value has no name twice, no lone surrogate, no noncharacter, and can be written as JSON again.
"""

import re

import msgspec

from postier.accounts.tokens.json_object import JsonError, read_value

MAX_DEPTH = 64  # of objects and arrays: filters and bodies nest, and the C reader recurses

# RFC 7493 §2.1: noncharacters of every plane
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(f"{chr(0xFFFE + (plane << 16))}{chr(0xFFFF + (plane << 16))}" for plane in range(17))
    + "]"
)


def read_i_json(octets: bytes, limit_octets: int) -> object:
    """The value, as None, bool, int, float, str, list and dict. Raises JsonError."""
    value = read_value(octets, limit_octets, MAX_DEPTH)
    text = octets.decode()
    if "\\u" in text:  # an escape may hide what must not be there
        try:
            text = msgspec.json.encode(value).decode()
        except UnicodeEncodeError:
            raise JsonError("a lone surrogate stands in it") from None
    if not text.isascii() and _NONCHARACTER.search(text) is not None:
        raise JsonError("a noncharacter stands in it")
    return value
