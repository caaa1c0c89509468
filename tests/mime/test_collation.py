import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.collation import MAX_KEY_OCTETS, search_fold, sort_key, unicode_fold

EVERY = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def test_rfc_5051() -> None:
    assert unicode_fold("\u01c4") == "Dz\u030c"  # its own example
    assert unicode_fold("\u00e9") == unicode_fold("E\u0301") == "E\u0301"
    assert unicode_fold("stra\u00dfe") == "STRA\u00dfE"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Grüße", "GRÜSSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("\uff21\uff42\uff43", "aBC"),
        ("İ", "i\u0307"),
        ("\u0131", "I"),
        ("ﬁn", "FIN"),
        ("한", "\u1112\u1161\u11ab"),
    ],
)
def test_texts_that_a_search_makes_equal(one: str, other: str) -> None:
    assert search_fold(one) == search_fold(other)


def test_what_the_comparator_makes_equal_a_search_does_too() -> None:
    for character in EVERY:
        folded = search_fold(character)
        assert folded == search_fold(unicode_fold(character)), hex(ord(character))
        assert search_fold(folded) == folded, hex(ord(character))


@given(st.text(), st.text(), st.text())
def test_a_part_stays_a_part(before: str, part: str, after: str) -> None:
    marks = [
        character
        for character in before + part + after
        if unicodedata.combining(unicodedata.normalize("NFKD", character)[-1])
    ]
    if not marks:
        assert search_fold(part) in search_fold(before + part + after)


@given(st.text(max_size=2_000))
def test_sort_keys_are_bounded_and_total(text: str) -> None:
    key = sort_key(text)
    assert len(key) <= MAX_KEY_OCTETS
    assert sort_key(text.swapcase()) == key or not text.isascii()


def test_a_key_is_cut_at_its_limit() -> None:
    assert sort_key("a" * MAX_KEY_OCTETS) != sort_key("a" * (MAX_KEY_OCTETS - 1))
    assert sort_key("a" * MAX_KEY_OCTETS) == sort_key("a" * MAX_KEY_OCTETS + "b")
    assert sort_key("\udcff") == b"?"
