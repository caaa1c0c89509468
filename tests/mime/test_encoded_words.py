import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime import charsets, encoded_words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 2047 §8
        (b"(=?ISO-8859-1?Q?a?=)", "(a)"),
        (b"(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        (b"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
        (b"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
        (b"(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        (b"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
        (
            b"=?US-ASCII*EN?Q?Keith_Moore?= <moore@cs.utk.edu>",
            "Keith Moore <moore@cs.utk.edu>",
        ),  # RFC 2231 §5
        (b"=?utf-8?B?Z3LDvMOfZQ==?=", "grüße"),
        (b"=?utf-8?b?Z3LDvMOfZQ?=", "grüße"),  # no padding
        (b"=?utf-8?q?gr=C3?= =?UTF-8?q?=BC=C3=9Fe?=", "grüße"),  # a character split over two words
        (b"=?iso-8859-1?q?caf=e9 bar?=", "café bar"),
        (b"=?klingon?q?caf=e9?=", "café"),
        (b"=?utf-8?q?bad=ZZ?=", "bad=ZZ"),
        (b"=?utf-8?x?bad?=", "=?utf-8?x?bad?="),
        (b"=?utf-8?b?!?=", ""),
        (b"=?utf-8?b?A?=", "=?utf-8?b?A?="),
        (b"=?utf-8?q?a?=b=?utf-8?q?c?=", "abc"),
        (b"gr\xc3\xbc\xc3\x9fe", "grüße"),  # RFC 6532
        (b"gr\xfc\xdfe", "grüße"),
        (b"a =?utf-8?q?=0D=0ABcc=3A_x?= \x00", "a   Bcc: x  "),
        (b"=?utf-8?q?", "=?utf-8?q?"),
        (b"=?shift_jis?b?k/qWew==?=", "日本"),
        (b"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
    ],
)
def test_decode(value: bytes, text: str) -> None:
    assert encoded_words.decode(value) == text


@given(st.binary(max_size=200))
def test_any_octets_give_text_that_can_be_stored(value: bytes) -> None:
    text = encoded_words.decode(b"=?utf-7?q?" + value + b"?= =?utf-7?b?" + value)
    text.encode("utf-8")
    assert not any(ord(c) < 32 for c in text)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200), st.integers(24, 75))
def test_words_decode_to_what_was_encoded(text: str, room: int) -> None:
    words = encoded_words.encode(text, room)
    assert len(words[0]) <= room
    assert all(len(word) <= 75 and word.isascii() for word in words)
    assert encoded_words.decode(" ".join(words).encode()) == text


@pytest.mark.parametrize(("charset", "data", "text"), [
    (None, b"abc", "abc"), ("latin1", b"\xe9\x80", "é€"), ("UTF-8", b"\xc3\xa9\xff", "é\ufffd"), ("utf-7", b"+2AA-", "?"),
    ("idna", b"xn--caf-dma", "xn--caf-dma"), ("gb2312", "中文".encode("gb18030"), "中文"), ('"KOI8-R"', b"\xd4", "т"),
    ("unicode_escape", b"\\u0041", "\\u0041"), ("ascii", b"\xe9", "é"),
])  # fmt: skip
def test_charsets(charset: str | None, data: bytes, text: str) -> None:
    assert charsets.decode(data, charset) == text


def test_every_codec_of_the_table_exists_and_replaces() -> None:
    for name in charsets._BY_NAME:
        assert isinstance(charsets.decode(b"a\xff\x00\xfe", name), str)


def test_many_half_words_are_linear() -> None:
    assert len(encoded_words.decode(b"=?a?q?" * 40_000)) == 240_000
    assert len(encoded_words.decode(b"=?" * 100_000)) == 200_000
