"""JSON of strangers: within bounds, in linear time, and each name once."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.accounts.tokens.base64url import decode, encode
from postier.accounts.tokens.json_object import (
    MAX_DEPTH,
    MAX_NUMBER_CHARACTERS,
    JsonError,
    read_object,
    text_of,
)

LIMIT = 1 << 20


def read(text):
    return read_object(text.encode(), LIMIT)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(0, 1, width=16)
    | st.text(max_size=20)
)


@given(
    st.dictionaries(st.text(max_size=5), SCALARS | st.lists(SCALARS) | st.dictionaries(st.text(), SCALARS))
)
def test_what_is_written_is_read(value):
    assert read(json.dumps(value)) == value


@given(st.binary(max_size=100))
def test_any_octets_give_an_object_or_the_error(octets):
    try:
        assert isinstance(read_object(octets, 90), dict)
    except JsonError:
        return


def test_depth_at_its_bound():
    def nested(levels):
        return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)

    assert read(nested(MAX_DEPTH))
    with pytest.raises(JsonError, match="nested"):
        read(nested(MAX_DEPTH + 1))
    assert read('{"a": "[[[[[[[[[[[[", "b\\"{{{{{{{{{{": "\\\\"}')  # brackets within strings are none


def test_numbers_at_their_bound():
    assert read('{"a": %s}' % ("1" * MAX_NUMBER_CHARACTERS))
    assert read('{"a": 1.%s}' % ("1" * (MAX_NUMBER_CHARACTERS - 2)))
    for bad in (
        "1" * (MAX_NUMBER_CHARACTERS + 1),
        "0." + "1" * MAX_NUMBER_CHARACTERS,
        "1e400",
        "-Infinity",
        "NaN",
    ):
        with pytest.raises(JsonError):
            read(f'{{"a": {bad}}}')


@pytest.mark.parametrize(
    "unit", ['"', '\\"', '"\\', "[", "{", "]", '{"":', '"a",', "\\", '"\\"', "-", "1", "{}", "[]"]
)
def test_time_is_linear(unit):
    text = '{"a":' + unit * (200_000 // len(unit))
    began = time.process_time()
    with pytest.raises(JsonError):
        read(text)
    assert time.process_time() - began < 2


def test_texts():
    assert text_of("a" * 5, 5) == "a" * 5
    for bad in ("", "a" * 6, None, 5, [], "\ud800"):
        assert text_of(bad, 5) is None


@given(st.binary(max_size=70))
def test_base64url_reads_back(octets):
    text = encode(octets)
    assert decode(text) == octets
    assert not set("+/=") & set(text)


@pytest.mark.parametrize("text", ["A", "AA=", "AA==", "A A", "AB", "AAB", "+A", "/w", "é", "AA\n", "\u0661A"])
def test_what_is_no_base64url(text):
    assert decode(text) is None
