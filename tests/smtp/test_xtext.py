import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.smtp.xtext import decode_unitext, decode_xtext, encode_unitext, encode_xtext

TEXT = st.text(st.characters(blacklist_categories=["Cs"]))


def test_examples():
    assert encode_xtext("e=mc2@example.com") == "e+3Dmc2@example.com"  # RFC 4954 §5.1
    assert decode_xtext("QQ+2B314159") == "QQ+314159"
    assert encode_unitext("jürgen+x@b", ascii_only=True) == r"j\x{FC}rgen\x{2B}x@b"
    assert encode_unitext("jürgen+x@b", ascii_only=False) == r"jürgen\x{2B}x@b"
    assert decode_unitext(r"j\x{FC}rgen@b") == "jürgen@b"


@given(TEXT)
def test_round_trip(text):
    encoded = encode_xtext(text)
    assert encoded.isascii()
    assert not set(encoded) & set(" =\r\n")
    assert decode_xtext(encoded) == text
    assert decode_unitext(encode_unitext(text, ascii_only=True)) == text
    assert decode_unitext(encode_unitext(text, ascii_only=False)) == text


@pytest.mark.parametrize("text", ["a b", "a=b", "+", "+3", "+3d", "a\n", "+FF", "ü"])
def test_what_is_not_xtext(text):
    with pytest.raises(ValueError):
        decode_xtext(text)


@pytest.mark.parametrize(
    "text", ["a b", "a=b", "a+b", "\\", r"\x{}", r"\x{D800}", r"\x{110000}", r"\x{0041", "a\n"]
)
def test_what_is_not_unitext(text):
    with pytest.raises(ValueError):
        decode_unitext(text)
