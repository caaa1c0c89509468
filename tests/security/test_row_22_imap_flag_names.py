"""SECURITY 22: many crafted flag names: few are taken, however alike their hashes."""

import pytest

from postier.imap.flags import (
    FIRST_KEYWORD_BIT,
    MAX_FLAGS_NAMED,
    MAX_KEYWORDS,
    FlagTexts,
    keyword_bits,
    parse_flags,
)
from postier.imap.refusals import PeerError


def test_distinct_names_of_one_command_are_capped():
    names = b" ".join(b"k%d" % number for number in range(100_000))
    with pytest.raises(PeerError) as caught:
        parse_flags(names)
    assert caught.value.line(b"a").startswith(b"a NO [LIMIT] ")


def test_repeats_count_too():
    with pytest.raises(PeerError):
        parse_flags(b"a " * MAX_FLAGS_NAMED + b"a")


def test_a_full_mailbox_takes_no_more_and_fits_its_column():
    keywords = tuple(f"k{number}" for number in range(MAX_KEYWORDS))
    bits, unknown = keyword_bits([*keywords, "one-more"], keywords)
    assert unknown == ("one-more",)
    assert bits.bit_length() == FIRST_KEYWORD_BIT + MAX_KEYWORDS < 63


def test_combinations_do_not_pile_up():
    texts = FlagTexts(tuple(f"k{number}" for number in range(MAX_KEYWORDS)))
    for bits in range(0, 2**20, 64):
        texts[bits]
    assert len(texts) <= 4096
