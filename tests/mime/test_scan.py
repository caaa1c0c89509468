import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.scan import find, plain_find


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_found_in_every_kind_of_buffer(kind):
    assert find(kind(b"abc  d"), b"  ") == 3
    assert find(kind(b"abc d"), b"  ") == -1
    assert find(kind(b""), b"  ") == -1


@given(st.text(" \t\r\nx", max_size=300).map(str.encode), st.sampled_from([b"\t", b"  ", b" \r\n"]))
def test_both_ways_find_the_same(data, needle):
    assert find(data, needle) == plain_find(data, needle) == data.find(needle)
