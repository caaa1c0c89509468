import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.sasl.base64 import decode_base64, encode_base64


@given(st.binary())
def test_round_trip(octets):
    assert decode_base64(encode_base64(octets)) == octets
    assert b"\n" not in encode_base64(octets)


@pytest.mark.parametrize(
    "text",
    [
        b"=AAA",
        b"AAA=BBB",
        b"AAA",
        b"A",
        b"AA=",
        b"AAAA=",
        b"AAAA==",
        b"AAAA====",
        b"AA======",
        b"AA AA",
        b"AAAA\r\n",
        b"AA-_",
        b"=",
    ],
)
def test_strict(text):
    with pytest.raises(ValueError):  # RFC 4954 §4
        decode_base64(text)
