import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.sections import (
    SectionSpec,
    SectionText,
    UnknownEncodingError,
    binary_bytes,
    find_part,
    header_fields,
    section_bytes,
    section_range,
)
from postier.mime.structure import parse

C, H, T, M = SectionText.CONTENT, SectionText.HEADER, SectionText.TEXT, SectionText.MIME

# The shape of the example in RFC 9051 §6.4.5.1
INNER_42 = (
    b"Subject: 4.2\r\nContent-Type: multipart/mixed; boundary=e\r\n\r\n--e\r\n\r\nt421\r\n"
    b"--e\r\nContent-Type: multipart/alternative; boundary=f\r\n\r\n--f\r\n\r\nt4221\r\n"
    b"--f\r\nContent-Type: text/richtext\r\n\r\nt4222\r\n--f--\r\n--e--\r\n"
)
INNER_3 = (
    b"Subject: 3\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nt31\r\n"
    b"--c\r\nContent-Type: application/octet-stream\r\n\r\nt32\r\n--c--\r\n"
)
HEADER = b"Subject: top\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
TEXT = (
    b"--b\r\n\r\nt1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\nt2\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + INNER_3 + b"\r\n"
    b"--b\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d\r\nContent-Type: image/gif\r\n\r\nt41\r\n"
    b"--d\r\nContent-Type: message/rfc822\r\n\r\n" + INNER_42 + b"\r\n--d--\r\n--b--\r\n"
)
RAW = HEADER + TEXT
ROOT = parse(RAW)


@pytest.mark.parametrize(
    ("numbers", "text", "expected"),
    [
        ((), C, RAW),
        ((), H, HEADER),
        ((), T, TEXT),
        ((), M, None),
        ((1,), C, b"t1"),
        ((1,), M, b"\r\n"),
        ((1,), H, None),
        ((1,), T, None),
        ((1, 1), C, None),
        ((2,), C, b"t2"),
        ((3,), C, INNER_3),
        ((3,), H, INNER_3[: INNER_3.index(b"\r\n\r\n") + 4]),
        ((3,), T, INNER_3[INNER_3.index(b"\r\n\r\n") + 4 :]),
        ((3,), M, b"Content-Type: message/rfc822\r\n\r\n"),
        ((3, 1), C, b"t31"),
        ((3, 2), C, b"t32"),
        ((3, 3), C, None),
        ((4, 1), C, b"t41"),
        ((4, 1), M, b"Content-Type: image/gif\r\n\r\n"),
        ((4,), H, None),
        ((4, 2), H, INNER_42[: INNER_42.index(b"\r\n\r\n") + 4]),
        ((4, 2, 1), C, b"t421"),
        ((4, 2, 2), M, b"Content-Type: multipart/alternative; boundary=f\r\n\r\n"),
        ((4, 2, 2, 1), C, b"t4221"),
        ((4, 2, 2, 2), C, b"t4222"),
        ((5,), C, None),
        ((0,), C, None),
    ],
)
def test_sections(numbers: tuple[int, ...], text: SectionText, expected: bytes | None) -> None:
    assert section_bytes(RAW, ROOT, SectionSpec(numbers, text)) == expected
    found = section_range(ROOT, numbers, text)
    assert (None if found is None else RAW[slice(*found)]) == expected


def test_a_letter_that_is_no_multipart_has_a_part_1() -> None:
    raw = b"Subject: x\r\n\r\nbody"
    root = parse(raw)
    assert section_bytes(raw, root, SectionSpec((1,))) == b"body"
    assert section_bytes(raw, root, SectionSpec((1,), M)) == b"Subject: x\r\n\r\n"
    assert section_bytes(raw, root, SectionSpec((2,))) is None
    assert section_bytes(raw, root, SectionSpec((1, 1))) is None


def test_a_letter_that_is_a_message() -> None:
    raw = b"Subject: out\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody"
    root = parse(raw)
    assert section_bytes(raw, root, SectionSpec((1,), H)) == b"Subject: in\r\n\r\n"
    assert section_bytes(raw, root, SectionSpec((1, 1))) == b"body"
    assert (
        section_bytes(raw, root, SectionSpec((), H))
        == b"Subject: out\r\nContent-Type: message/rfc822\r\n\r\n"
    )


def test_every_part_is_found_by_its_path() -> None:
    for part in ROOT.walk():
        numbers = tuple(int(number) for number in part.path.split(".") if number)
        found = find_part(ROOT, numbers)
        assert found is part or (part.is_multipart and found is not None and part in (found, *found.children))


def test_header_fields() -> None:
    header = b"From: a\r\nSubject: x\r\n y\r\nfrom: b\r\nX-From: c\r\n\r\n"
    assert header_fields(header, [b"FROM"], negate=False) == b"From: a\r\nfrom: b\r\n\r\n"
    assert header_fields(header, [b"from", b"x-from"], negate=True) == b"Subject: x\r\n y\r\n\r\n"
    assert header_fields(header, [b"To"], negate=False) == b"\r\n"
    assert header_fields(b"From: a\r\n", [b"from"], negate=False) == b"From: a\r\n"  # no body, no empty line
    spec = SectionSpec((3,), SectionText.HEADER_FIELDS, (b"Subject",))
    assert section_bytes(RAW, ROOT, spec) == b"Subject: 3\r\n\r\n"
    spec = SectionSpec((), SectionText.HEADER_FIELDS_NOT, (b"Subject",))
    assert section_bytes(RAW, ROOT, spec) == b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def test_binary() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9=0Ax\r\n"
        b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n"
        b"--b\r\nContent-Transfer-Encoding: x-strange\r\n\r\nx\r\n--b--\r\n"
    )
    root = parse(raw)
    assert binary_bytes(raw, root, (1,)) == b"caf\xe9\r\nx"
    assert binary_bytes(raw, root, (2,)) == b"\x00\x01\x02"
    with pytest.raises(UnknownEncodingError):
        binary_bytes(raw, root, (3,))
    assert binary_bytes(raw, root, (4,)) is None
    assert binary_bytes(raw, root, ()) == raw
    assert binary_bytes(RAW, ROOT, (3,)) == INNER_3


@given(st.lists(st.integers(0, 4), max_size=6), st.sampled_from(SectionText))
def test_any_numbers_give_octets_or_nothing(numbers: list[int], text: SectionText) -> None:
    section_bytes(RAW, ROOT, SectionSpec(tuple(numbers), text, (b"Subject",)))
