"""Stored searches in the place of FILTER."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.filters import MAX_PASSES, UndefinedFilterError, check_filter, expanded, is_filter
from postier.imap.refusals import PeerError
from postier.imap.search_syntax import MAX_KEYS, parse_program
from postier.imap.tokens import Cursor


def program(text):
    return parse_program(Cursor(text.encode()))


def stored(**filters):
    return {f"/private/filters/values/{name}": text.encode() for name, text in filters.items()}


def test_the_example_of_the_rfc():
    # RFC 5466 §3.1
    entries = {"/private/filters/values/on-the-road": b'OR SMALLER 5000 FROM "boss@example.com"'}
    found = expanded(program('UID 300:900 FILTER On-The-Road SINCE "3-Dec-2002"'), entries)
    assert found == program('UID 300:900 OR SMALLER 5000 FROM "boss@example.com" SINCE "3-Dec-2002"')


def test_private_filters_hide_shared_ones():
    entries = {"/shared/filters/values/a": b"SEEN"}
    assert expanded(program("FILTER a"), entries) == program("SEEN")
    assert expanded(program("FILTER a"), entries | stored(a="UNSEEN")) == program("UNSEEN")


def test_filters_of_filters():
    entries = stored(a="FILTER b FLAGGED", b="NOT FILTER c", c="DELETED")
    assert expanded(program("OR FILTER a FILTER c"), entries) == program("OR (UNDELETED FLAGGED) DELETED")
    deep = stored(**{f"f{n}": f"FILTER f{n + 1}" for n in range(MAX_PASSES)}) | stored(
        **{f"f{MAX_PASSES}": "SEEN"}
    )
    assert expanded(program("FILTER f1"), deep) == program("SEEN")
    with pytest.raises(UndefinedFilterError):
        expanded(program("FILTER f0"), deep)


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"a": "FILTER a"},
        {"a": "FILTER b", "b": "FILTER a"},
        {"a": "OR SMALLER"},
        {"a": ""},
        {"a": "SUBJECT {1}"},
    ],
)
def test_what_is_no_filter(filters):
    with pytest.raises(UndefinedFilterError) as caught:
        expanded(program("FILTER a"), stored(**filters))
    assert caught.value.code.text.startswith(b"UNDEFINED-FILTER ")


def test_what_filters_grow_to_is_bounded():
    many = " ".join(["FILTER b"] * 100)
    keys = " ".join(["SUBJECT x"] * (MAX_KEYS // 100))
    expanded(program("FILTER a"), stored(a=many, b=keys))
    for entries in (
        stored(a=many + " ALL SUBJECT y", b=keys),
        stored(a=many, b=many.replace("b", "c"), c=keys),
    ):
        with pytest.raises(PeerError, match="Too many"):
            expanded(program("FILTER a"), entries)


def test_what_may_be_stored():
    assert is_filter("/private/filters/values/a")
    assert not is_filter("/private/filters/descriptions/a")
    check_filter('SUBJECT "grüße" FILTER other'.encode())
    for value in (b"", b"OR SEEN", b"SEEN ", b"FILTER a/b", b"\xff"):
        with pytest.raises(PeerError):
            check_filter(value)


@given(st.text(st.sampled_from("FILTERabSN ()"), max_size=30))
def test_any_text_is_a_program_or_refused(text):
    with contextlib.suppress(PeerError):
        expanded(program("FILTER a"), stored(a=text, b="SEEN"))
