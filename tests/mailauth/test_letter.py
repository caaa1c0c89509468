import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.letter import Letter, split_fields


def joined(letter):
    return b"".join(bytes(piece) for piece in letter.body)


def test_fields_keep_their_bytes():
    letter = Letter.parse(b"From: a@b.test\r\nSubject: one\r\n\ttwo\r\nX-Odd \t: y\r\n\r\nbody\r\n")
    assert [(field.name, field.raw) for field in letter.fields] == [
        (b"from", b"From: a@b.test"),
        (b"subject", b"Subject: one\r\n\ttwo"),
        (b"x-odd", b"X-Odd \t: y"),
    ]
    assert letter.fields[1].value == b" one\r\n\ttwo"
    assert joined(letter) == b"body\r\n"


def test_lines_that_are_no_field_are_passed_over():
    names = [
        field.name
        for field in split_fields(b"From a@b Mon\r\nA: 1\r\nnothing\r\n: empty\r\nB C: 2\r\nD: 3\r\n")
    ]
    assert names == [b"a", b"d"]


def test_without_body_and_without_header():
    assert joined(Letter.parse(b"A: 1\r\n")) == b""
    assert joined(Letter.parse(b"A: 1\r\n\r\n")) == b""
    letter = Letter.parse(b"\r\nonly body\r\n")
    assert letter.fields == ()
    assert joined(letter) == b"only body\r\n"
    assert Letter.parse(b"").fields == ()


def test_a_file_with_lf_is_converted():
    letter = Letter.parse(b"A: 1\n b\n\nx\ny\n")
    assert letter.fields[0].raw == b"A: 1\r\n b"
    assert joined(letter) == b"x\r\ny\r\n"


@pytest.mark.parametrize("size", [0, 100, 20_000, 70_000])
def test_views_and_mapped_files(tmp_path, size):
    raw = b"A: 1\r\n" + b"B: " + b"x" * size + b"\r\n\r\nbody\r\n"
    path = tmp_path / "letter"
    path.write_bytes(raw)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        letter = Letter.parse(mapped)
        assert len(letter.fields) == 2
        assert joined(letter) == b"body\r\n"
        letter.body[0].release()
        del letter
    assert joined(Letter.parse(memoryview(raw))) == b"body\r\n"
    assert joined(Letter.parse(memoryview(b"\r\nbody"))) == b"body"
    assert joined(Letter.parse(memoryview(b"A: 1\r\n"))) == b""


def test_header_and_body_apart():
    letter = Letter.of(b"A: 1\r\nB: 2\r\n\r\n", [b"x", b"y\r\n"])
    assert [field.name for field in letter.named(b"b")] == [b"b"]
    assert joined(letter) == b"xy\r\n"
    assert Letter.parse(letter) is letter


@given(st.binary())
def test_any_bytes(raw):
    letter = Letter.parse(raw)
    assert all(field.name for field in letter.fields)
    assert all(field.name == field.name.lower() for field in letter.fields)
