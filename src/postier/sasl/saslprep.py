"""SASLprep: names and passwords in the one form that is compared and hashed.

Source: RFC 4013 (stringprep, RFC 3454), which RFC 4616 §2 and RFC 5802 §5.1 name; RFC 8265 replaces it, but what SCRAM
hashes has to be what the peers hash. Invariant: printable ASCII comes out as it went in.
"""

import stringprep
from unicodedata import normalize

# RFC 4013 §2.3
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str, *, is_query: bool = True) -> str:
    """The prepared string; raises ValueError for prohibited characters, or if nothing is left.

    `is_query`: unassigned code points are let pass, as for what a client typed; not for what is stored.
    """
    if not (text.isascii() and text.isprintable()):
        text = _map(text)
        _check(text, is_query=is_query)
    if not text:
        raise ValueError("nothing is left of the string")
    return text


def _map(text: str) -> str:
    mapped = (
        " " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)
    )  # RFC 4013 §2.1
    return normalize("NFKC", "".join(mapped))


def _check(text: str, *, is_query: bool) -> None:
    for char in text:
        if any(is_prohibited(char) for is_prohibited in _PROHIBITED):
            raise ValueError("a prohibited character")
        if not is_query and stringprep.in_table_a1(char):
            raise ValueError("an unassigned code point")
    # RFC 3454 §6: right-to-left text stays right-to-left from end to end
    if any(map(stringprep.in_table_d1, text)) and (
        any(map(stringprep.in_table_d2, text))
        or not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1]))
    ):
        raise ValueError("mixed writing directions")
