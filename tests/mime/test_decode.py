import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.decode import (
    MAX_TEXT_OCTETS,
    content_of,
    decode_base64,
    decode_quoted_printable,
    decode_transfer,
    text_of,
)
from postier.mime.structure import parse


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"", b""),
        (b"SGVsbG8=", b"Hello"),
        (b"SGVs\r\nbG8", b"Hello"),
        (b"SG*Vs bG8==", b"Hello"),
        (b"SGVsbG8=SGVsbG8=", b"HelloHello"),
        (b"SGVsbG8=\r\nQQ==\r\nQQ==", b"HelloAA"),
        (b"SGVsbG8=\r\n_____\r\nlist footer\r\n", b"Hello"),
        (b"=", b""),
        (b"A", b""),
        (b"QUFBQ", b"AAA"),
        (b"\xff\x00", b""),
    ],
)
def test_base64(data: bytes, content: bytes) -> None:
    assert decode_base64(data) == content


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"", b""),
        (b"caf=C3=A9", b"caf\xc3\xa9"),
        (b"caf=c3=a9", b"caf\xc3\xa9"),
        (b"so=\r\nft", b"soft"),
        (b"so=  \r\nft", b"soft"),
        (b"line  \t\r\nnext \n", b"line\r\nnext\n"),
        (b"bad =ZZ x", b"bad =ZZ x"),
        (b"end=", b"end"),
        (b"trailing ", b"trailing"),
        (b"under_score", b"under_score"),
        (b"8bit \xe9", b"8bit \xe9"),
    ],
)
def test_quoted_printable(data: bytes, content: bytes) -> None:
    assert decode_quoted_printable(data) == content


def test_other_encodings_are_left() -> None:
    assert decode_transfer(b"=41", "8bit") == b"=41"
    assert decode_transfer(b"=41", "x-strange") == b"=41"


@given(st.binary(max_size=300))
def test_any_octets_decode(data: bytes) -> None:
    decode_base64(data)
    decode_quoted_printable(data)


@given(st.binary(max_size=300))
def test_what_is_encoded_is_decoded(data: bytes) -> None:
    assert decode_base64(base64.encodebytes(data)) == data
    # As octets, not text: else the encoder makes the line ends alike
    assert decode_quoted_printable(binascii.b2a_qp(data, quotetabs=True, istext=False)) == data


def test_hostile_encodings_are_linear() -> None:
    decode_quoted_printable(b" " * 1_000_000 + b"x \n")
    decode_quoted_printable(b" \t\n" * 300_000)
    decode_base64(b"=" * 1_000_000)
    decode_base64(b"QQ=" * 300_000)


def test_text_of_a_part() -> None:
    raw = b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\x00\r\n"
    root = parse(raw)
    assert content_of(raw, root) == b"caf\xe9\x00\r\n"
    assert text_of(raw, root) == "café\r\n"
    html = b"Content-Type: text/html\r\n\r\n<p>a&eacute;<br>b</p>"
    assert text_of(html, parse(html)) == "aé b"
    image = b"Content-Type: image/png\r\n\r\nx"
    assert text_of(image, parse(image)) == ""


def test_limit_of_text() -> None:
    raw = b"Content-Type: text/plain; charset=utf-8\r\n\r\nx" + "é".encode() * (MAX_TEXT_OCTETS // 2)
    text = text_of(raw, parse(raw))
    assert text == "x" + "é" * (MAX_TEXT_OCTETS // 2 - 1)  # the character cut in two is left out
    assert text_of(raw[:-2], parse(raw[:-2])) == text
