import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.defects import Defect
from postier.mime.headers import MAX_FIELD_OCTETS, MAX_FIELDS, MAX_HEADER_OCTETS, split_header, unfold


def test_fields_have_offsets_into_the_raw_octets() -> None:
    raw = b"From: a@b\r\nSubject : one\r\n two\r\n\r\nbody"
    header = split_header(raw)
    assert [field.key for field in header.fields] == [b"from", b"subject"]
    assert raw[header.end :] == b"body"
    subject = header.fields[1]
    assert raw[subject.start : subject.end] == b"Subject : one\r\n two\r\n"
    assert raw[subject.value_start : subject.end] == subject.value == b" one\r\n two\r\n"
    assert header.first(b"subject") == b"one two"
    assert header.first(b"to") is None
    assert header.defects == ()


def test_all_gives_every_occurrence_in_order() -> None:
    header = split_header(b"Received: 1\r\nX: y\r\nreceived: 2\r\n\r\n")
    assert list(header.all(b"received")) == [b"1", b"2"]


@pytest.mark.parametrize(
    ("raw", "keys", "end", "is_ended"),
    [
        (b"", [], 0, True),
        (b"\r\nbody", [], 2, True),
        (b"\nbody", [], 1, True),
        (b"A: b", [b"a"], 4, True),
        (b"A: b\n\nbody", [b"a"], 6, True),
        (b"A: b\r\n\nbody", [b"a"], 7, True),
        (b"A: b\n\r\nbody", [b"a"], 7, True),
        (b"no field\r\nA: b\r\n\r\n", [], 0, False),
        (b"A: b\r\nno field\r\n\r\nx", [b"a"], 6, False),
        (b" continuation\r\nA: b\r\n\r\n", [], 0, False),
        (b"From a@b Tue\r\nA: b\r\n\r\n", [b"a"], 22, True),
        (b">From a@b Tue\nA: b\n\n", [b"a"], 20, True),
        (b": b\r\n\r\n", [], 0, False),
        (b"A\xc3\xa9: b\r\n\r\n", [], 0, False),
    ],
)
def test_where_the_section_ends(raw: bytes, keys: list[bytes], end: int, *, is_ended: bool) -> None:
    header = split_header(raw)
    assert [field.key for field in header.fields] == keys
    assert header.end == end
    assert (Defect.HEADER_NOT_ENDED not in header.defects) is is_ended


def test_a_section_inside_a_region() -> None:
    raw = b"--b\r\nA: b\r\n\r\nbody\r\n--b\r\n\r\n"
    header = split_header(raw, 5, 17)
    assert (header.start, header.end) == (5, 13)
    assert split_header(raw, 5, 11).end == 11


def test_limit_of_fields() -> None:
    at_limit = b"A: b\r\n" * MAX_FIELDS + b"\r\n"
    header = split_header(at_limit)
    assert len(header.fields) == MAX_FIELDS
    assert header.defects == ()
    over = split_header(b"A: b\r\n" + at_limit)
    assert len(over.fields) == MAX_FIELDS
    assert over.defects == (Defect.TOO_MANY_FIELDS,)
    assert over.end == len(at_limit) + 6


def test_limit_of_one_field() -> None:
    at_limit = b"A:" + b"x" * (MAX_FIELD_OCTETS - 2) + b"\r\n"
    assert split_header(at_limit + b"\r\n").defects == ()
    header = split_header(b"A:x" + at_limit[2:] + b"B: c\r\n\r\n")
    assert header.defects == (Defect.FIELD_TOO_LONG,)
    assert len(header.fields[0].value) == MAX_FIELD_OCTETS
    assert header.first(b"b") == b"c"


def section_of(octets: int) -> bytes:
    """A header of so many octets before its empty line, each field below its own limit."""
    field = b"X: " + b"y" * 50_000 + b"\r\n"
    count, rest = divmod(octets, len(field))
    return field * count + b"Z: " + b"z" * (rest - 5) + b"\r\n"


def test_limit_of_the_section() -> None:
    at_limit = split_header(section_of(MAX_HEADER_OCTETS) + b"\r\nbody")
    assert at_limit.defects == ()
    assert at_limit.first(b"z") is not None
    raw = section_of(MAX_HEADER_OCTETS + 1) + b"\r\nbody"
    over = split_header(raw)
    assert over.defects == (Defect.HEADER_TOO_LONG,)
    assert raw[over.end :] == b"body"
    raw = section_of(MAX_HEADER_OCTETS) + b"Last: 1\r\n\r\nbody"
    assert split_header(raw).first(b"last") is None
    assert raw[split_header(raw).end :] == b"body"


def test_a_mapped_file_is_read_alike() -> None:
    raw = b"A: b\r\n\r\nbody"
    with mmap.mmap(-1, len(raw)) as mapped:
        mapped[:] = raw
        assert split_header(mapped) == split_header(raw)


def test_unfold() -> None:
    assert unfold(b" a\r\n\tb\n c\rd \r\n") == b"a\tb c d"


@given(st.binary(max_size=300))
def test_any_octets_are_covered(raw: bytes) -> None:
    header = split_header(raw)
    assert 0 <= header.end <= len(raw)
    previous = 0
    for field in header.fields:
        assert previous <= field.start < field.value_start <= field.end <= header.end
        previous = field.end


@given(
    st.lists(
        st.tuples(
            st.from_regex(rb"[!-9;-~]{1,20}", fullmatch=True), st.from_regex(rb"[ -~]{0,60}", fullmatch=True)
        )
    )
)
def test_what_is_written_is_read(pairs: list[tuple[bytes, bytes]]) -> None:
    raw = b"".join([b"%b: %b\r\n" % pair for pair in pairs]) + b"\r\nbody"
    header = split_header(raw)
    assert [(field.key, unfold(field.value)) for field in header.fields] == [
        (n.lower(), v.strip()) for n, v in pairs
    ]
    assert raw[header.end :] == b"body"
