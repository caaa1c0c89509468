import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.content_fields import (
    MAX_KEPT_OCTETS,
    MAX_LANGUAGES,
    ContentFields,
    content_fields,
    read_part_header,
)
from postier.mime.headers import split_header


def read(raw: bytes) -> ContentFields:
    return content_fields(split_header(raw + b"\r\n").firsts())


def test_defaults() -> None:
    content = read(b"Subject: x\r\n")
    assert (content.type, content.encoding, content.disposition, content.is_valid) == (
        None,
        "7bit",
        None,
        True,
    )


def test_the_first_of_a_repeated_field_counts() -> None:
    content = read(b"Content-ID: <1>\r\nContent-ID: <2>\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n")
    assert content.type is not None
    assert (content.content_id, content.type.subtype) == (b"<1>", "b")


@pytest.mark.parametrize(
    ("value", "encoding"),
    [(b"BASE64", "base64"), (b" (c) 8bit ;", "8bit"), (b"", "7bit"), (b"x-\xff", "x-\ufffd")],
)
def test_encoding(value: bytes, encoding: str) -> None:
    assert read(b"Content-Transfer-Encoding: %b\r\n" % value).encoding == encoding


def test_limit_of_languages() -> None:
    at_limit = b"Content-Language: " + b",".join([b"x%d" % n for n in range(MAX_LANGUAGES)])
    assert len(read(at_limit + b"\r\n").language) == MAX_LANGUAGES
    assert len(read(at_limit + b",more\r\n").language) == MAX_LANGUAGES


LINES = [
    b"Content-Type: text/plain",
    b"Content-ID: <1>",
    b"content-id: <2>",
    b" folded",
    b"no field",
    b"From x",
    b"A: b",
]


@given(
    st.lists(st.sampled_from([*LINES, b"", b"\r", b"X: " + b"x" * MAX_KEPT_OCTETS]), max_size=6),
    st.sampled_from([b"\r\n", b"\n"]),
    st.integers(0, 40),
    st.integers(0, 400),
)
def test_a_remembered_header_is_the_same_as_one_that_is_read(lines, line_end, start, size) -> None:
    raw = b"Subject: before\r\n\r\n" + line_end.join(lines) + b"\r\n\r\nbody"
    start = min(start, len(raw))
    end = min(start + size, len(raw))
    read = split_header(raw, start, end)
    for _ in range(2):
        found = read_part_header(raw, start, end)
        assert (found.size_octets, found.defects) == (read.end - start, read.defects)
        assert found.content == content_fields(read.firsts())


@pytest.mark.parametrize("excess", [-1, 0, 1])
def test_a_header_about_as_long_as_is_remembered(excess: int) -> None:
    field = b"Content-ID: %b\r\n\r\n"
    octets = field % (b"x" * (MAX_KEPT_OCTETS + excess - len(field) + 2))
    assert len(octets) == MAX_KEPT_OCTETS + excess
    header = read_part_header(octets + b"body", 0, len(octets) + 4)
    assert (header.size_octets, header.content.content_id) == (len(octets), octets[12:-4])
