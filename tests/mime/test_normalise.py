import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.normalise import MAX_LINE_OCTETS, is_canonical, normalise, overlong_line, with_crlf


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"A: b\r\n\r\nx\r\n", b"A: b\r\n\r\nx\r\n"),
        (b"A: b\n\nx\n", b"A: b\r\n\r\nx\r\n"),
        (b"A: b\r\rx", b"A: b\r\n\r\nx\r\n"),
        (b"A: b\r\n\r\nx\n.\r\ny\r.\r\n", b"A: b\r\n\r\nx\r\n.\r\ny\r\n.\r\n"),
        (b"A: b\r\n\r\nx\x00y\r\n", b"A: b\r\n\r\nxy\r\n"),
        (b"A: b\r\n\r\nx\r\x00\ny\r\n", b"A: b\r\n\r\nx\r\ny\r\n"),
        (b"A: b\r\nno field\r\n", b"A: b\r\n\r\nno field\r\n"),
        (b"", b"\r\n"),
    ],
)
def test_normalise(raw: bytes, expected: bytes) -> None:
    assert normalise(raw) == expected
    assert is_canonical(raw) is (raw == expected)
    assert is_canonical(expected)


def test_limit_of_a_line() -> None:
    at_limit = b"x" * MAX_LINE_OCTETS + b"\r\n"
    assert overlong_line(b"\r\n" + at_limit * 3) is None
    assert overlong_line(b"\r\n" + at_limit + b"x" + at_limit) == 2 + len(at_limit)
    assert overlong_line(b"a\r\n" * 500 + b"x" + at_limit) == 1500
    assert overlong_line(b"\r\n" + b"x" * (MAX_LINE_OCTETS + 1)) == 2


def test_long_lines_are_broken() -> None:
    raw = b"A: " + b"y" * 3000 + b"\r\n\r\n" + b"x" * (3 * MAX_LINE_OCTETS - 2) + b"\r\nshort\r\n"
    normal = normalise(raw)
    assert is_canonical(normal)
    assert normal.replace(b"\r\n ", b"") == raw
    umlauts = b"\r\nx" + "ü".encode() * 1000 + b"\r\n"
    assert normalise(umlauts).decode().replace("\r\n ", "") == umlauts.decode()


@given(
    st.lists(
        st.sampled_from([b"\r", b"\n", b"\x00", b"x", b"A: b", b" ", b"y" * 990, b"\x80" * 30]), max_size=30
    ).map(b"".join)
)
def test_what_is_normal_is_canonical_and_stays(raw: bytes) -> None:
    normal = normalise(raw)
    assert is_canonical(normal)
    assert normalise(normal) == normal


@given(st.binary(max_size=50))
def test_line_ends(raw: bytes) -> None:
    result = with_crlf(raw)
    assert b"\r" not in result.replace(b"\r\n", b"")
    assert b"\n" not in result.replace(b"\r\n", b"")
