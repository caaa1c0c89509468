import hashlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.dkim.canonical import (
    WINDOW,
    BodyHasher,
    BodyKey,
    Canon,
    canonical_field,
    relaxed_block,
    relaxed_field,
)
from postier.mailauth.letter import split_fields

TEXT = st.lists(
    st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"\n", b"a", b"bc", b".", b"  ", b"\r\n\r\n"]), max_size=30
).map(b"".join)


def reference(body, canon):
    """RFC 6376 §3.4.3 and §3.4.4 word by word."""
    if canon is Canon.RELAXED:
        body = re.sub(rb"[ \t]+", b" ", body)
        body = re.sub(rb" (?=\r\n|\Z)", b"", body)
    body = re.sub(rb"(?:\r\n)+\Z", b"", body)
    return body + b"\r\n" if body or canon is Canon.SIMPLE else b""


def hashed(pieces, canon, length=None):
    key = BodyKey(canon, "sha256", length)
    hasher = BodyHasher([key])
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest(key)


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        (b"A: X", b"a:X"),  # RFC 6376 §3.4.5
        (b"B : Y\t\r\n\tZ  ", b"b:Y Z"),
        (b"Subject:\r\n one", b"subject:one"),
        (b"X:", b"x:"),
        (b"X: \t ", b"x:"),
        (b"X: a\rb\nc", b"x:a\rb\nc"),
        (b"X: a\x0b b", b"x:a\x0b b"),
        (b"X: \xc3\xa9", b"x:\xc3\xa9"),
    ],
)
def test_relaxed_fields(raw, form):
    assert relaxed_field(raw) == form
    assert canonical_field(raw, Canon.RELAXED) == form
    assert canonical_field(raw, Canon.SIMPLE) == raw


@pytest.mark.parametrize(
    ("body", "simple", "relaxed"),
    [
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C \r\nD \t E\r\n", b" C\r\nD E\r\n"),  # RFC 6376 §3.4.5
        (b"", b"\r\n", b""),
        (b"\r\n\r\n", b"\r\n", b""),
        (b" \t\r\n", b" \t\r\n", b""),
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a\r\n\r", b"a\r\n\r\r\n", b"a\r\n\r\r\n"),
        (b"a\n\r\n", b"a\n\r\n", b"a\n\r\n"),
        (b"a\r\r\n\r\n", b"a\r\r\n", b"a\r\r\n"),
    ],
)
def test_bodies(body, simple, relaxed):
    for canon, form in ((Canon.SIMPLE, simple), (Canon.RELAXED, relaxed)):
        assert reference(body, canon) == form
        result = hashed([body], canon)
        assert result.digest == hashlib.sha256(form).digest()
        assert result.canonical_length == len(form)


@given(st.lists(TEXT, max_size=6), st.sampled_from(Canon), st.none() | st.integers(0, 20))
def test_pieces_never_change_the_hash(pieces, canon, length):
    form = reference(b"".join(pieces), canon)
    result = hashed(pieces, canon, length)
    assert result.canonical_length == len(form)
    assert result.digest == hashlib.sha256(form if length is None else form[:length]).digest()


@pytest.mark.parametrize("canon", Canon)
def test_windows(canon):
    body = b"word  word\t\r\n" * (WINDOW // 6)
    assert hashed([memoryview(body)], canon).digest == hashlib.sha256(reference(body, canon)).digest()
    assert hashed([bytearray(body)], canon).digest == hashlib.sha256(reference(body, canon)).digest()


def test_several_keys_share_one_pass():
    keys = [BodyKey(Canon.SIMPLE), BodyKey(Canon.RELAXED), BodyKey(Canon.RELAXED, "sha256", 3)]
    hasher = BodyHasher(keys + keys)
    hasher.update(b"a  b\r\n")
    assert [hasher.digest(key).canonical_length for key in keys] == [6, 5, 5]
    assert hasher.digest(keys[2]).digest == hashlib.sha256(b"a b").digest()
    BodyHasher([]).update(b"nothing to do")


@pytest.mark.parametrize("unit", [b"\r\n", b" ", b"\t", b" \r\n", b"\n", b"\r", b"\r\n ", b"a "])
@pytest.mark.parametrize("canon", Canon)
def test_hostile_bodies_take_linear_time(unit, canon):
    body = unit * (2_000_000 // len(unit))
    pieces = [body[start : start + 50_001] for start in range(0, len(body), 50_001)]
    start = time.process_time()
    result = hashed(pieces, canon)
    assert time.process_time() - start < 2
    assert result.canonical_length == len(reference(body, canon))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"Subject", b"X", b"From "]),
            st.lists(st.text(" \ta:\r\nB", max_size=12).map(str.encode), min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_block_of_fields_is_each_field_relaxed(fields):
    raws = [name + b":" + b"\r\n ".join(lines) for name, lines in fields]
    found = split_fields(b"\r\n".join(raws))
    block = relaxed_block(found)
    assert block == b"\r\n".join(relaxed_field(field.raw) for field in found)
