"""Flags as names, bits and texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.flags import (
    ANSWERED,
    DELETED,
    MAX_CACHED_TEXTS,
    MAX_FLAGS_NAMED,
    MAX_KEYWORD_BYTES,
    MAX_KEYWORDS,
    SEEN,
    FlagList,
    FlagTexts,
    flag_names,
    flags_text,
    keyword_bits,
    parse_flags,
)
from postier.imap.refusals import PeerError


def test_parse():
    assert parse_flags(b"") == FlagList()
    assert parse_flags(b"\\seen \\ANSWERED $Junk $JUNK x") == FlagList(SEEN | ANSWERED, ("$Junk", "x"))
    assert parse_flags(b"\\Recent") == FlagList()


@pytest.mark.parametrize("text", [b"\\Foo", b" ", b"a  b", b"a*", b"a%", b"\\*", b"a\x80", b'"a"', b"a]"])
def test_what_is_no_flag(text):
    with pytest.raises(PeerError, match="Invalid flag"):
        parse_flags(text)


def test_limits():
    assert len(parse_flags(b" ".join(b"k%d" % n for n in range(MAX_FLAGS_NAMED))).keywords) == MAX_FLAGS_NAMED
    with pytest.raises(PeerError, match="flags in one command"):
        parse_flags(b" ".join(b"k%d" % n for n in range(MAX_FLAGS_NAMED + 1)))
    parse_flags(b"k" * MAX_KEYWORD_BYTES)
    with pytest.raises(PeerError, match="characters"):
        parse_flags(b"k" * (MAX_KEYWORD_BYTES + 1))


def test_bits_and_names():
    keywords = ("$Junk", "later")
    assert keyword_bits(["LATER", "new"], keywords) == (1 << 6, ("new",))
    assert flag_names(DELETED | 1 << 5, keywords) == ["\\Deleted", "$Junk"]
    assert flags_text(SEEN | 1 << 6, keywords) == b"\\Seen later"
    assert flags_text(1 << 7, keywords) == b""  # a keyword that this table does not have yet


@given(st.integers(0, 2**62 - 1))
def test_names_and_bits_agree(bits):
    keywords = tuple(f"k{place}" for place in range(MAX_KEYWORDS))
    named = parse_flags(flags_text(bits & ~0b11111, keywords)) if bits >> 5 else FlagList()
    found, unknown = keyword_bits(named.keywords, keywords)
    assert found == bits & ~0b11111
    assert not unknown


def test_texts_are_cached_with_a_bound():
    texts = FlagTexts(("a",))
    assert texts[SEEN] is texts[SEEN]
    for bits in range(MAX_CACHED_TEXTS + 5):
        assert texts[bits] == flags_text(bits, ("a",))
    assert len(texts) <= MAX_CACHED_TEXTS
    assert FlagTexts((), is_recent=True)[SEEN] == b"\\Recent \\Seen"
    assert FlagTexts((), is_recent=True)[0] == b"\\Recent"
